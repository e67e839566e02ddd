#!/usr/bin/env bash
# format.sh [--fix]
#
# Compares every C++ and .proto file with what clang-format makes of it, or
# rewrites them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

mode=(--dry-run -Werror)
[ "${1:-}" != "--fix" ] || mode=(-i)

find . \( -name .git -o -name build -o -name node_modules \) -prune -o \
  \( -name '*.h' -o -name '*.cc' -o -name '*.proto' \) -type f -print0 |
  xargs -0 -P "$(nproc)" -n 16 clang-format "${mode[@]}" || {
    echo "Not formatted as .clang-format says; ./dev fmt does it." >&2
    exit 1
  }

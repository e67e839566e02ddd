#!/usr/bin/env bash
# tidy.sh [--changed | FILE..]
#
# clang-tidy on all .cc files, on the named ones, or on those that differ from
# the upstream branch (from the last commit where there is none).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

files=()
case "${1:-}" in
  --changed)
    base="$(git merge-base HEAD '@{upstream}' 2>/dev/null ||
      git rev-parse HEAD)"
    mapfile -t files < <(
      {
        git diff --name-only --diff-filter=d "$base" -- '*.cc'
        git ls-files --others --exclude-standard -- '*.cc'
      } | sort -u)
    if [ "${#files[@]}" -eq 0 ]; then
      echo "clang-tidy: no .cc file has changed"
      exit 0
    fi
    ;;
  '') mapfile -t files < <(git ls-files -- '*.cc') ;;
  *) files=("$@") ;;
esac

# It reads the compile commands and the generated headers of the debug build.
cmake --preset dev >/dev/null
cmake --build --preset dev --target quorate_generated

echo "clang-tidy: ${#files[@]} files"
printf '%s\0' "${files[@]}" |
  xargs -0 -P "$(nproc)" -n 1 clang-tidy -p build/dev --quiet

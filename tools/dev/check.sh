#!/usr/bin/env bash
# What to run before a commit: format, layers and house rules (they are tests
# of the fast kind), the fast tests on a debug build, clang-tidy on what
# changed. Under two minutes when the build is warm.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

tools/dev/install.sh test
tools/checks/proto.sh install
cmake --preset dev >/dev/null
cmake --build --preset dev --target quorate_tests_fast
ctest --preset dev -j "$(nproc)"
tools/checks/tidy.sh --changed

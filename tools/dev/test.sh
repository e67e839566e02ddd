#!/usr/bin/env bash
# test.sh [FILTER]
#
# Installs what is missing, builds, and runs every test: the unit and simulator
# tests under both sanitizers, then the whole suite on the release build. With
# FILTER (a regular expression on test names) only those of the release build.
#
# A failure does not stop what comes after it: one run shows all of them. The
# suite comes last, so that its summary ends the output of a run that passes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

tools/dev/install.sh test
tools/checks/proto.sh install

jobs="$(nproc)"
failed=()

sanitized() {
  local preset="$1"
  echo "dev: unit and simulator tests, preset $preset"
  cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset" \
    --target quorate_tests_unit quorate_tests_sim
  ctest --preset "$preset" -j "$jobs" || failed+=("$preset")
}

if [ $# -eq 0 ]; then
  sanitized asan
  sanitized tsan
fi

echo "dev: all tests, preset release"
cmake --preset release >/dev/null
cmake --build --preset release --target all quorate_tests
filter=()
[ $# -eq 0 ] || filter=(-R "$1")
ctest --preset release -j "$jobs" ${filter[@]+"${filter[@]}"} ||
  failed+=("release")

if [ "${#failed[@]}" -gt 0 ]; then
  echo "dev: tests failed in: ${failed[*]}" >&2
  exit 1
fi

#!/usr/bin/env bash
# fuzz.sh [FILTER]
#
# Builds the fuzz targets and runs each for ten seconds; with FILTER (a regular
# expression on their names) only those. An input that breaks a rule is kept
# below build/fuzz/fuzz/NAME_found and run first the next time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

tools/dev/install.sh test
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --target quorate_fuzz_targets
filter=()
[ $# -eq 0 ] || filter=(-R "$1")
ctest --test-dir build/fuzz -L fuzz --output-on-failure \
  ${filter[@]+"${filter[@]}"}

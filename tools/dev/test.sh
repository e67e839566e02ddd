#!/usr/bin/env bash
# test.sh [FILTER]
#
# Installs what is missing, builds for release, and runs every test; with FILTER
# (a regular expression on test names) only those. The sanitizers are apart, in
# sanitize.sh: they build everything again, twice.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

tools/dev/install.sh test
tools/checks/proto.sh install

cmake --preset release >/dev/null
cmake --build --preset release --target all quorate_tests
filter=()
[ $# -eq 0 ] || filter=(-R "$1")
ctest --preset release -j "$(nproc)" ${filter[@]+"${filter[@]}"}

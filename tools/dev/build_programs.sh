#!/usr/bin/env bash
# Installs what a build needs, and builds the programs (no tests) for release.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

tools/dev/install.sh build
# A configured tree configures itself again when a CMake file changes.
[ -f build/release/build.ninja ] || cmake --preset release
cmake --build --preset release --target quorated quorate quorate-example-hold

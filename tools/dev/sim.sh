#!/usr/bin/env bash
# sim.sh --seed N | --seeds A..B | --seeds-file FILE
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

tools/dev/install.sh build
[ -f build/release/build.ninja ] || cmake --preset release
cmake --build --preset release --target quorate-sim
exec build/release/tests/quorate-sim "$@"

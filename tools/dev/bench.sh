#!/usr/bin/env bash
# bench.sh [compare|failover] [--quick] ...
#
# Installs what is missing (etcd, too), builds for release, and runs the
# benchmark. See docs/performance.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

tools/dev/install.sh bench
[ -f build/release/build.ninja ] || cmake --preset release
cmake --build --preset release --target quorated quorate quorate-bench
PYTHONDONTWRITEBYTECODE=1 exec python3 tools/dev/bench.py "$@"

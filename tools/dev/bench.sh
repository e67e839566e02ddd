#!/usr/bin/env bash
# bench.sh [compare|failover|history] [--quick] ...
#
# Installs what is missing (etcd, too), builds for release, and runs the
# benchmark. See docs/performance.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ "${1:-}" = history ]; then
  shift
  tools/dev/install.sh build
  [ -f build/release/build.ninja ] || cmake --preset release
  cmake --build --preset release --target quorated quorate history_size \
    history_load
  PYTHONDONTWRITEBYTECODE=1 exec python3 tools/dev/bench_history.py "$@"
fi

tools/dev/install.sh bench
[ -f build/release/build.ninja ] || cmake --preset release
cmake --build --preset release --target quorated quorate quorate-bench
PYTHONDONTWRITEBYTECODE=1 exec python3 tools/dev/bench.py "$@"

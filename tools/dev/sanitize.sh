#!/usr/bin/env bash
# sanitize.sh [asan|tsan]...
#
# Builds and runs the unit and simulator tests under the sanitizers; both where
# none is named. A failure does not stop the other one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

presets=("$@")
[ $# -gt 0 ] || presets=(asan tsan)
for preset in "${presets[@]}"; do
  case "$preset" in
    asan | tsan) ;;
    *)
      echo "dev: sanitize knows asan and tsan, not $preset" >&2
      exit 2
      ;;
  esac
done

tools/dev/install.sh test
failed=()
for preset in "${presets[@]}"; do
  echo "dev: unit and simulator tests, preset $preset"
  cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset" \
    --target quorate_tests_unit quorate_tests_sim
  ctest --preset "$preset" -j "$(nproc)" || failed+=("$preset")
done

if [ "${#failed[@]}" -gt 0 ]; then
  echo "dev: tests failed under: ${failed[*]}" >&2
  exit 1
fi

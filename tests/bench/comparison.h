// All scenarios in turn, round after round, so that what else happens on the
// machine meets them all.

#ifndef QUORATE_TESTS_BENCH_COMPARISON_H_
#define QUORATE_TESTS_BENCH_COMPARISON_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace quorate::bench {

// Directories of what runs; see ClusterAccess.
struct BenchTargets {
  std::string quorate;
  std::string etcd;
  std::string echo;
};

struct ComparisonOptions {
  int rounds = 5;
  absl::Duration warmup = absl::Milliseconds(500);
  absl::Duration measured = absl::Seconds(2);
  std::vector<size_t> outstanding = {1, 16, 64};
  // Only scenarios whose name has this in it; all where empty.
  std::string filter;
};

// Writes the figures of each round to `out` as JSON (tools/dev/bench_report.py
// reads it), and progress to stderr.
absl::Status Compare(const BenchTargets& targets,
                     const ComparisonOptions& options, const std::string& out);

}  // namespace quorate::bench

#endif  // QUORATE_TESTS_BENCH_COMPARISON_H_

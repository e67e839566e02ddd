// How long nobody is served when a leader goes: ours and etcd's by the same
// clients, in turn.

#ifndef QUORATE_TESTS_BENCH_FAILOVER_H_
#define QUORATE_TESTS_BENCH_FAILOVER_H_

#include <string>

#include "absl/status/status.h"

#include "tests/bench/comparison.h"

namespace quorate::bench {

struct FailoverOptions {
  int rounds = 15;  // Of each kind for each system.
};

// For each round: load on one system, SIGKILL or SIGSTOP of its leader, the
// time until service is back, then the member is brought back. Writes all
// times to `out` as JSON, and progress to stderr.
absl::Status CompareFailovers(const BenchTargets& targets,
                              const FailoverOptions& options,
                              const std::string& out);

}  // namespace quorate::bench

#endif  // QUORATE_TESTS_BENCH_FAILOVER_H_

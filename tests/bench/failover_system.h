// A cluster whose leader can be made to go, and that is brought back.

#ifndef QUORATE_TESTS_BENCH_FAILOVER_SYSTEM_H_
#define QUORATE_TESTS_BENCH_FAILOVER_SYSTEM_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "tests/bench/cluster_access.h"
#include "tests/bench/failover_writers.h"

namespace quorate::bench {

// Ours and etcd. Thread-compatible.
class FailoverSystem {
 public:
  virtual ~FailoverSystem() = default;

  virtual std::string name() const = 0;

  // The number of the leader, where all members serve under the same one.
  virtual absl::StatusOr<size_t> HealthyLeader() const = 0;

  // One write for each of FailoverWriters::kWriters.
  virtual absl::StatusOr<std::vector<std::unique_ptr<FailoverWrite>>>
  MakeWrites() const = 0;

  // Starts a killed member again.
  virtual absl::Status Restart(const std::string& member) const = 0;

  // As the files say now.
  virtual absl::StatusOr<std::vector<BenchMember>> Members() const = 0;
};

// `access` outlives both. A write is a Checkout or the Checkin of its seat.
std::unique_ptr<FailoverSystem> QuorateForFailover(const ClusterAccess* access);

// A write is a put.
std::unique_ptr<FailoverSystem> EtcdForFailover(const ClusterAccess* access);

}  // namespace quorate::bench

#endif  // QUORATE_TESTS_BENCH_FAILOVER_SYSTEM_H_

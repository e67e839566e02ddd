// What the measured systems have in common: where their calls go.

#ifndef QUORATE_TESTS_BENCH_MEASURED_SYSTEM_H_
#define QUORATE_TESTS_BENCH_MEASURED_SYSTEM_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/grpcpp.h"

#include "tests/bench/cluster_access.h"
#include "tests/bench/load_loop.h"

namespace quorate::bench {

using Slots = std::vector<std::unique_ptr<Slot>>;

enum class Placement {
  kLeader,  // All connections to the leader.
  kSpread,  // The n-th connection to member n modulo the number of members.
};

// Up to so many connections are open at once; more calls than that share
// them. A member of a licence server sees many clients with a call each.
inline constexpr size_t kConnections = 16;

// All connections to a cluster, made when they are first used and kept.
// Thread-compatible.
class Connections {
 public:
  Connections(const ClusterAccess* access, std::vector<BenchMember> members);

  // The channel of the n-th outstanding call.
  std::shared_ptr<grpc::Channel> For(size_t slot, Placement placement,
                                     size_t leader);

  const std::vector<BenchMember>& members() const { return members_; }

  std::vector<pid_t> pids() const;

 private:
  const ClusterAccess* const access_;  // Not owned.
  const std::vector<BenchMember> members_;
  std::vector<std::vector<std::shared_ptr<grpc::Channel>>> channels_;
};

}  // namespace quorate::bench

#endif  // QUORATE_TESTS_BENCH_MEASURED_SYSTEM_H_

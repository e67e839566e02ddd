// Load on our own cluster by plain stubs, as a client without the SDK makes it.

#ifndef QUORATE_TESTS_BENCH_QUORATE_LOAD_H_
#define QUORATE_TESTS_BENCH_QUORATE_LOAD_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "tests/bench/measured_system.h"

namespace quorate::bench {

// The feature of the demonstration licence with the most seats.
inline constexpr char kBenchFeature[] = "viewer";

// Opens its sessions at the beginning; they outlive a run by their TTL of an
// hour. Thread-compatible.
class QuorateLoad {
 public:
  // A session for each slot, and as many as the renewals name.
  static constexpr size_t kSessions = 1600;

  static absl::StatusOr<std::unique_ptr<QuorateLoad>> Create(
      const ClusterAccess* access);

  // The number of the member that leads.
  absl::StatusOr<size_t> Leader() const;

  // One seat of one feature out, then in, each slot for a session of its own;
  // all from one pool. Each of both is an operation.
  Slots CheckoutSlots(size_t count, Placement placement, size_t leader);

  // A linearizable read of one pool.
  Slots ReadSlots(size_t count, Placement placement, size_t leader);

  // One message on a stream with `sessions` renewals, and its answer.
  Slots RenewalSlots(size_t count, size_t sessions, Placement placement,
                     size_t leader);

  std::vector<pid_t> pids() const { return connections_.pids(); }

 private:
  QuorateLoad(const ClusterAccess* access, std::vector<BenchMember> members);

  absl::Status OpenSessions();

  const ClusterAccess* const access_;  // Not owned.
  Connections connections_;
  std::vector<std::string> sessions_;
};

// A request id that no other call of this process has had.
std::string UniqueRequestId();

// The name of the leader that the member at this channel serves under; empty
// where it does not serve.
std::string ServingLeader(const std::shared_ptr<grpc::Channel>& channel);

// Opens a session with a TTL of an hour.
absl::StatusOr<std::string> OpenSession(
    const std::shared_ptr<grpc::Channel>& channel);

}  // namespace quorate::bench

#endif  // QUORATE_TESTS_BENCH_QUORATE_LOAD_H_

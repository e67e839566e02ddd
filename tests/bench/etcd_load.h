// The same load on etcd, by its own gRPC API.

#ifndef QUORATE_TESTS_BENCH_ETCD_LOAD_H_
#define QUORATE_TESTS_BENCH_ETCD_LOAD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "tests/bench/measured_system.h"

namespace quorate::bench {

// Whose pools the transactions count.
enum class PoolKeys {
  // A counter for each slot: no transaction ever fails, the most that etcd can
  // do. It is as if each client had a pool of its own.
  kOneEach,
  // One counter for all, as a pool is: who was overtaken reads the counter and
  // tries again, and that all is one operation.
  kShared,
};

// Thread-compatible.
class EtcdLoad {
 public:
  static absl::StatusOr<std::unique_ptr<EtcdLoad>> Create(
      const ClusterAccess* access);

  // The number of the member that leads.
  absl::StatusOr<size_t> Leader() const;

  // A put of a key of 16 bytes and a value of 128.
  Slots PutSlots(size_t count, Placement placement, size_t leader);

  // A checkout as etcd's users write one: if the counter of the pool is still
  // what was read, count up and write a record of the lease; a check-in counts
  // down and removes the record. Each of both is an operation.
  Slots CheckoutSlots(size_t count, PoolKeys pools, Placement placement,
                      size_t leader);

  // A linearizable read of one key.
  Slots ReadSlots(size_t count, Placement placement, size_t leader);

  std::vector<pid_t> pids() const { return connections_.pids(); }

 private:
  EtcdLoad(const ClusterAccess* access, std::vector<BenchMember> members);

  const ClusterAccess* const access_;  // Not owned.
  Connections connections_;
};

// What a member of etcd says of itself; `leader` is 0 where it knows none.
struct EtcdStatus {
  uint64_t member = 0;
  uint64_t leader = 0;
};

absl::StatusOr<EtcdStatus> StatusOfEtcd(
    const std::shared_ptr<grpc::Channel>& channel);

}  // namespace quorate::bench

#endif  // QUORATE_TESTS_BENCH_ETCD_LOAD_H_

// A log without a disk, for tests and small simulations.

#ifndef QUORATE_REPLICATION_STORAGE_MEMORY_LOG_STORE_H_
#define QUORATE_REPLICATION_STORAGE_MEMORY_LOG_STORE_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"

#include "base/mutex.h"
#include "replication/storage/log_store.h"

namespace quorate::replication {

// A log as RocksDbLogStore::Create makes it. Survives as long as the object:
// "restart" a member by building another node on the same store. Thread-safe.
class MemoryLogStore : public LogStore {
 public:
  MemoryLogStore(const MemberIdentity& identity,
                 const raft::Configuration& configuration);

  // The log of a member that joins, as RocksDbLogStore::CreateJoining makes it:
  // empty, with the members as it was told.
  static std::unique_ptr<MemoryLogStore> NewJoining(
      const MemberIdentity& identity, const raft::Configuration& told);

  const MemberIdentity& identity() const override { return identity_; }

  // Unlike a store on disk these follow every Append.
  raft::HardState RestoredHardState() const override;
  std::vector<raft::RestoredState::AtIndex> RestoredConfigurations()
      const override;
  std::optional<raft::SnapshotPosition> RestoredSnapshot() const override;

  void Append(const LogWrite& write) override;

  std::vector<raft::Entry> Read(raft::Index from, raft::Index to,
                                size_t max_bytes) const override;
  raft::Term TermAt(raft::Index index) const override;
  raft::Index FirstIndex() const override;
  raft::Index LastIndex() const override;

 private:
  explicit MemoryLogStore(const MemberIdentity& identity)
      : identity_(identity) {}

  // Constant after construction.
  const MemberIdentity identity_;
  std::shared_ptr<const raft::Configuration> told_;  // Joining only.

  // The index before the first entry.
  raft::Index BaseLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  raft::Index LastLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ReplaceTailLocked(const std::vector<raft::Entry>& tail)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable Mutex mu_;
  raft::HardState hard_state_ ABSL_GUARDED_BY(mu_);
  std::optional<raft::SnapshotPosition> snapshot_ ABSL_GUARDED_BY(mu_);
  // Entry with index i stands at i - BaseLocked() - 1.
  std::vector<raft::Entry> entries_ ABSL_GUARDED_BY(mu_);
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_MEMORY_LOG_STORE_H_

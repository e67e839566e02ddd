// The durable log of one member, in RocksDB.

#ifndef QUORATE_REPLICATION_STORAGE_ROCKSDB_LOG_STORE_H_
#define QUORATE_REPLICATION_STORAGE_ROCKSDB_LOG_STORE_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "base/mutex.h"
#include "replication/storage/fatal.h"
#include "replication/storage/log_store.h"
#include "replication/storage/term_runs.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Env;
class WriteBatch;
}  // namespace rocksdb

namespace quorate::replication {

struct LogStoreOptions {
  // Not owned, outlives the store; null means the system's file system.
  rocksdb::Env* env = nullptr;

  // Called once on a write, a read or a background job that failed. Empty means
  // ExitOnStorageFailure.
  FatalFunction fatal;

  // A log is written and hardly read, so a small buffer that goes to a table
  // now and then costs little, and bounds what a start must replay.
  size_t write_buffer_bytes = 8 << 20;

  // False in simulations: what fits in the write buffer then never occupies
  // RocksDB's own threads, so that each run does the same file operations.
  bool background_compaction = true;
};

// Lives in folder `raft/` of a member's data directory; docs/storage_format.md
// says what stands there. Holds the directory's lock from Open to destruction.
//
// Thread-safe as LogStore asks for it: one thread writes (Append), others read
// at the same time. A batch becomes visible to readers at once as a whole,
// after it is durable. Before a batch that replaces entries is handed to
// RocksDB the index is cut, and a Read works on one snapshot: so once Append
// was called, entries that it replaces are found by no call that starts later.
// A reader must not ask for entries at or after the start of a write that it
// has handed to the writer; the core keeps those in memory.
//
// Fails: Open says what is wrong; later a failing disk calls
// LogStoreOptions::fatal and the store is dead.
class RocksDbLogStore : public LogStore {
 public:
  // Makes the log of a new member of a new cluster: `identity`, entry 1 with
  // the members, and the hard state for it. All of it is durable, or nothing is
  // there, also after a crash.
  // Errors: ALREADY_EXISTS where there is a log in `data_dir`; INVALID_ARGUMENT
  // by CheckBootstrap; UNAVAILABLE or RESOURCE_EXHAUSTED where the disk fails.
  static absl::Status Create(const std::string& data_dir,
                             const MemberIdentity& identity,
                             const raft::Configuration& configuration,
                             const LogStoreOptions& options);

  // Makes the empty log of a member that comes into a cluster that is there.
  // `configuration` is as another member told it, with this one in it; it holds
  // until the log says better, and RestoredConfigurations has it at index 0.
  // Errors and durability as Create.
  static absl::Status CreateJoining(const std::string& data_dir,
                                    const MemberIdentity& identity,
                                    const raft::Configuration& configuration,
                                    const LogStoreOptions& options);

  // Checks every record before it trusts any.
  // Errors: NOT_FOUND where `data_dir` has no log; FAILED_PRECONDITION where it
  // is another cluster's or a later version's; DATA_LOSS where it is damaged:
  // the member is to be replaced; UNAVAILABLE where it cannot be read now (a
  // lock, a permission).
  static absl::StatusOr<std::unique_ptr<RocksDbLogStore>> Open(
      const std::string& data_dir, absl::string_view cluster_id,
      const LogStoreOptions& options);

  ~RocksDbLogStore() override;

  const MemberIdentity& identity() const override { return identity_; }

  raft::HardState RestoredHardState() const override { return restored_; }

  std::vector<raft::RestoredState::AtIndex> RestoredConfigurations()
      const override {
    return configurations_;
  }

  std::optional<raft::SnapshotPosition> RestoredSnapshot() const override {
    return snapshot_;
  }

  void Append(const LogWrite& write) override;

  std::vector<raft::Entry> Read(raft::Index from, raft::Index to,
                                size_t max_bytes) const override;
  raft::Term TermAt(raft::Index index) const override;
  raft::Index FirstIndex() const override;
  raft::Index LastIndex() const override;

 private:
  struct Database;

  // The latch is shared with RocksDB's listener.
  RocksDbLogStore(std::unique_ptr<Database> database,
                  std::shared_ptr<FatalLatch> fatal);

  // The latch is shared with RocksDB's listener.
  static absl::Status OpenDatabase(const std::string& folder,
                                   const LogStoreOptions& options,
                                   const std::shared_ptr<FatalLatch>& fatal,
                                   Database* database);
  void CheckWrite(const LogWrite& write) const;
  bool MustSync(const LogWrite& write) const;
  // Cuts the index so that no read that starts from here on finds what `write`
  // takes away.
  void HideBefore(const LogWrite& write);
  void FillBatch(const LogWrite& write, raft::Index old_last,
                 rocksdb::WriteBatch* batch) const;
  void PutHardState(const LogWrite& write, rocksdb::WriteBatch* batch) const;
  void Publish(const LogWrite& write);
  // Gives the space of tables back that hold nothing but what is gone.
  void DropTables();

  // Constant after Open.
  const std::unique_ptr<Database> database_;
  // Shared with RocksDB's listener, which its threads call.
  const std::shared_ptr<FatalLatch> fatal_;
  MemberIdentity identity_;
  raft::HardState restored_;
  std::vector<raft::RestoredState::AtIndex> configurations_;
  std::optional<raft::SnapshotPosition> snapshot_;

  // The writer's own.
  raft::HardState hard_state_;                      // As written last.
  std::vector<raft::Index> configuration_indexes_;  // Of entries, sorted.

  mutable Mutex mu_;
  TermRuns terms_ ABSL_GUARDED_BY(mu_);
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_ROCKSDB_LOG_STORE_H_

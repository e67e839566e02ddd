// Reads a whole `raft/` database and says whether it can be trusted.
// Includes RocksDB: for .cc files only.

#ifndef QUORATE_REPLICATION_STORAGE_LOG_RECOVERY_H_
#define QUORATE_REPLICATION_STORAGE_LOG_RECOVERY_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rocksdb/db.h"

#include "replication/raft/raft.h"
#include "replication/raft/types.h"
#include "replication/storage/log_store.h"
#include "replication/storage/term_runs.h"

namespace quorate::replication {

struct RecoveredLog {
  MemberIdentity identity;
  raft::HardState hard_state;

  // What stands for the entries before the first; nothing where none is gone.
  std::optional<raft::SnapshotPosition> snapshot;

  // The snapshot's, where there is one, then those of the entries.
  std::vector<raft::RestoredState::AtIndex> configurations;
  TermRuns terms;
};

// Checks every record: checksums, consecutive indexes from 1 or from the one
// after the snapshot's, terms that never go down and not beyond the hard
// state's, configuration records that agree with their entries, a commit index
// within the log and not before the snapshot's.
//
// DATA_LOSS names what is broken; nothing is repaired, since a member that
// forgot an acknowledged entry or vote must not take part again.
// FAILED_PRECONDITION where the directory belongs to another cluster or was
// written by a later version.
absl::StatusOr<RecoveredLog> RecoverLog(rocksdb::DB* db,
                                        rocksdb::ColumnFamilyHandle* log_family,
                                        absl::string_view cluster_id);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_LOG_RECOVERY_H_

// What a node makes of what it finds on its disk.

#ifndef QUORATE_REPLICATION_NODE_RECOVERY_H_
#define QUORATE_REPLICATION_NODE_RECOVERY_H_

#include "absl/status/status.h"

#include "replication/raft/raft.h"
#include "replication/raft/types.h"
#include "replication/snapshot_files.h"
#include "replication/state_machine.h"
#include "replication/storage/log_store.h"

namespace quorate::replication {

// Finishes the installation of a snapshot that a crash cut short after the log
// began behind it, and checks that log and state fit together.
// Errors: DATA_LOSS where they do not, or the snapshot is gone: this member
// must not vote, its directory is to be replaced.
absl::Status Recover(const LogStore& log, StateMachine* state_machine,
                     SnapshotFiles* snapshots);

// The rest is for what Recover found to be right.

raft::RestoredState RestoredStateOf(const LogStore& log, raft::Index applied);

// Where the state machine is, and which configuration was in force there.
raft::SnapshotPosition PositionOf(const LogStore& log, raft::Index applied);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_RECOVERY_H_

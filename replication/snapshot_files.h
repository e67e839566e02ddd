// Where a member keeps its snapshots.

#ifndef QUORATE_REPLICATION_SNAPSHOT_FILES_H_
#define QUORATE_REPLICATION_SNAPSHOT_FILES_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "replication/raft/types.h"
#include "replication/snapshot_stream.h"

namespace quorate::replication {

// One complete snapshot of this member's own making, and at most one that is
// being received. What is not complete after a crash is thrown away, or gone on
// with. Thread-safe.
class SnapshotFiles {
 public:
  virtual ~SnapshotFiles() = default;

  // A folder that is not there yet, for StateMachine::Checkpoint.
  virtual absl::StatusOr<std::string> CheckpointFolder() = 0;

  // Takes the checkpoint in `folder` as the newest snapshot, with the log's
  // position for which it stands; durable on return. The one before it goes
  // away when nobody reads it any more. Reads every byte, so not for a thread
  // in a hurry. Fails: the one before it stays.
  virtual absl::Status Adopt(const std::string& folder,
                             const raft::SnapshotPosition& position) = 0;

  virtual std::optional<raft::SnapshotPosition> Newest() const = 0;

  // NOT_FOUND where there is none; DATA_LOSS where it is damaged: it is gone
  // then.
  virtual absl::StatusOr<std::unique_ptr<SnapshotSource>> OpenNewest() = 0;

  // Receiving, as SnapshotSink has it. Begin keeps what is there of the same
  // snapshot and throws away any other. Finish checks the whole and makes it
  // durable.
  virtual absl::StatusOr<uint64_t> BeginReceiving(
      const SnapshotHeader& header) = 0;
  virtual absl::Status Receive(uint64_t offset, absl::string_view bytes) = 0;
  virtual absl::Status FinishReceiving() = 0;

  // The folder of the received snapshot of `position`, for
  // StateMachine::Install. NOT_FOUND where there is none of that index and
  // term; DATA_LOSS where it is damaged.
  virtual absl::StatusOr<std::string> Received(
      const raft::SnapshotPosition& position) = 0;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_SNAPSHOT_FILES_H_

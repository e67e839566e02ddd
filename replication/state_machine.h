// The meeting point of replication and what is replicated.
//
// The server implements it; replication calls it. Neither knows the other.

#ifndef QUORATE_REPLICATION_STATE_MACHINE_H_
#define QUORATE_REPLICATION_STATE_MACHINE_H_

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "replication/raft/types.h"

namespace quorate::replication {

// What applying one command gave. The state machine derives its own; the
// member that proposed the command hands it to whoever waits.
class Answer {
 public:
  virtual ~Answer() = default;
};

// Confined to the applier thread after Start, the constructor excepted.
class StateMachine {
 public:
  virtual ~StateMachine() = default;

  // The last index whose effects are in the state that was recovered at the
  // start. Entries after it are applied (again).
  virtual raft::Index AppliedIndex() const = 0;

  // Applies consecutive entries, the first being AppliedIndex() + 1. Every
  // entry is passed, also no-ops and configurations. The result must depend
  // on nothing but the state and the entries. Returns one answer an entry
  // (null for entries that are not commands), in order.
  //
  // The effects and the new applied index are made recoverable together: after
  // a crash both are there or neither. They need not be on the platter. A
  // state machine that cannot write ends the process.
  //
  // The same command may arrive more than once, as different entries: the
  // state machine recognises it by what the command carries.
  virtual std::vector<std::unique_ptr<Answer>> Apply(
      std::span<const raft::Entry> entries) = 0;

  // Makes a copy of the state as of AppliedIndex in the folder `directory`,
  // which is not there yet. What is written is durable on return (hard links
  // where they will do), so that it stands for the log up to that index. Takes
  // milliseconds, not a walk over the state. Fails: what is in the folder, or
  // in `directory`.tmp, is left for the caller to remove.
  virtual absl::Status Checkpoint(const std::string& directory) = 0;

  // Replaces the state by that of `directory`, which Checkpoint made, on this
  // member or another, and which is consumed; it lies in the member's data
  // directory itself, since a rename cannot leave it. Done or not at all: after
  // a crash in between, the next start finds one state or the other, and the
  // directory where it is not yet consumed. DATA_LOSS where it is damaged or
  // not of this cluster: nothing has changed then.
  virtual absl::Status Install(const std::string& directory) = 0;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STATE_MACHINE_H_

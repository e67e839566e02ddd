// The meeting point of replication and what is replicated.
//
// The server implements it; replication calls it. Neither knows the other.

#ifndef QUORATE_REPLICATION_STATE_MACHINE_H_
#define QUORATE_REPLICATION_STATE_MACHINE_H_

#include <memory>
#include <span>
#include <vector>

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
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STATE_MACHINE_H_

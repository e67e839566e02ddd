// What the core wants done, and what it must be told afterwards.
//
// Storage is always asynchronous (raft.Ready with AsyncStorageWrites in
// etcd-io/raft is the model). The driver takes a Ready and
//   1. sends `messages` at once,
//   2. queues `append` for the log writer, which makes it durable, then sends
//      append.messages, then reports append.receipt by Raft::OnAppended,
//   3. queues `committed` for the state machine and reports the last index
//      applied by Raft::OnApplied.
// Appends are done in the order of their Readies, and so are applies. A vote
// or an acknowledgement is only ever found in append.messages, so nothing is
// promised before it is on disk.

#ifndef QUORATE_REPLICATION_RAFT_READY_H_
#define QUORATE_REPLICATION_RAFT_READY_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "replication/raft/message.h"
#include "replication/raft/types.h"

namespace quorate::raft {

// Says which write has become durable. It is handed back as it was received.
// The core ignores a receipt whose entries were overwritten while it was under
// way, even where they were overwritten by the like of them (pitfall "ABA").
struct AppendReceipt {
  uint64_t write = 0;    // Counts the writes of this core, from 1.
  Term term;             // The core's term when the write was handed out.
  Index last_index;      // Last entry of the write; Index(0) where it had none.
  Term last_term;        // The term of that entry.
  HardState hard_state;  // As of this write.
};

struct AppendWork {
  // Where set, comes first: the whole log is replaced by this position (it
  // begins after it now), in the same atomic write as what follows; then the
  // state machine's state is replaced by the snapshot's, and only then the
  // receipt is reported. The driver has the snapshot already: this answers an
  // InstallSnapshot that it made. OnApplied(position.index) is reported when
  // the state machine has it.
  std::optional<SnapshotPosition> install;

  // Where set: the log up to here may be forgotten (Raft::Compact). Needs no
  // sync.
  std::optional<SnapshotPosition> compact_to;

  // Where set: replaces the record on disk.
  std::optional<HardState> hard_state;

  // Consecutive. Everything on disk from entries.front().index on is replaced
  // by them, in the same atomic write. May be empty.
  std::vector<Entry> entries;

  // To be sent once the above is durable, and everything before it.
  // A message of an earlier term than the core's is not among them.
  std::vector<Message> messages;

  AppendReceipt receipt;

  // True where the write must reach the platter before the messages go: new
  // entries, or a new term or vote. A commit index alone need not be synced.
  bool must_sync = false;

  bool empty() const {
    return !install.has_value() && !compact_to.has_value() &&
           !hard_state.has_value() && entries.empty() && messages.empty();
  }
};

// A read registered by Raft::ReadIndex may now be answered from a state that
// has applied `index`. `index` is Index(0) where the read was dropped, since
// leadership was lost: ask again, with a new nonce.
struct ReadState {
  uint64_t nonce = 0;
  Index index;
};

// A member needs a snapshot of at least `at_least`. The driver sends the newest
// it has (its own matter how, and on its own lane) and reports the end by
// Raft::OnSnapshotEnded. Given out once until then.
struct SnapshotOrder {
  MemberId to;
  Term term;  // The leader's, to go with the snapshot.
  Index at_least;
};

struct Ready {
  std::vector<Message> messages;
  AppendWork append;
  std::vector<Entry> committed;  // Durable here, committed, not yet handed out.
  std::vector<ReadState> reads;
  std::vector<SnapshotOrder> snapshots;

  bool empty() const {
    return messages.empty() && append.empty() && committed.empty() &&
           reads.empty() && snapshots.empty();
  }
};

}  // namespace quorate::raft

#endif  // QUORATE_REPLICATION_RAFT_READY_H_

// The messages of the Raft paper, one small struct each.
//
// The transport may lose, repeat, delay and reorder them; the core copes.

#ifndef QUORATE_REPLICATION_RAFT_MESSAGE_H_
#define QUORATE_REPLICATION_RAFT_MESSAGE_H_

#include <cstdint>
#include <variant>
#include <vector>

#include "replication/raft/types.h"

namespace quorate::raft {

// RequestVote (Raft, §5.2), or its rehearsal (PreVote, thesis §9.6), which
// changes no one's term.
struct VoteRequest {
  bool pre_vote = false;
  Index last_index;  // Of the candidate's durable log.
  Term last_term;
  // The leader itself asked for this election (thesis, §3.10), so members that
  // hear it vote all the same.
  bool transfer = false;
};

struct VoteReply {
  bool pre_vote = false;
  bool granted = false;
};

// AppendEntries with or without entries (Raft, §5.3).
struct AppendRequest {
  Index previous_index;
  Term previous_term;
  Index commit;
  std::vector<Entry> entries;
};

// `match` is the last index that this message proved to be the same and
// durable, never the follower's own last index. On a refusal `match` is the
// refused previous_index, and the hint is a place where the logs may agree.
struct AppendReply {
  bool accepted = false;
  Index match;
  Index hint_index;
  Term hint_term;
};

// Leader's sign of life. `commit` never exceeds what the receiver has
// acknowledged. `read_round` numbers the leader's ReadIndex rounds of a term;
// zero where no read waits.
struct Heartbeat {
  Index commit;
  uint64_t read_round = 0;
};

struct HeartbeatReply {
  uint64_t read_round = 0;  // As received.
};

// A leader hands its leadership on: the receiver starts an election at once,
// without a rehearsal (thesis, §3.10).
struct TimeoutNow {};

// The receiver's log is too far behind to be brought up by entries; it has
// received a snapshot instead. The bytes travel apart from this message: the
// receiver's driver makes it, on behalf of the leader `from`, once it holds the
// whole snapshot, checked and on its disk. Answered by an AppendReply.
struct InstallSnapshot {
  SnapshotPosition position;
};

using MessageBody =
    std::variant<VoteRequest, VoteReply, AppendRequest, AppendReply, Heartbeat,
                 HeartbeatReply, TimeoutNow, InstallSnapshot>;

struct Message {
  MemberId from;
  MemberId to;
  Term term;
  MessageBody body;
};

// "VoteRequest", "AppendReply" and so on, for logs and traces.
const char* MessageName(const Message& message);

}  // namespace quorate::raft

#endif  // QUORATE_REPLICATION_RAFT_MESSAGE_H_

// What a leader knows of one other member, and how much it has sent ahead.

#ifndef QUORATE_REPLICATION_RAFT_PROGRESS_H_
#define QUORATE_REPLICATION_RAFT_PROGRESS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "replication/raft/types.h"

namespace quorate::raft {

struct InflightLimits {
  size_t messages = 64;
  size_t bytes = 8 * 1024 * 1024;
};

// The appends under way to one member: a ring that grows to at most
// limits.messages slots. Confined to the consensus thread.
class Inflights {
 public:
  explicit Inflights(const InflightLimits& limits) : limits_(limits) {}

  // True where nothing more may be sent. One message may go over the limit of
  // bytes, so that an entry larger than the limit is sent at all.
  bool Full() const {
    return count_ >= limits_.messages || bytes_ >= limits_.bytes;
  }

  // A message whose last entry is `last` goes out. Must not be Full().
  void Add(Index last, size_t bytes);

  // Everything up to `index` has arrived.
  void FreeUpTo(Index index);

  void Clear();

  size_t count() const { return count_; }

  size_t bytes() const { return bytes_; }

 private:
  struct Sent {
    Index last;
    size_t bytes = 0;
  };

  InflightLimits limits_;
  std::vector<Sent> ring_;
  size_t start_ = 0;
  // Invariant: count_ <= limits_.messages.
  size_t count_ = 0;
  // Invariant: bytes_ is the sum over the messages under way.
  size_t bytes_ = 0;
};

// The leader's view of one member. While it does not know where the logs agree
// it probes: one message, then it waits for a sign. When a probe has been
// accepted it replicates: messages follow one another without waiting, within
// the limits. A member that needs entries which are compacted away gets a
// snapshot, and nothing else until that has ended or it says that it has what
// it needs (etcd-io/raft, tracker/progress.go, PendingSnapshot). Confined to
// the consensus thread.
class Progress {
 public:
  enum class State { kProbe, kReplicate, kSnapshot };

  // A new leader takes it that the other's log is like its own (Raft, §5.3:
  // nextIndex is the one after the leader's last).
  Progress(Index next, const InflightLimits& limits)
      : next_(next), inflights_(limits) {}

  State state() const { return state_; }

  Index match() const { return match_; }

  Index next() const { return next_; }

  Index told_commit() const { return told_commit_; }

  const Inflights& inflights() const { return inflights_; }

  // True where nothing with entries may be sent now.
  bool Paused() const;

  // A message went out that holds the entries from next() to `last` (Index one
  // below next() where it had none) and lets the receiver commit up to
  // `told_commit`.
  void OnSent(Index last, size_t bytes, Index told_commit);

  // The member acknowledged that it holds everything up to `match`; the log
  // begins with `first_index`. Returns false where that was known.
  bool OnAccepted(Index match, Index first_index);

  // The member refused an append whose previous entry was `rejected`; the logs
  // may agree at `hint`. Returns false where the refusal is out of date.
  bool OnRejected(Index rejected, Index hint);

  // A sign of life: one more message may be tried, since the last may be lost.
  void Resume() { probe_sent_ = false; }

  // The member must get a snapshot of `at_least` or later, which is above
  // match(). Waits without a limit of time: an installation takes as long as it
  // takes (raft.md, pitfall 17).
  void BecomeSnapshot(Index at_least);

  // The snapshot has been handed over, or has failed. Where it was handed over
  // the next probe starts after `at_least`, which the leader's log begins
  // after; else, at the next sign of life, the leader finds out again that a
  // snapshot is needed. Does nothing but in kSnapshot.
  void OnSnapshotEnded(bool delivered, Index at_least);

  // What was sent ahead may be lost: starts again after the last acknowledged
  // entry.
  void BecomeProbe();

  // Set by any message of the member, cleared by the leader's check (thesis,
  // §6.2: a leader steps down without a quorum).
  bool recently_active = false;

  // An append without entries is due, to find out whether messages were lost.
  bool poke = false;

  // The latest of the leader's read rounds that the member has answered.
  uint64_t acknowledged_round = 0;

 private:
  State state_ = State::kProbe;
  // Invariant: match_ < next_.
  Index match_;
  Index next_;
  // What the member can commit up to, if no message is lost.
  Index told_commit_;
  bool probe_sent_ = false;
  // Invariant: empty but while replicating.
  Inflights inflights_;
};

}  // namespace quorate::raft

#endif  // QUORATE_REPLICATION_RAFT_PROGRESS_H_

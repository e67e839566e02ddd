// Which of this member's proposals are where.

#ifndef QUORATE_REPLICATION_NODE_PROPOSAL_TRACKER_H_
#define QUORATE_REPLICATION_NODE_PROPOSAL_TRACKER_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/time/time.h"

#include "replication/node/consensus_loop.h"
#include "replication/raft/raft.h"
#include "replication/raft/types.h"

namespace quorate::replication {

// A proposal is pending, or sent: handed to the leader of one term as part of
// one batch. Beside that it may be in doubt: an earlier attempt was lost sight
// of, and may have been appended in its term. A proposal that is sent or in
// doubt ends as kUnknown, any other with a certain no.
//
// Thread rule: Confined to the consensus thread.
class ProposalTracker {
 public:
  using Failures = std::vector<LoopOutput::Failure>;

  void Add(uint64_t sequence, raft::Payload payload, absl::Duration deadline);

  // Takes pending proposals in the order of their sequences, as many as fit in
  // one message, and notes them as sent to the leader of `term`. Empty where
  // nothing is pending, or where so much is sent that an answer comes first.
  std::vector<raft::Proposal> TakeBatch(uint64_t run, raft::Term term,
                                        uint64_t batch, absl::Duration now);

  // Nothing of `batch` was appended: what still waits for it is pending again,
  // and nothing is sent before Release. Where the leader was overloaded, those
  // without doubt fail.
  void OnRejected(uint64_t batch, const std::vector<uint64_t>& sequences,
                  bool overloaded, Failures* failures);

  // True from a rejection until Release: an answer such as this would only be
  // given again.
  bool held() const { return held_; }

  void Release() { held_ = false; }

  // What was sent in `term` at or before `until` may be lost: it is pending
  // again, in doubt.
  void Doubt(raft::Term term, absl::Duration until);

  // An entry of `term` was applied. Attempts of earlier terms that were not
  // applied by now never will be (consensus_loop.h).
  void OnAppliedTerm(raft::Term term);

  // Applied: nobody waits any longer. Unknown sequences are ignored.
  void OnApplied(const std::vector<uint64_t>& sequences);

  // Ends those whose deadline is not after `now`.
  void Expire(absl::Duration now, Failures* failures);

  // The entries that could have told which of the attempts were appended are
  // gone: ends all that were attempted.
  void FailDoubtful(Failures* failures);

  // Ends all.
  void FailAll(Failures* failures);

  size_t size() const { return waiting_.size(); }

 private:
  struct Waiting {
    raft::Payload payload;
    absl::Duration deadline;

    bool sent = false;
    raft::Term term;         // Of the last attempt.
    uint64_t batch = 0;      // Of the last attempt.
    absl::Duration sent_at;  // Of the last attempt.

    // The latest term of an earlier attempt that may have been appended.
    raft::Term doubt;
  };

  using WaitingMap = absl::btree_map<uint64_t, Waiting>;

  static ProposeOutcome OutcomeOf(const Waiting& waiting);
  void MakePending(uint64_t sequence, Waiting* waiting);
  void Remove(WaitingMap::iterator it);

  WaitingMap waiting_;  // By sequence.

  // Invariant: exactly the sequences of waiting_ that are not sent.
  absl::btree_set<uint64_t> pending_;

  // Invariant: one for each of waiting_.
  absl::btree_set<std::pair<absl::Duration, uint64_t>> deadlines_;

  size_t sent_bytes_ = 0;  // Payloads of what is sent.
  bool held_ = false;
  raft::Term applied_term_;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_PROPOSAL_TRACKER_H_

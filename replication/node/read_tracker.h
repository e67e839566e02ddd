// Which of this member's reads wait for which answer.

#ifndef QUORATE_REPLICATION_NODE_READ_TRACKER_H_
#define QUORATE_REPLICATION_NODE_READ_TRACKER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/time/time.h"

#include "replication/node/consensus_loop.h"
#include "replication/raft/types.h"

namespace quorate::replication {

// All reads that wait when a round begins share it: one question under one
// nonce. A question that is not answered is asked again in a new round, with a
// new nonce (etcd#20418 shows what comes of using one twice). A late answer to
// the first question still holds for the reads that asked it.
//
// Thread rule: Confined to the consensus thread.
class ReadTracker {
 public:
  using Grants = std::vector<LoopOutput::ReadGrant>;

  // Nonces are counted up from `first_nonce`, which is random: an answer to an
  // earlier run of this member must not meet a nonce of this one.
  explicit ReadTracker(uint64_t first_nonce) : first_nonce_(first_nonce) {}

  void Add(uint64_t read, absl::Duration deadline);

  // Begins a round for all pending reads and returns its nonce; nothing where
  // none is pending.
  std::optional<uint64_t> BeginRound(absl::Duration now);

  // The round `nonce` was answered: its reads may run at `index`. With
  // Index(0) they are pending again. Unknown nonces are ignored.
  void OnAnswer(uint64_t nonce, raft::Index index, Grants* grants);

  // The reads of rounds that began at or before `until` are pending again.
  void AskAgain(absl::Duration until);

  // Ends those whose deadline is not after `now`, with kNoQuorum: no leader
  // that a quorum confirms has been found.
  void Expire(absl::Duration now, Grants* grants);

  // Ends all, with kNoQuorum.
  void FailAll(Grants* grants);

  size_t size() const { return waiting_.size(); }

 private:
  struct Round {
    std::vector<uint64_t> reads;
    absl::Duration began;
    bool asked_again = false;
  };

  void Grant(uint64_t read, ReadOutcome outcome, raft::Index index,
             Grants* grants);
  void ForgetOldRounds();

  const uint64_t first_nonce_;

  absl::btree_map<uint64_t, absl::Duration> waiting_;  // Deadline by read.
  absl::btree_set<std::pair<absl::Duration, uint64_t>> deadlines_;
  std::vector<uint64_t> pending_;  // In no round; may hold ended ones.

  // By the number of the round; its nonce is first_nonce_ + number.
  absl::btree_map<uint64_t, Round> rounds_;
  uint64_t next_round_ = 0;
  size_t asked_again_ = 0;  // Rounds that are kept for a late answer only.
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_READ_TRACKER_H_

// Linearizable reads without a log entry: thesis, §6.4. The leader notes its
// commit index, makes sure by a round of heartbeats that it still leads, and
// then the read may run on any state that has applied that index.
//
// Rounds are numbered within a term and never used twice; an answer to a round
// confirms the reads of that round and of those before it (raft.md,
// pitfall 21).

#include "base/check.h"
#include "replication/raft/raft_core.h"

namespace quorate::raft {

namespace {

// More reads than a node lets in at once; beyond it the caller is refused.
constexpr size_t kMaxPendingReads = 65536;

}  // namespace

absl::Status Raft::Core::ReadIndex(uint64_t nonce) {
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) {
    return absl::FailedPreconditionError("this member is not the leader");
  }
  if (leader->reads.size() + leader->early_reads.size() >= kMaxPendingReads) {
    return absl::ResourceExhaustedError("too many reads wait");
  }
  leader->early_reads.push_back(nonce);
  ReleaseEarlyReads(*leader);
  return absl::OkStatus();
}

// A new leader does not know what is committed before an entry of its own term
// is (Raft, §8). Until then reads wait.
void Raft::Core::ReleaseEarlyReads(Leader& leader) {
  if (!committed_in_term_ || leader.early_reads.empty()) return;
  for (const uint64_t nonce : leader.early_reads) {
    leader.reads.push_back({.nonce = nonce,
                            .index = log_.commit(),
                            .round = leader.read_round + 1});
  }
  leader.early_reads.clear();
  // Where this member alone is the quorum, it has just confirmed itself.
  ConfirmReads(leader);
}

bool Raft::Core::ReadRoundDue(const Leader& leader) const {
  return !leader.reads.empty() && leader.reads.back().round > leader.read_round;
}

void Raft::Core::StartReadRound(Leader& leader) {
  if (!ReadRoundDue(leader)) return;
  ++leader.read_round;
  BroadcastHeartbeat(leader);
}

void Raft::Core::ConfirmReads(Leader& leader) {
  if (leader.reads.empty()) return;
  const Index confirmed =
      QuorumIndex(configurations_.membership(), [&](MemberId member) -> Index {
        if (member == options_.id) return kEveryIndex;
        const Peer* peer = leader.Find(member);
        return Index(peer == nullptr ? 0 : peer->progress.acknowledged_round);
      });
  while (!leader.reads.empty() &&
         leader.reads.front().round <= confirmed.value()) {
    read_states_.push_back(
        {leader.reads.front().nonce, leader.reads.front().index});
    leader.reads.pop_front();
  }
}

void Raft::Core::DropReads(Leader& leader) {
  for (const PendingRead& read : leader.reads) {
    read_states_.push_back({read.nonce, Index(0)});
  }
  for (const uint64_t nonce : leader.early_reads) {
    read_states_.push_back({nonce, Index(0)});
  }
  leader.reads.clear();
  leader.early_reads.clear();
}

}  // namespace quorate::raft

// Leadership transfer: thesis, §3.10.

#include "replication/raft/raft_core.h"

namespace quorate::raft {

absl::Status Raft::Core::TransferLeadership(MemberId to) {
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) {
    return absl::FailedPreconditionError("this member is not the leader");
  }
  if (to == kNobody) to = MostCaughtUp(*leader);
  if (to == kNobody || to == options_.id ||
      !IsVoter(configurations_.membership(), to)) {
    return absl::InvalidArgumentError("no other voter to lead");
  }
  if (leader->transfer_to != kNobody) {
    if (leader->transfer_to == to) return absl::OkStatus();
    return absl::FailedPreconditionError("leadership is being handed over");
  }
  leader->transfer_to = to;
  leader->transfer_ticks = 0;
  MaybeHandOver(*leader);
  return absl::OkStatus();
}

// The voter who has acknowledged most; of several one that was heard lately.
MemberId Raft::Core::MostCaughtUp(const Leader& leader) const {
  const Peer* best = nullptr;
  for (const Peer& peer : leader.peers) {
    if (!IsVoter(configurations_.membership(), peer.id)) continue;
    const bool better =
        best == nullptr || peer.progress.match() > best->progress.match() ||
        (peer.progress.match() == best->progress.match() &&
         peer.progress.recently_active && !best->progress.recently_active);
    if (better) best = &peer;
  }
  return best == nullptr ? kNobody : best->id;
}

// Sent again at every sign of life, since it may be lost.
void Raft::Core::MaybeHandOver(Leader& leader) {
  if (leader.transfer_to == kNobody) return;
  const Peer* peer = leader.Find(leader.transfer_to);
  if (peer == nullptr || peer->progress.match() != log_.last_index()) return;
  Send(leader.transfer_to, term_, TimeoutNow{});
}

void Raft::Core::TickTransfer(Leader& leader) {
  if (leader.transfer_to == kNobody) return;
  if (++leader.transfer_ticks < options_.election_ticks) return;
  leader.transfer_to = kNobody;
  FinishChange(leader);
}

void Raft::Core::OnMessage(const Message& message, const TimeoutNow&) {
  if (!FollowSender(message) || !MayCampaign()) return;
  asked_to_lead_ = term_;
  MaybeTakeOver();
}

// Without all of its log on disk this member might lose against those who have
// what it was sent last.
void Raft::Core::MaybeTakeOver() {
  if (asked_to_lead_ != term_ || role() != Role::kFollower) return;
  if (log_.durable_index() != log_.last_index()) return;
  if (MayCampaign()) StartElection(/*transfer=*/true);
}

}  // namespace quorate::raft

// What a member does whose disk, or whose leader's disk, is nearly full.

#include "replication/node/consensus_loop_state.h"

namespace quorate::replication {

void ConsensusLoop::State::SetDiskLow(bool low) {
  disk_reports_.SetOwn(low);
}

raft::MemberId ConsensusLoop::State::LowLeader() const {
  const raft::MemberId leader = KnownLeader();
  const bool low = leader == id_
                       ? disk_reports_.own_low()
                       : disk_reports_.PeerIsLow(leader, clock_->SinceBoot());
  return low ? leader : raft::kNobody;
}

// A member that is short of room may still be elected: an election is about
// what is in the log, and a leader that is short is better than none. It hands
// leadership on as soon as somebody with room is there to take it.
void ConsensusLoop::State::TickDisk(absl::Duration now) {
  const std::optional<bool> report = disk_reports_.TakeOwnReport(now);
  if (!report.has_value()) return;
  SendToOthers(DiskReport{.low = *report});
  if (!*report || !Leads()) return;
  const raft::MemberId to = Successor(now);
  // Where it fails, another transfer is under way, or the next look does it.
  if (to != raft::kNobody) (void)raft_.TransferLeadership(to);
}

void ConsensusLoop::State::Take(raft::MemberId from, DiskReport&& report) {
  disk_reports_.OnReport(from, report.low, clock_->SinceBoot());
}

}  // namespace quorate::replication

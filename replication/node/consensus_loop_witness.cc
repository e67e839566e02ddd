// What members remember of each other's logs, so that whoever is left finds a
// member whose disk has forgotten what it had acknowledged.

#include <algorithm>
#include <utility>

#include "replication/node/consensus_loop_state.h"

namespace quorate::replication {
namespace {

// Only the leader knows what all have acknowledged, and a moment later it may
// be gone. Another member knows it at most this much later; it is remembered on
// disk as often (server.cc).
constexpr absl::Duration kWitnessPeriod = absl::Seconds(1);

}  // namespace

void ConsensusLoop::State::TickWitness(absl::Duration now) {
  if (!Leads() || now - told_witnessed_ < kWitnessPeriod) return;
  told_witnessed_ = now;
  // What is acknowledged and not committed may be replaced by another leader.
  const raft::RaftStatus status = raft_.Status();
  WitnessReport report;
  report.logs[id_] = std::min(status.durable_index, status.commit);
  for (const raft::PeerProgress& peer : status.peers) {
    report.logs[peer.id] = std::min(peer.match, status.commit);
  }
  NoteWitnessed(report);
  SendToOthers(report);
}

void ConsensusLoop::State::NoteWitnessed(const WitnessReport& report) {
  for (const auto& [member, index] : report.logs) {
    if (member == id_ || !IsMember(member)) continue;
    raft::Index& known = witnessed_[member];
    known = std::max(known, index);
  }
}

// An earlier leader's word is as good: what was committed stays.
void ConsensusLoop::State::Take(raft::MemberId /*from*/,
                                WitnessReport&& report) {
  NoteWitnessed(report);
}

}  // namespace quorate::replication

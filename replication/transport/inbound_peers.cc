#include "replication/transport/inbound_peers.h"

#include <algorithm>

namespace quorate::replication {
namespace {

// A process that ended says nothing any more once its connections are gone. So
// many that a member in a crash loop does not come around to the first.
constexpr size_t kMaxEarlierRuns = 16;

}  // namespace

absl::Status InboundPeers::Admit(const Speaker& speaker, bool* replaced) {
  *replaced = false;
  MutexLock lock(&mu_);
  Peer& peer = peers_[speaker.id];
  if (speaker.incarnation < peer.incarnation) {
    return absl::FailedPreconditionError(
        "a later start of this member's data directory was seen: this one is "
        "an old copy");
  }
  if (speaker.run == peer.run) return absl::OkStatus();
  const auto& earlier = peer.earlier_runs;
  if (std::find(earlier.begin(), earlier.end(), speaker.run) != earlier.end()) {
    return absl::FailedPreconditionError(
        "a later process of this member was seen: two run, or this one hangs "
        "on");
  }
  if (speaker.incarnation > 0 && speaker.incarnation == peer.incarnation) {
    return absl::FailedPreconditionError(
        "another process with the same start of this member's data directory "
        "was seen: one of them is a copy");
  }
  *replaced = !peer.calls.empty();
  for (auto& [lane, call] : peer.calls) {
    call->Cancel();
  }
  peer.calls.clear();
  if (peer.run != 0) {
    peer.earlier_runs.push_back(peer.run);
    if (peer.earlier_runs.size() > kMaxEarlierRuns) {
      peer.earlier_runs.pop_front();
    }
  }
  peer.run = speaker.run;
  peer.incarnation = speaker.incarnation;
  return absl::OkStatus();
}

bool InboundPeers::Enter(const Speaker& speaker, Lane lane, InboundCall* call) {
  MutexLock lock(&mu_);
  const auto it = peers_.find(speaker.id);
  if (it == peers_.end() || it->second.run != speaker.run) return false;
  InboundCall*& latest = it->second.calls[lane];
  // The peer has given the old one up, though its connection may not know.
  if (latest != nullptr) latest->Cancel();
  latest = call;
  return true;
}

bool InboundPeers::Leave(const Speaker& speaker, Lane lane, InboundCall* call) {
  MutexLock lock(&mu_);
  const auto it = peers_.find(speaker.id);
  if (it == peers_.end()) return false;
  auto& calls = it->second.calls;
  const auto found = calls.find(lane);
  if (found == calls.end() || found->second != call) return false;
  calls.erase(found);
  return calls.empty();
}

void InboundPeers::Retain(const std::set<raft::MemberId>& members) {
  MutexLock lock(&mu_);
  for (auto it = peers_.begin(); it != peers_.end();) {
    // A call must not outlive its entry.
    const bool keep = members.count(it->first) > 0 || !it->second.calls.empty();
    it = keep ? std::next(it) : peers_.erase(it);
  }
}

}  // namespace quorate::replication

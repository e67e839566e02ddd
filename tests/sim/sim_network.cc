#include "tests/sim/sim_network.h"

#include "base/check.h"
#include "replication/wire/peer_codec.h"

namespace quorate::sim {
namespace {

std::string Encode(const replication::PeerMessage& message) {
  internal::v1::PeerFrame frame;
  replication::EncodePeerFrame(message, &frame);
  return frame.SerializeAsString();
}

}  // namespace

SimNetwork::SimNetwork(const SimOptions& options, Scheduler* scheduler)
    : options_(options),
      scheduler_(scheduler),
      random_(options.seed ^ 0x6e6574) {}

void SimNetwork::Join(raft::MemberId id, SimEndpoint* endpoint) {
  endpoints_[id] = endpoint;
}

SimTime SimNetwork::DrawDelay() {
  const SimTime delay = static_cast<SimTime>(
      random_.Between(options_.network_delay_min, options_.network_delay_max));
  if (calm_ || !random_.Chance(options_.slow_per_mille, 1000)) return delay;
  return delay + TimeBelow(&random_, kSecond);
}

bool SimNetwork::Loses() {
  return !calm_ && random_.Chance(options_.loss_per_mille, 1000);
}

void SimNetwork::CutOff(raft::MemberId member, SimTime time) {
  const uint64_t cut = ++cuts_;
  cut_off_[member] = cut;
  scheduler_->After(time, [this, member, cut] {
    const auto found = cut_off_.find(member);
    if (found != cut_off_.end() && found->second == cut) cut_off_.erase(found);
  });
}

void SimNetwork::Send(const replication::PeerMessage& message) {
  if (IsCut(message.from, message.to) || Loses()) return;
  const std::string bytes = Encode(message);
  SendOnce(bytes, message.from, message.to);
  if (!calm_ && random_.Chance(options_.duplicate_per_mille, 1000)) {
    SendOnce(bytes, message.from, message.to);
  }
}

void SimNetwork::SendOnce(const std::string& bytes, raft::MemberId from,
                          raft::MemberId to) {
  scheduler_->After(DrawDelay(), [this, bytes, from, to] {
    // A link that was cut meanwhile loses what was under way.
    if (IsCut(from, to) || !endpoints_.contains(to)) return;
    auto message = replication::DecodePeerFrameBytes(bytes, from, to);
    QUORATE_CHECK_OK(message.status());
    endpoints_.at(to)->Deliver(*std::move(message));
  });
}

void SimNetwork::Carry(raft::MemberId from, raft::MemberId to,
                       std::function<void()> arrive) {
  if (IsCut(from, to) || Loses()) return;
  scheduler_->After(DrawDelay(), [this, from, to, arrive = std::move(arrive)] {
    if (!IsCut(from, to)) arrive();
  });
}

void SimNetwork::ProcessEnded(raft::MemberId id) {
  for (const auto& [other, endpoint] : endpoints_) {
    if (other == id || !random_.Chance(options_.lost_percent, 100)) continue;
    scheduler_->After(TimeBelow(&random_, options_.lost_delay_max),
                      [endpoint = endpoint, id] { endpoint->OnPeerLost(id); });
  }
}

void SimNetwork::ProcessStarted(raft::MemberId id) {
  for (const auto& [other, endpoint] : endpoints_) {
    if (other == id) continue;
    scheduler_->After(DrawDelay(), [endpoint = endpoint, id] {
      endpoint->OnPeerReachable(id);
    });
  }
}

void SimNetwork::BreakStreams(raft::MemberId member, raft::MemberId peer) {
  endpoints_.at(member)->OnPeerLost(peer);
  scheduler_->After(DrawDelay(), [this, member, peer] {
    endpoints_.at(member)->OnPeerReachable(peer);
  });
}

}  // namespace quorate::sim

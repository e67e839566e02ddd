#include "tests/sim/sim_network.h"

#include <string>

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

SimTime SimNetwork::DrawDelay() {
  const SimTime delay = static_cast<SimTime>(
      random_->Between(static_cast<uint64_t>(options_.network_delay_min),
                       static_cast<uint64_t>(options_.network_delay_max)));
  if (calm_ || !random_->Chance(options_.slow_per_mille, 1000)) return delay;
  return delay + static_cast<SimTime>(random_->Below(kSecond));
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
  if (IsCut(message.from, message.to)) return;
  if (!calm_ && random_->Chance(options_.loss_per_mille, 1000)) return;
  const std::string bytes = Encode(message);
  SendOnce(bytes, message.from, message.to);
  if (!calm_ && random_->Chance(options_.duplicate_per_mille, 1000)) {
    SendOnce(bytes, message.from, message.to);
  }
}

void SimNetwork::SendOnce(const std::string& bytes, raft::MemberId from,
                          raft::MemberId to) {
  scheduler_->After(DrawDelay(), [this, bytes, from, to] {
    // A link that was cut meanwhile loses what was under way.
    if (IsCut(from, to)) return;
    auto message = replication::DecodePeerFrameBytes(bytes, from, to);
    QUORATE_CHECK_OK(message.status());
    deliver_(*std::move(message));
  });
}

}  // namespace quorate::sim

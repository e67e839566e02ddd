#include "replication/transport/lane.h"

#include <variant>

namespace quorate::replication {

Lane LaneOf(const PeerMessage& message) {
  if (std::holds_alternative<ForwardProposals>(message.body)) {
    return Lane::kBulk;
  }
  const auto* raft = std::get_if<raft::Message>(&message.body);
  if (raft != nullptr &&
      std::holds_alternative<raft::AppendRequest>(raft->body)) {
    return Lane::kBulk;
  }
  return Lane::kControl;
}

const char* LaneName(Lane lane) {
  return lane == Lane::kControl ? "control" : "bulk";
}

}  // namespace quorate::replication

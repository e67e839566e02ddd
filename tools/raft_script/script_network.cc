#include "tools/raft_script/script_network.h"

#include <algorithm>
#include <utility>

namespace quorate::raft_script {

namespace {

std::string NameOf(const raft::Message& message) {
  if (const auto* ask = std::get_if<raft::VoteRequest>(&message.body)) {
    return ask->pre_vote ? "MsgPreVote" : "MsgVote";
  }
  if (const auto* answer = std::get_if<raft::VoteReply>(&message.body)) {
    return answer->pre_vote ? "MsgPreVoteResp" : "MsgVoteResp";
  }
  const std::string name = raft::MessageName(message);
  if (name == "AppendRequest") return "MsgApp";
  if (name == "AppendReply") return "MsgAppResp";
  if (name == "Heartbeat") return "MsgHeartbeat";
  if (name == "HeartbeatReply") return "MsgHeartbeatResp";
  if (name == "TimeoutNow") return "MsgTimeoutNow";
  return "MsgSnap";
}

}  // namespace

std::string ScriptNameOf(const InFlight& item) {
  if (const auto* message = std::get_if<raft::Message>(&item.content)) {
    return NameOf(*message);
  }
  if (std::holds_alternative<SnapshotTransfer>(item.content)) return "MsgSnap";
  if (std::holds_alternative<ScriptProposal>(item.content)) return "MsgProp";
  if (std::holds_alternative<ApplyReceipt>(item.content)) {
    return "MsgStorageApplyResp";
  }
  return "MsgStorageAppendResp";
}

bool IsLocal(const InFlight& item) {
  return std::holds_alternative<raft::AppendReceipt>(item.content) ||
         std::holds_alternative<ApplyReceipt>(item.content);
}

bool ScriptNetwork::HasFor(raft::MemberId to) const {
  return std::any_of(items_.begin(), items_.end(),
                     [to](const InFlight& item) { return item.to == to; });
}

std::vector<InFlight> ScriptNetwork::Take(raft::MemberId to,
                                          absl::string_view name, bool drop) {
  std::vector<InFlight> taken;
  std::vector<InFlight> kept;
  for (InFlight& item : items_) {
    const bool meant = item.to == to && !(drop && IsLocal(item)) &&
                       (name.empty() || ScriptNameOf(item) == name);
    (meant ? taken : kept).push_back(std::move(item));
  }
  items_ = std::move(kept);
  return taken;
}

}  // namespace quorate::raft_script

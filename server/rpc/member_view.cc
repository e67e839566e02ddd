#include "server/rpc/member_view.h"

namespace quorate::server {

using replication::NodeStatus;

MemberContact ContactOf(const NodeStatus& status, raft::MemberId id) {
  MemberContact result = {.reachable = id == status.raft.id};
  for (const NodeStatus::Contact& contact : status.contacts) {
    if (contact.id != id || contact.age == absl::InfiniteDuration()) continue;
    result.reachable = contact.age <= kReachableAge;
    result.age = contact.age;
  }
  return result;
}

raft::Index MatchOf(const NodeStatus& status, raft::MemberId id) {
  if (status.raft.role != raft::Role::kLeader) return raft::Index(0);
  if (id == status.raft.id) return status.raft.durable_index;
  for (const raft::PeerProgress& peer : status.raft.peers) {
    if (peer.id == id) return peer.match;
  }
  return raft::Index(0);
}

const raft::MemberAddress* FindMember(const raft::Configuration& configuration,
                                      absl::string_view name) {
  for (const raft::MemberAddress& each : configuration.addresses) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

const raft::MemberAddress* FindMember(const raft::Configuration& configuration,
                                      raft::MemberId id) {
  for (const raft::MemberAddress& each : configuration.addresses) {
    if (each.id == id) return &each;
  }
  return nullptr;
}

}  // namespace quorate::server

// What one member knows of another.

#ifndef QUORATE_SERVER_RPC_MEMBER_VIEW_H_
#define QUORATE_SERVER_RPC_MEMBER_VIEW_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "replication/node/node.h"
#include "replication/raft/types.h"

namespace quorate::server {

// A member that was heard of within this counts as reachable (monitoring.proto,
// cluster.proto): some heartbeats, whatever the timing is.
inline constexpr absl::Duration kReachableAge = absl::Seconds(2);

struct MemberContact {
  bool reachable = false;
  std::optional<absl::Duration> age;  // Nothing for itself, and where never.
};

// Pure functions of a status.
MemberContact ContactOf(const replication::NodeStatus& status,
                        raft::MemberId id);

// How far the member's log is known to agree; 0 where `status` is not the
// leader's.
raft::Index MatchOf(const replication::NodeStatus& status, raft::MemberId id);

// Null where there is none.
const raft::MemberAddress* FindMember(const raft::Configuration& configuration,
                                      absl::string_view name);
const raft::MemberAddress* FindMember(const raft::Configuration& configuration,
                                      raft::MemberId id);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_MEMBER_VIEW_H_

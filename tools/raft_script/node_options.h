// The arguments of the command "add-nodes".

#ifndef QUORATE_TOOLS_RAFT_SCRIPT_NODE_OPTIONS_H_
#define QUORATE_TOOLS_RAFT_SCRIPT_NODE_OPTIONS_H_

#include <cstdint>

#include "absl/status/statusor.h"

#include "replication/raft/types.h"
#include "tools/raft_script/directive.h"
#include "tools/raft_script/script_cluster.h"

namespace quorate::raft_script {

// The scripts' core is always run with these.
inline constexpr int kElectionTicks = 3;
inline constexpr int kHeartbeatTicks = 1;

struct NodeOptions {
  uint64_t count = 0;
  ClusterOptions cluster;
  // Where the members' logs begin; index 0 where they are created empty.
  raft::SnapshotPosition start;
};

// INVALID_ARGUMENT, with the position, where an argument makes no sense or asks
// for what our core has not.
absl::StatusOr<NodeOptions> ReadNodeOptions(const Directive& directive);

}  // namespace quorate::raft_script

#endif  // QUORATE_TOOLS_RAFT_SCRIPT_NODE_OPTIONS_H_

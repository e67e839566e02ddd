// What the tests of the loop share.

#ifndef QUORATE_TESTS_REPLICATION_NODE_LOOP_MESSAGES_H_
#define QUORATE_TESTS_REPLICATION_NODE_LOOP_MESSAGES_H_

#include <variant>
#include <vector>

#include "absl/time/time.h"

#include "tests/replication/node/loop_cluster.h"

namespace quorate::replication {

inline NodeOptions Checked() {
  NodeOptions options;
  options.check_invariants = true;
  return options;
}

inline int Follower(int leader) {
  return leader == 1 ? 2 : 1;
}

inline int OtherFollower(int leader) {
  return leader == 3 ? 2 : 3;
}

// What `member` sent of one kind, lost messages included.
template <typename Body>
std::vector<Body> SentBy(const LoopCluster& cluster, int member) {
  std::vector<Body> bodies;
  for (const PeerMessage& message : cluster.sent()) {
    const Body* body = std::get_if<Body>(&message.body);
    if (body != nullptr && message.from == LoopCluster::Id(member)) {
      bodies.push_back(*body);
    }
  }
  return bodies;
}

inline bool IsForward(const PeerMessage& message) {
  return std::holds_alternative<ForwardProposals>(message.body);
}

inline bool IsReadRequest(const PeerMessage& message) {
  return std::holds_alternative<ReadIndexRequest>(message.body);
}

inline bool IsAppend(const PeerMessage& message) {
  const auto* raft = std::get_if<raft::Message>(&message.body);
  return raft != nullptr &&
         std::holds_alternative<raft::AppendRequest>(raft->body);
}

inline int TicksFor(absl::Duration time, const NodeOptions& options) {
  return static_cast<int>(time / options.tick) + 1;
}

}  // namespace quorate::replication

#endif  // QUORATE_TESTS_REPLICATION_NODE_LOOP_MESSAGES_H_

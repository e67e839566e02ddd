#include "replication/raft/types.h"

#include <algorithm>

#include "base/check.h"

namespace quorate::raft {

namespace {

// What an entry costs in memory and on the wire beside its content: index,
// term, proposal, stamp, and their framing.
constexpr size_t kEntryOverhead = 96;

// A rough figure for one address line of a configuration; configurations are
// rare, so nothing depends on its being exact.
constexpr size_t kMemberCost = 128;

bool SamePayload(const Payload& a, const Payload& b) {
  if (a == b) return true;
  return a != nullptr && b != nullptr && *a == *b;
}

bool SameConfiguration(const std::shared_ptr<const Configuration>& a,
                       const std::shared_ptr<const Configuration>& b) {
  if (a == b) return true;
  return a != nullptr && b != nullptr && *a == *b;
}

}  // namespace

bool SameEntry(const Entry& a, const Entry& b) {
  return a.index == b.index && a.term == b.term && a.type == b.type &&
         a.proposal == b.proposal && a.stamp == b.stamp &&
         SamePayload(a.payload, b.payload) &&
         SameConfiguration(a.configuration, b.configuration);
}

Stamp NotBefore(const Stamp& stamp, const Stamp& last) {
  return {.cluster_ms = std::max(stamp.cluster_ms, last.cluster_ms),
          .calendar_ms = std::max(stamp.calendar_ms, last.calendar_ms)};
}

size_t EntryCost(const Entry& entry) {
  size_t cost = kEntryOverhead;
  if (entry.payload != nullptr) cost += entry.payload->size();
  if (entry.configuration != nullptr) {
    cost += kMemberCost * (1 + entry.configuration->addresses.size());
  }
  return cost;
}

const char* RoleName(Role role) {
  switch (role) {
    case Role::kFollower:
      return "follower";
    case Role::kPreCandidate:
      return "pre_candidate";
    case Role::kCandidate:
      return "candidate";
    case Role::kLeader:
      return "leader";
  }
  CheckFailed(__FILE__, __LINE__, "a known role", "");
}

}  // namespace quorate::raft

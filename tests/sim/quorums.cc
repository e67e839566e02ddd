#include "tests/sim/quorums.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace quorate::sim {
namespace {

bool HasMajority(const std::vector<raft::MemberId>& voters,
                 const std::set<raft::MemberId>& members) {
  const auto present =
      std::count_if(voters.begin(), voters.end(),
                    [&](raft::MemberId id) { return members.contains(id); });
  return 2 * static_cast<size_t>(present) > voters.size();
}

}  // namespace

bool IsQuorum(const raft::Membership& membership,
              const std::set<raft::MemberId>& members) {
  return HasMajority(membership.voters, members) &&
         (membership.voters_outgoing.empty() ||
          HasMajority(membership.voters_outgoing, members));
}

bool QuorumsMeet(const raft::Membership& one, const raft::Membership& other) {
  std::set<raft::MemberId> everyone(one.voters.begin(), one.voters.end());
  everyone.insert(one.voters_outgoing.begin(), one.voters_outgoing.end());
  everyone.insert(other.voters.begin(), other.voters.end());
  everyone.insert(other.voters_outgoing.begin(), other.voters_outgoing.end());
  const std::vector<raft::MemberId> members(everyone.begin(), everyone.end());
  // Two majorities that do not meet are part of a set and of its complement.
  for (uint64_t chosen = 0; chosen < uint64_t{1} << members.size(); ++chosen) {
    std::set<raft::MemberId> in;
    std::set<raft::MemberId> out;
    for (size_t i = 0; i < members.size(); ++i) {
      ((chosen >> i & 1) != 0 ? in : out).insert(members[i]);
    }
    if (IsQuorum(one, in) && IsQuorum(other, out)) return false;
  }
  return true;
}

bool Votes(const raft::Membership& membership, raft::MemberId id) {
  const auto stands_in = [id](const std::vector<raft::MemberId>& list) {
    return std::find(list.begin(), list.end(), id) != list.end();
  };
  return stands_in(membership.voters) || stands_in(membership.voters_outgoing);
}

}  // namespace quorate::sim

#include "replication/raft/quorum.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "absl/container/inlined_vector.h"

namespace quorate::raft {

namespace {

VoteResult TallyMajority(const std::vector<MemberId>& voters, VoteLookup vote) {
  if (voters.empty()) return VoteResult::kWon;
  size_t yes = 0;
  size_t no = 0;
  for (const MemberId voter : voters) {
    const std::optional<bool> answer = vote(voter);
    if (!answer.has_value()) continue;
    (*answer ? yes : no) += 1;
  }
  const size_t majority = voters.size() / 2 + 1;
  if (yes >= majority) return VoteResult::kWon;
  if (voters.size() - no < majority) return VoteResult::kLost;
  return VoteResult::kPending;
}

Index MajorityIndex(const std::vector<MemberId>& voters,
                    AckLookup acknowledged) {
  if (voters.empty()) return kEveryIndex;
  // Seven voters fit without a trip to the heap; more are unusual.
  absl::InlinedVector<Index, 7> acks;
  for (const MemberId voter : voters)
    acks.push_back(acknowledged(voter));
  // With acks in falling order, the one at position n/2 (counted from zero) is
  // reached by n/2 + 1 members: a majority.
  const auto middle = acks.begin() + static_cast<ptrdiff_t>(acks.size() / 2);
  std::nth_element(acks.begin(), middle, acks.end(), std::greater<Index>());
  return *middle;
}

}  // namespace

VoteResult TallyVotes(const Membership& membership, VoteLookup vote) {
  const VoteResult incoming = TallyMajority(membership.voters, vote);
  const VoteResult outgoing = TallyMajority(membership.voters_outgoing, vote);
  if (incoming == VoteResult::kLost || outgoing == VoteResult::kLost) {
    return VoteResult::kLost;
  }
  if (incoming == VoteResult::kWon && outgoing == VoteResult::kWon) {
    return VoteResult::kWon;
  }
  return VoteResult::kPending;
}

Index QuorumIndex(const Membership& membership, AckLookup acknowledged) {
  return std::min(MajorityIndex(membership.voters, acknowledged),
                  MajorityIndex(membership.voters_outgoing, acknowledged));
}

}  // namespace quorate::raft

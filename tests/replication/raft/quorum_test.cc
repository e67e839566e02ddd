// Property: votes and acknowledgements are counted as the definition of a
// majority says, in plain and joint memberships. Method: a slow, obvious twin
// on every small case.

#include "replication/raft/quorum.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "gtest/gtest.h"

namespace quorate::raft {
namespace {

using Votes = std::vector<std::optional<bool>>;  // By member id - 1.
using Acks = std::vector<uint64_t>;              // By member id - 1.

std::vector<MemberId> MembersOf(unsigned mask) {
  std::vector<MemberId> members;
  for (uint64_t i = 0; i < 8; ++i) {
    if (mask & (1u << i)) members.push_back(MemberId(i + 1));
  }
  return members;
}

// A half is won where more than half of it said yes, lost where it cannot be
// won whatever the missing answers are.
VoteResult DumbHalf(const std::vector<MemberId>& voters, const Votes& votes) {
  if (voters.empty()) return VoteResult::kWon;
  size_t yes = 0;
  size_t possible = 0;
  for (const MemberId voter : voters) {
    const auto& vote = votes[voter.value() - 1];
    if (vote == true) ++yes;
    if (vote != false) ++possible;
  }
  if (2 * yes > voters.size()) return VoteResult::kWon;
  if (2 * possible <= voters.size()) return VoteResult::kLost;
  return VoteResult::kPending;
}

VoteResult DumbTally(const Membership& membership, const Votes& votes) {
  const VoteResult a = DumbHalf(membership.voters, votes);
  const VoteResult b = DumbHalf(membership.voters_outgoing, votes);
  if (a == b) return a;
  if (a == VoteResult::kLost || b == VoteResult::kLost) {
    return VoteResult::kLost;
  }
  return VoteResult::kPending;
}

bool DumbHalfHolds(const std::vector<MemberId>& voters, const Acks& acks,
                   uint64_t index) {
  size_t holders = 0;
  for (const MemberId voter : voters) {
    if (acks[voter.value() - 1] >= index) ++holders;
  }
  return voters.empty() || 2 * holders > voters.size();
}

// Tries every index from the top.
Index DumbQuorumIndex(const Membership& membership, const Acks& acks) {
  if (membership.voters.empty() && membership.voters_outgoing.empty()) {
    return kEveryIndex;
  }
  for (uint64_t index = *std::max_element(acks.begin(), acks.end()); index > 0;
       --index) {
    if (DumbHalfHolds(membership.voters, acks, index) &&
        DumbHalfHolds(membership.voters_outgoing, acks, index)) {
      return Index(index);
    }
  }
  return Index(0);
}

VoteResult Tally(const Membership& membership, const Votes& votes) {
  return TallyVotes(membership,
                    [&](MemberId member) { return votes[member.value() - 1]; });
}

Index Quorum(const Membership& membership, const Acks& acks) {
  return QuorumIndex(membership, [&](MemberId member) {
    return Index(acks[member.value() - 1]);
  });
}

// Calls `visit` with every sequence of `length` digits below `base`.
template <typename Visit>
void ForEachSequence(size_t length, uint64_t base, const Visit& visit) {
  std::vector<uint64_t> digits(length, 0);
  while (true) {
    visit(digits);
    size_t i = 0;
    while (i < length && ++digits[i] == base)
      digits[i++] = 0;
    if (i == length) return;
  }
}

TEST(QuorumTest, TallyAgreesWithTheTwinOnEverySmallCase) {
  // Four members in every pair of halves, three answers each.
  for (unsigned incoming = 0; incoming < 16; ++incoming) {
    for (unsigned outgoing = 0; outgoing < 16; ++outgoing) {
      const Membership membership{.voters = MembersOf(incoming),
                                  .voters_outgoing = MembersOf(outgoing)};
      ForEachSequence(4, 3, [&](const std::vector<uint64_t>& digits) {
        Votes votes(4);
        for (size_t i = 0; i < 4; ++i) {
          if (digits[i] > 0) votes[i] = digits[i] == 1;
        }
        ASSERT_EQ(Tally(membership, votes), DumbTally(membership, votes))
            << incoming << "/" << outgoing;
      });
    }
  }
}

TEST(QuorumTest, TallyOfFiveToSevenVotersAgreesWithTheTwin) {
  for (const unsigned mask : {0x1fu, 0x3fu, 0x7fu}) {
    const Membership membership{.voters = MembersOf(mask)};
    ForEachSequence(7, 3, [&](const std::vector<uint64_t>& digits) {
      Votes votes(7);
      for (size_t i = 0; i < 7; ++i) {
        if (digits[i] > 0) votes[i] = digits[i] == 1;
      }
      ASSERT_EQ(Tally(membership, votes), DumbTally(membership, votes));
    });
  }
}

TEST(QuorumTest, IndexAgreesWithTheTwinOnEverySmallCase) {
  for (unsigned incoming = 0; incoming < 16; ++incoming) {
    for (unsigned outgoing = 0; outgoing < 16; ++outgoing) {
      const Membership membership{.voters = MembersOf(incoming),
                                  .voters_outgoing = MembersOf(outgoing)};
      ForEachSequence(4, 4, [&](const Acks& acks) {
        ASSERT_EQ(Quorum(membership, acks), DumbQuorumIndex(membership, acks))
            << incoming << "/" << outgoing;
      });
    }
  }
}

TEST(QuorumTest, IndexOfFiveToEightVotersAgreesWithTheTwin) {
  for (const unsigned mask : {0x1fu, 0x3fu, 0x7fu, 0xffu}) {
    const Membership membership{.voters = MembersOf(mask)};
    ForEachSequence(8, 3, [&](const Acks& acks) {
      ASSERT_EQ(Quorum(membership, acks), DumbQuorumIndex(membership, acks));
    });
  }
}

TEST(QuorumTest, LearnersAreNotAsked) {
  const Membership membership{.voters = MembersOf(0x1),
                              .learners = MembersOf(0x6)};
  EXPECT_EQ(Quorum(membership, {5, 9, 9}), Index(5));
  EXPECT_EQ(Tally(membership, {false, true, true}), VoteResult::kLost);
}

TEST(QuorumTest, AnEmptyMembershipIsNeutral) {
  EXPECT_EQ(Tally({}, {}), VoteResult::kWon);
  EXPECT_EQ(Quorum({}, {}), kEveryIndex);
}

}  // namespace
}  // namespace quorate::raft

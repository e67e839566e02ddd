// Property: a change gives the membership that was asked for, valid, with
// majorities that meet those of before, or it is refused and says why.
// Method: single cases, then every change of up to two steps from every
// small membership.

#include "replication/raft/membership_change.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

#include "replication/raft/membership.h"
#include "replication/raft/quorum.h"

namespace quorate::raft {
namespace {

std::vector<MemberId> Ids(const std::vector<uint64_t>& values) {
  std::vector<MemberId> ids;
  for (const uint64_t value : values)
    ids.push_back(MemberId(value));
  return ids;
}

MemberChange Change(char kind, uint64_t id) {
  using Kind = MemberChange::Kind;
  switch (kind) {
    case '+':
      return {.kind = Kind::kAddVoter, .id = MemberId(id)};
    case '~':
      return {.kind = Kind::kAddLearner, .id = MemberId(id)};
    case '-':
      return {.kind = Kind::kRemove, .id = MemberId(id)};
    default:
      return {.kind = Kind::kUpdate, .id = MemberId(id)};
  }
}

// "+4 ~1 -2 =3": voter 4, learner 1, without 2, another address for 3.
std::vector<MemberChange> Changes(absl::string_view text) {
  std::vector<MemberChange> changes;
  for (size_t i = 0; i + 1 < text.size(); i += 3) {
    changes.push_back(
        Change(text[i], static_cast<uint64_t>(text[i + 1] - '0')));
  }
  return changes;
}

const Membership kThree{.voters = Ids({1, 2, 3})};

TEST(ApplySimpleTest, ChangesOneVoter) {
  EXPECT_EQ(*ApplySimple(kThree, Changes("+4")),
            (Membership{.voters = Ids({1, 2, 3, 4})}));
  EXPECT_EQ(*ApplySimple(kThree, Changes("-2")),
            (Membership{.voters = Ids({1, 3})}));
  EXPECT_EQ(*ApplySimple(kThree, Changes("~2")),
            (Membership{.voters = Ids({1, 3}), .learners = Ids({2})}));
  EXPECT_EQ(*ApplySimple({}, Changes("+7")), (Membership{.voters = Ids({7})}));
}

TEST(ApplySimpleTest, ChangesAnyNumberOfLearners) {
  const Membership five = *ApplySimple(kThree, Changes("~4 ~5"));
  EXPECT_EQ(five,
            (Membership{.voters = Ids({1, 2, 3}), .learners = Ids({4, 5})}));
  EXPECT_EQ(*ApplySimple(five, Changes("+4 -5")),
            (Membership{.voters = Ids({1, 2, 3, 4})}));
}

TEST(ApplySimpleTest, AsksForStatesNotSteps) {
  EXPECT_EQ(*ApplySimple(kThree, Changes("+1 -9 =2 +0 -0 ~0")), kThree);
  EXPECT_EQ(*ApplySimple(kThree, Changes("~1 +1 -2 +2")), kThree);
}

TEST(ApplySimpleTest, RefusesWhatOneEntryMayNotDo) {
  EXPECT_EQ(ApplySimple(kThree, Changes("+4 +5")).status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(ApplySimple(kThree, Changes("-1 +4")).status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(ApplySimple(kThree, Changes("~1 -2 -3")).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ApplySimple({}, Changes("~1")).status().code(),
            absl::StatusCode::kInvalidArgument);
  const Membership joint = *EnterJoint(kThree, Changes("+4"), false);
  EXPECT_EQ(ApplySimple(joint, Changes("~9")).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(EnterJointTest, KeepsWhoVotedAsTheOutgoingHalf) {
  EXPECT_EQ(*EnterJoint(kThree, Changes("-1 +4 +5"), true),
            (Membership{.voters = Ids({2, 3, 4, 5}),
                        .voters_outgoing = Ids({1, 2, 3}),
                        .auto_leave = true}));
}

TEST(EnterJointTest, MakesAnOutgoingVoterALearnerOnlyWhenItIsLeft) {
  const Membership joint = *EnterJoint(kThree, Changes("~1 +4 ~5"), false);
  EXPECT_EQ(joint, (Membership{.voters = Ids({2, 3, 4}),
                               .voters_outgoing = Ids({1, 2, 3}),
                               .learners = Ids({5}),
                               .learners_next = Ids({1})}));
  EXPECT_EQ(*LeaveJoint(joint),
            (Membership{.voters = Ids({2, 3, 4}), .learners = Ids({1, 5})}));
}

TEST(EnterJointTest, TakesBackALearnerToCome) {
  EXPECT_EQ(*EnterJoint(kThree, Changes("~1 +1"), false),
            (Membership{.voters = Ids({1, 2, 3}),
                        .voters_outgoing = Ids({1, 2, 3})}));
  EXPECT_EQ(
      *EnterJoint(kThree, Changes("~1 -1"), false),
      (Membership{.voters = Ids({2, 3}), .voters_outgoing = Ids({1, 2, 3})}));
}

TEST(EnterJointTest, RefusesASecondOneAndAnEmptyHalf) {
  const Membership joint = *EnterJoint(kThree, {}, false);
  EXPECT_EQ(EnterJoint(joint, {}, true).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(EnterJoint({}, Changes("+1"), false).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(EnterJoint(kThree, Changes("-1 -2 ~3"), false).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(LeaveJointTest, DropsTheOutgoingHalf) {
  EXPECT_EQ(*LeaveJoint(*EnterJoint(kThree, Changes("-1 +4"), true)),
            (Membership{.voters = Ids({2, 3, 4})}));
}

TEST(LeaveJointTest, RefusesWhereThereIsNoneToLeave) {
  EXPECT_EQ(LeaveJoint(kThree).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(LeaveJoint({}).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(MembershipChangeTest, RefusesAMembershipThatMakesNoSense) {
  const Membership wrong{.voters = Ids({2, 1})};
  for (const absl::Status& status :
       {ApplySimple(wrong, {}).status(), EnterJoint(wrong, {}, false).status(),
        LeaveJoint(wrong).status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  }
}

// True where some set of members is a majority of `a` while the rest is one of
// `b`: two leaders could be chosen.
bool CanSplit(const Membership& a, const Membership& b, uint64_t members) {
  for (uint64_t set = 0; set < (uint64_t{1} << members); ++set) {
    const auto in = [set](MemberId id) { return (set >> id.value() & 1) != 0; };
    const VoteResult first = TallyVotes(
        a, [in](MemberId id) { return std::optional<bool>(in(id)); });
    const VoteResult second = TallyVotes(
        b, [in](MemberId id) { return std::optional<bool>(!in(id)); });
    if (first == VoteResult::kWon && second == VoteResult::kWon) return true;
  }
  return false;
}

constexpr uint64_t kMembers = 4;  // Ids 1 to 4.

// Every valid plain membership of up to kMembers members.
std::vector<Membership> SmallMemberships() {
  std::vector<Membership> all;
  for (int code = 0; code < 81; ++code) {
    Membership membership;
    int rest = code;
    for (uint64_t id = 1; id <= kMembers; ++id, rest /= 3) {
      if (rest % 3 == 1) membership.voters.push_back(MemberId(id));
      if (rest % 3 == 2) membership.learners.push_back(MemberId(id));
    }
    if (!membership.voters.empty()) all.push_back(membership);
  }
  return all;
}

// Every series of up to two changes to kMembers members.
std::vector<std::vector<MemberChange>> SmallChanges() {
  std::vector<std::vector<MemberChange>> all(1);
  size_t begin = 0;
  for (int length = 1; length <= 2; ++length) {
    const size_t end = all.size();
    for (; begin < end; ++begin) {
      for (const char kind : {'+', '~', '-'}) {
        for (uint64_t id = 1; id <= kMembers; ++id) {
          std::vector<MemberChange> longer = all[begin];
          longer.push_back(Change(kind, id));
          all.push_back(std::move(longer));
        }
      }
    }
  }
  return all;
}

// What was asked of each member last, as far as it was asked for anything.
void ExpectAsAsked(const Membership& membership,
                   const std::vector<MemberChange>& changes) {
  for (uint64_t i = 1; i <= kMembers; ++i) {
    const MemberId id(i);
    const auto last =
        std::find_if(changes.rbegin(), changes.rend(),
                     [id](const MemberChange& c) { return c.id == id; });
    if (last == changes.rend()) continue;
    const auto holds = [id](const std::vector<MemberId>& ids) {
      return std::count(ids.begin(), ids.end(), id) == 1;
    };
    EXPECT_EQ(holds(membership.voters),
              last->kind == MemberChange::Kind::kAddVoter);
    EXPECT_EQ(holds(membership.learners),
              last->kind == MemberChange::Kind::kAddLearner);
  }
}

TEST(MembershipChangeTest, EveryStepMeetsTheMajoritiesOfTheOneBefore) {
  const std::vector<std::vector<MemberChange>> changes = SmallChanges();
  int simple_steps = 0;
  for (const Membership& before : SmallMemberships()) {
    for (const std::vector<MemberChange>& change : changes) {
      const auto simple = ApplySimple(before, change);
      const auto joint = EnterJoint(before, change, true);
      if (simple.ok()) {
        ++simple_steps;
        ASSERT_TRUE(joint.ok());
        ASSERT_TRUE(ValidateMembership(*simple).ok());
        ASSERT_FALSE(CanSplit(before, *simple, kMembers + 1));
        ExpectAsAsked(*simple, change);
      }
      // What one entry may not do a joint configuration can, unless nobody
      // would be left to vote.
      ASSERT_EQ(joint.ok(), !absl::IsInvalidArgument(simple.status()));
      if (!joint.ok()) continue;
      const auto after = LeaveJoint(*joint);
      ASSERT_TRUE(after.ok()) << after.status();
      ASSERT_TRUE(ValidateMembership(*joint).ok());
      ASSERT_FALSE(CanSplit(before, *joint, kMembers + 1));
      ASSERT_FALSE(CanSplit(*joint, *after, kMembers + 1));
      ExpectAsAsked(*after, change);
      if (simple.ok()) ASSERT_EQ(*after, *simple);
    }
  }
  EXPECT_GT(simple_steps, 1000);
}

// The last test rests on it: what it would find does happen.
TEST(MembershipChangeTest, TwoVotersAtOnceCouldSplit) {
  EXPECT_TRUE(
      CanSplit({.voters = Ids({1})}, {.voters = Ids({1, 2, 3})}, kMembers + 1));
}

}  // namespace
}  // namespace quorate::raft

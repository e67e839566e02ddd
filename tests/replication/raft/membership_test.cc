// Property: a configuration is in force from its append until its truncation,
// and memberships that make no sense are recognised. Method: single cases, on
// the stack and through a core that receives configuration entries.

#include "replication/raft/membership.h"

#include "gtest/gtest.h"

#include "tests/replication/raft/test_member.h"

namespace quorate::raft {
namespace {

std::vector<MemberId> Ids(const std::vector<uint64_t>& values) {
  std::vector<MemberId> ids;
  for (const uint64_t value : values)
    ids.push_back(MemberId(value));
  return ids;
}

ConfigurationStack StackOfOne() {
  return ConfigurationStack({{Index(1), TestConfiguration({1, 2, 3})}});
}

TEST(MembershipTest, RecognisesWhatMakesNoSense) {
  EXPECT_TRUE(ValidateMembership({.voters = Ids({1, 2, 3})}).ok());
  EXPECT_TRUE(ValidateMembership({.voters = Ids({1}),
                                  .voters_outgoing = Ids({1, 2}),
                                  .learners = Ids({3}),
                                  .learners_next = Ids({2}),
                                  .auto_leave = true})
                  .ok());
  EXPECT_FALSE(ValidateMembership({}).ok());
  EXPECT_FALSE(ValidateMembership({.voters = Ids({2, 1})}).ok());
  EXPECT_FALSE(ValidateMembership({.voters = Ids({1, 1})}).ok());
  EXPECT_FALSE(ValidateMembership({.voters = Ids({0, 1})}).ok());
  EXPECT_FALSE(
      ValidateMembership({.voters = Ids({1, 2}), .learners = Ids({2})}).ok());
}

TEST(MembershipTest, RecognisesAJointMembershipThatMakesNoSense) {
  const Membership joint{
      .voters = Ids({1}), .voters_outgoing = Ids({1, 2}), .learners = Ids({3})};
  EXPECT_TRUE(ValidateMembership(joint).ok());
  Membership wrong = joint;
  wrong.learners = Ids({2});
  EXPECT_FALSE(ValidateMembership(wrong).ok()) << "outgoing voter and learner";
  wrong = joint;
  wrong.learners_next = Ids({1});
  EXPECT_FALSE(ValidateMembership(wrong).ok()) << "a voter that stays";
  wrong.learners_next = Ids({3});
  EXPECT_FALSE(ValidateMembership(wrong).ok()) << "a learner already";
  wrong.learners_next = Ids({0});
  EXPECT_FALSE(ValidateMembership(wrong).ok()) << "nobody";
  EXPECT_FALSE(
      ValidateMembership({.voters = Ids({1}), .learners_next = Ids({2})}).ok());
  EXPECT_FALSE(
      ValidateMembership({.voters = Ids({1}), .auto_leave = true}).ok());
}

TEST(MembershipTest, VotersStandInEitherHalf) {
  const Membership membership{.voters = Ids({1, 2}),
                              .voters_outgoing = Ids({2, 3}),
                              .learners = Ids({4})};
  EXPECT_TRUE(IsVoter(membership, MemberId(1)));
  EXPECT_TRUE(IsVoter(membership, MemberId(3)));
  EXPECT_FALSE(IsVoter(membership, MemberId(4)));
  EXPECT_EQ(MembersExcept(membership, MemberId(2)), Ids({1, 3, 4}));
}

TEST(ConfigurationStackTest, TruncationBringsBackWhatWasBefore) {
  ConfigurationStack stack = StackOfOne();
  stack.Append(Index(5), TestConfiguration({1, 2}));
  stack.Append(Index(7), TestConfiguration({1}));
  EXPECT_EQ(stack.membership().voters, Ids({1}));
  stack.TruncateFrom(Index(7));
  EXPECT_EQ(stack.membership().voters, Ids({1, 2}));
  stack.TruncateFrom(Index(6));
  EXPECT_EQ(stack.index(), Index(5));
  stack.TruncateFrom(Index(2));
  EXPECT_EQ(stack.membership().voters, Ids({1, 2, 3}));
}

TEST(ConfigurationStackTest, ForgetsWhatCanNoLongerComeBack) {
  ConfigurationStack stack = StackOfOne();
  stack.Append(Index(5), TestConfiguration({1, 2}));
  stack.Append(Index(7), TestConfiguration({1}));
  stack.ForgetBefore(Index(4));
  EXPECT_EQ(stack.stack().size(), 3u);
  stack.ForgetBefore(Index(6));
  ASSERT_EQ(stack.stack().size(), 2u);
  EXPECT_EQ(stack.stack().front().index, Index(5));
  stack.ForgetBefore(Index(9));
  EXPECT_EQ(stack.stack().size(), 1u);
  EXPECT_EQ(stack.index(), Index(7));
}

// Raft, §6: "a server always uses the latest configuration in its log,
// regardless of whether the entry is committed".
TEST(ConfigurationEntryTest, CountsFromItsAppend) {
  TestMember member({.id = MemberId(1)}, {1, 2, 3});
  member.Step(MakeMessage(
      2, 1, 2,
      AppendRequest{.previous_index = Index(1),
                    .previous_term = Term(1),
                    .commit = Index(1),
                    .entries = {MakeConfigurationEntry(2, 2, {1, 2, 3, 4})}}));
  EXPECT_EQ(member.raft().configuration().membership.voters, Ids({1, 2, 3, 4}));
}

TEST(ConfigurationEntryTest, GoesWithItsEntry) {
  TestMember member({.id = MemberId(1)}, {1, 2, 3});
  member.Step(MakeMessage(
      2, 1, 2,
      AppendRequest{.previous_index = Index(1),
                    .previous_term = Term(1),
                    .commit = Index(1),
                    .entries = {MakeEntry(2, 2, "a"),
                                MakeConfigurationEntry(3, 2, {1, 2})}}));
  member.Settle();
  EXPECT_EQ(member.raft().configuration().membership.voters, Ids({1, 2}));
  member.Step(MakeMessage(3, 1, 3,
                          AppendRequest{.previous_index = Index(1),
                                        .previous_term = Term(1),
                                        .commit = Index(1),
                                        .entries = {MakeEntry(2, 3, "b")}}));
  EXPECT_EQ(member.raft().configuration().membership.voters, Ids({1, 2, 3}));
}

// Pitfall 16: an uncommitted configuration is in force after a restart too.
TEST(ConfigurationEntryTest, IsInForceAfterARestart) {
  TestMember member({.id = MemberId(1)}, {1, 2, 3});
  member.Step(MakeMessage(
      2, 1, 2,
      AppendRequest{.previous_index = Index(1),
                    .previous_term = Term(1),
                    .commit = Index(1),
                    .entries = {MakeConfigurationEntry(2, 2, {1, 2})}}));
  member.Settle();
  member.Crash();
  EXPECT_EQ(member.raft().configuration().membership.voters, Ids({1, 2}));
}

TEST(ConfigurationEntryTest, WithoutSenseIsIgnoredWithItsMessage) {
  TestMember member({.id = MemberId(1)}, {1, 2, 3});
  member.Step(MakeMessage(
      2, 1, 2,
      AppendRequest{.previous_index = Index(1),
                    .previous_term = Term(1),
                    .commit = Index(1),
                    .entries = {MakeConfigurationEntry(2, 2, {})}}));
  EXPECT_EQ(member.raft().last_index(), Index(1));
}

// Who is not among the voters waits for ever.
TEST(ConfigurationEntryTest, WhoDoesNotVoteDoesNotCampaign) {
  TestMember member({.id = MemberId(9)}, {1, 2, 3});
  member.Tick(100);
  EXPECT_EQ(member.raft().role(), Role::kFollower);
  member.Campaign();
  EXPECT_EQ(member.raft().role(), Role::kFollower);
}

}  // namespace
}  // namespace quorate::raft

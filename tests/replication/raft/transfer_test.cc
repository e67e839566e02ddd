// Property: leadership goes to who has the whole log, without a pause longer
// than an election, and stays where that fails. Method: single cases on one
// core and on clusters of three.

#include "gtest/gtest.h"

#include "tests/replication/raft/test_cluster.h"
#include "tests/replication/raft/test_member.h"

namespace quorate::raft {
namespace {

class TransferTest : public testing::Test {
 protected:
  TransferTest() : cluster_(3) { cluster_.Elect(1); }

  TestMember& member(uint64_t id) { return cluster_.member(id); }

  TestCluster cluster_;
};

TEST_F(TransferTest, GoesToTheOneThatIsNamed) {
  ASSERT_TRUE(member(1).Transfer(MemberId(3)).ok());
  EXPECT_EQ(member(1).raft().Status().transferring_to, MemberId(3));
  cluster_.Settle();
  EXPECT_EQ(cluster_.Leaders(), std::vector<uint64_t>({3}));
  EXPECT_TRUE(member(3).raft().HasCommittedInTerm());
}

TEST_F(TransferTest, WhoIsAskedSkipsTheRehearsal) {
  cluster_.Drop([](const Message& message) {
    const auto* request = std::get_if<VoteRequest>(&message.body);
    EXPECT_TRUE(request == nullptr ||
                (!request->pre_vote && request->transfer));
    return false;
  });
  ASSERT_TRUE(member(1).Transfer(MemberId(2)).ok());
  cluster_.Settle();
  EXPECT_EQ(cluster_.Leaders(), std::vector<uint64_t>({2}));
}

TEST_F(TransferTest, WithoutANameItGoesToWhoHasMost) {
  cluster_.Isolate(2);
  ASSERT_TRUE(member(1).Propose({"a"}).ok());
  cluster_.Settle();
  ASSERT_TRUE(member(1).Transfer(kNobody).ok());
  cluster_.Settle();
  EXPECT_EQ(member(3).raft().role(), Role::kLeader);
}

TEST_F(TransferTest, WaitsUntilTheLogIsThere) {
  cluster_.Isolate(3);
  ASSERT_TRUE(member(1).Propose({"a"}).ok());
  cluster_.Settle();
  ASSERT_TRUE(member(1).Transfer(MemberId(3)).ok());
  cluster_.Settle();
  EXPECT_TRUE(absl::IsUnavailable(member(1).Propose({"b"}).status()));
  EXPECT_TRUE(absl::IsUnavailable(
      member(1)
          .Change({.changes = {{MemberChange::Kind::kRemove, MemberId(3)}}})
          .status()));
  cluster_.Heal();
  cluster_.Tick(5);
  EXPECT_EQ(cluster_.Leaders(), std::vector<uint64_t>({3}));
  EXPECT_EQ(member(3).raft().last_index(), Index(4));
}

TEST_F(TransferTest, IsGivenUpAfterAnElectionTimeout) {
  cluster_.Isolate(3);
  ASSERT_TRUE(member(1).Propose({"a"}).ok());
  ASSERT_TRUE(member(1).Transfer(MemberId(3)).ok());
  EXPECT_TRUE(member(1).Transfer(MemberId(3)).ok()) << "the same again";
  EXPECT_TRUE(absl::IsFailedPrecondition(member(1).Transfer(MemberId(2))));
  cluster_.Tick(9);
  EXPECT_FALSE(member(1).Propose({"b"}).ok());
  cluster_.Tick(1);
  EXPECT_EQ(member(1).raft().Status().transferring_to, kNobody);
  EXPECT_TRUE(member(1).Propose({"b"}).ok());
  EXPECT_EQ(cluster_.Leaders(), std::vector<uint64_t>({1}));
}

TEST_F(TransferTest, AMessageThatIsLostIsSentAgain) {
  int sent = 0;
  cluster_.Drop([&sent](const Message& message) {
    return std::holds_alternative<TimeoutNow>(message.body) && ++sent == 1;
  });
  ASSERT_TRUE(member(1).Transfer(MemberId(2)).ok());
  cluster_.Settle();
  EXPECT_EQ(cluster_.Leaders(), std::vector<uint64_t>({1}));
  cluster_.Tick(3);
  EXPECT_EQ(cluster_.Leaders(), std::vector<uint64_t>({2}));
}

TEST_F(TransferTest, NotToWhoCannotLead) {
  EXPECT_TRUE(absl::IsInvalidArgument(member(1).Transfer(MemberId(1))));
  EXPECT_TRUE(absl::IsInvalidArgument(member(1).Transfer(MemberId(9))));
  EXPECT_TRUE(absl::IsFailedPrecondition(member(2).Transfer(MemberId(3))));
  TestMember alone({.id = MemberId(1)}, {1});
  alone.Campaign();
  alone.Settle();
  EXPECT_TRUE(absl::IsInvalidArgument(alone.Transfer(kNobody)));
}

TEST_F(TransferTest, OneOfAnEarlierTermIsIgnored) {
  member(2).Step(MakeMessage(3, 2, 1, TimeoutNow{}));
  EXPECT_EQ(member(2).raft().role(), Role::kFollower);
}

// "disrupt" is the word of the thesis: only the leader's own wish passes.
TEST_F(TransferTest, OthersPassStickinessOnlyByTheLeadersWish) {
  for (const bool transfer : {false, true}) {
    member(3).Step(MakeMessage(2, 3, 9,
                               VoteRequest{.last_index = Index(9),
                                           .last_term = Term(8),
                                           .transfer = transfer}));
    EXPECT_EQ(member(3).raft().term(), transfer ? Term(9) : Term(2));
  }
}

TEST(TimeoutNowTest, WaitsForTheOwnDisk) {
  TestMember member({.id = MemberId(2)}, {1, 2, 3});
  member.Step(MakeMessage(1, 2, 2,
                          AppendRequest{.previous_index = Index(1),
                                        .previous_term = Term(1),
                                        .entries = {MakeEntry(2, 2, "a")}}));
  member.TakeReady();
  member.Step(MakeMessage(1, 2, 2, TimeoutNow{}));
  EXPECT_EQ(member.raft().role(), Role::kFollower);
  member.WriteOne();
  EXPECT_EQ(member.raft().role(), Role::kCandidate);
  EXPECT_EQ(member.raft().term(), Term(3));
}

TEST(TimeoutNowTest, ALearnerOrStrangerDoesNotCampaign) {
  MemoryLog disk(TestConfiguration({1, 3}));
  TestMember member({.id = MemberId(2)}, std::move(disk));
  member.Step(MakeMessage(1, 2, 2, TimeoutNow{}));
  EXPECT_EQ(member.raft().role(), Role::kFollower);
}

}  // namespace
}  // namespace quorate::raft

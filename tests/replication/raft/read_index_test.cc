// Property: a read index is given only by a leader that a quorum has confirmed
// after the read came in, and never before an entry of its term is committed
// (thesis, §6.4). Method: one leader with answers made by hand.

#include <utility>

#include "gtest/gtest.h"

#include "tests/replication/raft/test_cluster.h"
#include "tests/replication/raft/test_member.h"

namespace quorate::raft {
namespace {

AppendReply Accepted(uint64_t match) {
  return {.accepted = true, .match = Index(match)};
}

// A leader of term 2 whose no-op at index 2 is not committed.
TestMember FreshLeader(const std::vector<uint64_t>& voters = {1, 2, 3}) {
  TestMember leader({.id = MemberId(1)}, voters);
  leader.WinElection({voters.begin() + 1, voters.end()});
  return leader;
}

TestMember Leader(const std::vector<uint64_t>& voters = {1, 2, 3}) {
  TestMember leader = FreshLeader(voters);
  for (size_t i = 1; i < voters.size(); ++i) {
    leader.Step(MakeMessage(voters[i], 1, 2, Accepted(2)));
  }
  leader.Settle();
  leader.TakeOutbox();
  return leader;
}

// The round that the leader's heartbeats name now; 0 where there are none.
uint64_t TakeRound(TestMember& leader) {
  leader.Settle();
  uint64_t round = 0;
  for (const Message& message : leader.Take<Heartbeat>()) {
    round = std::get<Heartbeat>(message.body).read_round;
  }
  return round;
}

std::vector<ReadState> Answer(TestMember& leader, uint64_t from, uint64_t round,
                              uint64_t term = 2) {
  leader.Step(MakeMessage(from, 1, term, HeartbeatReply{.read_round = round}));
  leader.Settle();
  return leader.TakeReads();
}

TEST(ReadIndexTest, AQuorumConfirms) {
  TestMember leader = Leader();
  ASSERT_TRUE(leader.Read(7).ok());
  // The round starts at once, without waiting for a tick.
  const uint64_t round = TakeRound(leader);
  EXPECT_GT(round, 0u);
  EXPECT_TRUE(leader.TakeReads().empty());
  const std::vector<ReadState> reads = Answer(leader, 3, round);
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_EQ(reads[0].nonce, 7u);
  EXPECT_EQ(reads[0].index, Index(2));
}

TEST(ReadIndexTest, AQuorumOfFiveIsThree) {
  TestMember leader = Leader({1, 2, 3, 4, 5});
  ASSERT_TRUE(leader.Read(7).ok());
  const uint64_t round = TakeRound(leader);
  EXPECT_TRUE(Answer(leader, 3, round).empty());
  EXPECT_TRUE(Answer(leader, 3, round).empty());
  EXPECT_EQ(Answer(leader, 5, round).size(), 1u);
}

TEST(ReadIndexTest, ReadsThatComeTogetherShareARound) {
  TestMember leader = Leader();
  for (uint64_t nonce = 1; nonce <= 100; ++nonce) {
    ASSERT_TRUE(leader.Read(nonce).ok());
  }
  leader.Settle();
  const std::vector<Message> heartbeats = leader.Take<Heartbeat>();
  ASSERT_EQ(heartbeats.size(), 2u);
  const auto& heartbeat = std::get<Heartbeat>(heartbeats[0].body);
  EXPECT_EQ(Answer(leader, 2, heartbeat.read_round).size(), 100u);
}

// Pitfall 21: an answer to an earlier round says nothing of a later read.
TEST(ReadIndexTest, AnEarlierRoundDoesNotConfirmALaterRead) {
  TestMember leader = Leader();
  ASSERT_TRUE(leader.Read(1).ok());
  const uint64_t first = TakeRound(leader);
  ASSERT_TRUE(leader.Read(2).ok());
  const uint64_t second = TakeRound(leader);
  EXPECT_GT(second, first);
  std::vector<ReadState> reads = Answer(leader, 2, first);
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_EQ(reads[0].nonce, 1u);
  EXPECT_TRUE(Answer(leader, 3, first).empty());
  reads = Answer(leader, 2, second);
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_EQ(reads[0].nonce, 2u);
}

TEST(ReadIndexTest, ALaterRoundConfirmsEarlierReads) {
  TestMember leader = Leader();
  ASSERT_TRUE(leader.Read(1).ok());
  TakeRound(leader);
  ASSERT_TRUE(leader.Read(2).ok());
  const std::vector<ReadState> reads = Answer(leader, 2, TakeRound(leader));
  ASSERT_EQ(reads.size(), 2u);
  EXPECT_EQ(reads[0].nonce, 1u);
  EXPECT_EQ(reads[1].nonce, 2u);
}

// An ordinary heartbeat that went out before the read says nothing of it.
TEST(ReadIndexTest, AnAnswerToAnOrdinaryHeartbeatDoesNotConfirm) {
  TestMember leader = Leader();
  leader.Tick(2);
  EXPECT_EQ(TakeRound(leader), 0u);
  ASSERT_TRUE(leader.Read(1).ok());
  EXPECT_TRUE(Answer(leader, 2, 0).empty());
  EXPECT_TRUE(Answer(leader, 3, 0).empty());
}

// A round that was never sent cannot have been answered.
TEST(ReadIndexTest, AnAnswerToARoundToComeIsIgnored) {
  TestMember leader = Leader();
  ASSERT_TRUE(leader.Read(1).ok());
  EXPECT_TRUE(Answer(leader, 2, 99).empty());
  EXPECT_TRUE(leader.Read(2).ok());
  EXPECT_EQ(Answer(leader, 3, TakeRound(leader)).size(), 2u);
}

TEST(ReadIndexTest, ALostRoundIsRepeatedByTheNextHeartbeat) {
  TestMember leader = Leader();
  ASSERT_TRUE(leader.Read(1).ok());
  const uint64_t lost = TakeRound(leader);
  leader.Tick(2);
  const uint64_t repeated = TakeRound(leader);
  EXPECT_EQ(repeated, lost);
  EXPECT_EQ(Answer(leader, 2, repeated).size(), 1u);
  leader.Tick(2);
  EXPECT_EQ(TakeRound(leader), 0u) << "no read waits";
}

// Pitfall 21: before the first commit of its term a leader does not know what
// is committed (Raft, §8).
TEST(ReadIndexTest, ReadsWaitForTheFirstCommitOfTheTerm) {
  TestMember leader = FreshLeader();
  ASSERT_TRUE(leader.Read(7).ok());
  EXPECT_EQ(TakeRound(leader), 0u);
  leader.Tick(2);
  EXPECT_TRUE(Answer(leader, 2, TakeRound(leader)).empty());
  leader.Step(MakeMessage(2, 1, 2, Accepted(2)));
  const uint64_t round = TakeRound(leader);
  EXPECT_GT(round, 0u);
  const std::vector<ReadState> reads = Answer(leader, 2, round);
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_EQ(reads[0].index, Index(2));
}

TEST(ReadIndexTest, AReadSeesWhatWasCommittedWhenItCame) {
  TestMember leader = Leader();
  ASSERT_TRUE(leader.Propose({"x"}).ok());
  leader.Settle();
  leader.Step(MakeMessage(2, 1, 2, Accepted(3)));
  ASSERT_TRUE(leader.Read(7).ok());
  const std::vector<ReadState> reads = Answer(leader, 2, TakeRound(leader));
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_EQ(reads[0].index, Index(3));
}

TEST(ReadIndexTest, ALoneMemberConfirmsItself) {
  TestMember leader({.id = MemberId(1)}, {1});
  leader.WinElection({});
  ASSERT_TRUE(leader.Read(7).ok());
  leader.Settle();
  const std::vector<ReadState> reads = leader.TakeReads();
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_EQ(reads[0].index, Index(2));
}

// A read of a leader that lost its place is dropped, never answered.
TEST(ReadIndexTest, LosingTheLeadDropsReads) {
  TestMember leader = Leader();
  ASSERT_TRUE(leader.Read(1).ok());
  const uint64_t round = TakeRound(leader);
  leader.Step(MakeMessage(3, 1, 3, Heartbeat{}));
  std::vector<ReadState> reads = Answer(leader, 2, round);
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_EQ(reads[0].nonce, 1u);
  EXPECT_EQ(reads[0].index, Index(0));
  EXPECT_EQ(leader.Read(2).code(), absl::StatusCode::kFailedPrecondition);

  TestMember fresh = FreshLeader();
  ASSERT_TRUE(fresh.Read(1).ok());
  fresh.Tick(10);
  fresh.Settle();
  reads = fresh.TakeReads();
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_EQ(reads[0].index, Index(0));
}

// Pitfall 21: answers to the rounds of one term mean nothing in another.
TEST(ReadIndexTest, RoundsOfAnEarlierTermDoNotConfirm) {
  TestMember leader = Leader();
  ASSERT_TRUE(leader.Read(1).ok());
  const uint64_t old_round = TakeRound(leader);
  leader.Step(MakeMessage(3, 1, 3, Heartbeat{}));
  leader.Settle();
  leader.TakeReads();
  leader.WinElection({2});
  ASSERT_EQ(leader.raft().term(), Term(4));
  leader.Step(MakeMessage(2, 1, 4, Accepted(3)));
  ASSERT_TRUE(leader.Read(2).ok());
  EXPECT_EQ(TakeRound(leader), old_round) << "rounds count anew";
  EXPECT_TRUE(Answer(leader, 2, old_round, /*term=*/2).empty());
  EXPECT_EQ(Answer(leader, 2, old_round, /*term=*/4).size(), 1u);
}

TEST(ReadIndexTest, AFollowerDoesNotRead) {
  TestMember follower({.id = MemberId(1)}, {1, 2, 3});
  EXPECT_EQ(follower.Read(1).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(ReadIndexTest, WaitingReadsAreBounded) {
  TestMember leader = Leader();
  absl::Status status;
  uint64_t taken = 0;
  while (taken < 1000000) {
    status = leader.raft().ReadIndex(taken + 1);
    if (!status.ok()) break;
    ++taken;
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(taken, 65536u);
}

// A leader that was deposed without knowing it gets no confirmation, so its
// reads are never stale.
TEST(ReadIndexTest, ADeposedLeaderAnswersNothing) {
  TestCluster cluster(3);
  cluster.Elect(1);
  cluster.Isolate(1);
  cluster.Elect(2);
  ASSERT_TRUE(cluster.member(2).Propose({"newer"}).ok());
  cluster.Settle();
  ASSERT_EQ(cluster.member(1).raft().role(), Role::kLeader);
  ASSERT_TRUE(cluster.member(1).Read(7).ok());
  cluster.Settle();
  EXPECT_TRUE(cluster.member(1).TakeReads().empty());
  cluster.Heal();
  cluster.Tick(4);
  const std::vector<ReadState> reads = cluster.member(1).TakeReads();
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_EQ(reads[0].index, Index(0));
}

}  // namespace
}  // namespace quorate::raft

// Property: a member that cannot win does not disturb, one that ran ahead comes
// back, and a leader without a quorum lets go (thesis, §4.2.3, §6.2, §9.6).
// Method: single rules on one core, and networks cut in all the awkward ways.

#include <algorithm>

#include "gtest/gtest.h"

#include "tests/replication/raft/test_cluster.h"
#include "tests/replication/raft/test_member.h"

namespace quorate::raft {
namespace {

RaftOptions Options(uint64_t id = 1) {
  return {.id = MemberId(id)};
}

VoteRequest Request(bool pre_vote, uint64_t last_index = 9,
                    uint64_t last_term = 1) {
  return {.pre_vote = pre_vote,
          .last_index = Index(last_index),
          .last_term = Term(last_term)};
}

// Thesis, §9.6: "a candidate only increments its term and starts an election
// if it first learns from a majority that they would be willing to grant".
TEST(PreVoteTest, ARehearsalChangesNoTerm) {
  TestMember member(Options(), {1, 2, 3});
  member.Campaign();
  member.Settle();
  EXPECT_EQ(member.raft().role(), Role::kPreCandidate);
  EXPECT_EQ(member.raft().term(), Term(1));
  EXPECT_EQ(member.raft().Status().vote, kNobody);
  EXPECT_EQ(member.disk().hard_state().term, Term(1));
  for (const Message& message : member.Take<VoteRequest>()) {
    EXPECT_TRUE(std::get<VoteRequest>(message.body).pre_vote);
    EXPECT_EQ(message.term, Term(2));
  }
}

TEST(PreVoteTest, ARehearsalPromisesNothing) {
  TestMember member(Options(), {1, 2, 3});
  for (const uint64_t from : {2, 3}) {
    member.Step(MakeMessage(from, 1, 2, Request(/*pre_vote=*/true)));
  }
  member.Settle();
  EXPECT_EQ(member.raft().term(), Term(1));
  EXPECT_EQ(member.raft().Status().vote, kNobody);
  const std::vector<Message> replies = member.Take<VoteReply>();
  ASSERT_EQ(replies.size(), 2u);
  for (const Message& reply : replies) {
    EXPECT_EQ(reply.term, Term(2));
    EXPECT_TRUE(std::get<VoteReply>(reply.body).granted);
  }
}

TEST(PreVoteTest, ARehearsalDoesNotPutOffTheOwnElection) {
  TestMember member(Options(), {1, 2, 3});
  int ticks = 0;
  while (member.raft().role() == Role::kFollower) {
    member.Step(MakeMessage(2, 1, 2, Request(/*pre_vote=*/true)));
    member.Tick();
    ++ticks;
  }
  EXPECT_LE(ticks, 20);
}

// The candidate refused by a member of a later term takes the term over, or it
// would ask in vain for ever.
TEST(PreVoteTest, ARefusalBringsTheLaterTerm) {
  MemoryLog disk(TestConfiguration({1, 2, 3}));
  disk.SetHardState({.term = Term(5)});
  TestMember voter(Options(), std::move(disk));
  voter.Step(MakeMessage(2, 1, 2, Request(/*pre_vote=*/true)));
  voter.Settle();
  const std::vector<Message> replies = voter.Take<VoteReply>();
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_FALSE(std::get<VoteReply>(replies[0].body).granted);
  EXPECT_EQ(replies[0].term, Term(5));

  TestMember candidate(Options(), {1, 2, 3});
  candidate.Campaign();
  candidate.Step(MakeMessage(2, 1, 5, VoteReply{.pre_vote = true}));
  EXPECT_EQ(candidate.raft().term(), Term(5));
  EXPECT_EQ(candidate.raft().role(), Role::kFollower);
}

TEST(PreVoteTest, VotesAndRehearsalsAreNotMixedUp) {
  TestMember member(Options(), {1, 2, 3});
  member.Campaign();
  member.Step(MakeMessage(2, 1, 1, VoteReply{.granted = true}));
  EXPECT_EQ(member.raft().role(), Role::kPreCandidate);
  member.Step(
      MakeMessage(2, 1, 2, VoteReply{.pre_vote = true, .granted = true}));
  member.Settle();
  ASSERT_EQ(member.raft().role(), Role::kCandidate);
  for (const uint64_t term : {2, 3}) {
    member.Step(
        MakeMessage(3, 1, term, VoteReply{.pre_vote = true, .granted = true}));
  }
  EXPECT_EQ(member.raft().role(), Role::kCandidate);
}

// Thesis, §4.2.3: "if a server receives a RequestVote request within the
// minimum election timeout of hearing from a current leader, it does not update
// its term or grant its vote".
TEST(StickinessTest, WhoHearsALeaderDoesNotVote) {
  for (const bool pre_vote : {true, false}) {
    TestMember member(Options(), {1, 2, 3});
    member.Step(MakeMessage(2, 1, 2, Heartbeat{}));
    member.Settle();
    member.TakeOutbox();
    member.Tick(9);
    member.Step(MakeMessage(3, 1, 3, Request(pre_vote)));
    member.Settle();
    EXPECT_EQ(member.raft().term(), Term(2));
    EXPECT_EQ(member.raft().leader(), MemberId(2));
    EXPECT_TRUE(member.TakeOutbox().empty());
    // One tick later the leader has been silent for an election timeout.
    member.Tick();
    member.Step(MakeMessage(3, 1, 3, Request(pre_vote)));
    member.Settle();
    const std::vector<Message> replies = member.Take<VoteReply>();
    ASSERT_EQ(replies.size(), 1u);
    EXPECT_TRUE(std::get<VoteReply>(replies[0].body).granted);
  }
}

TEST(StickinessTest, ALeaderDoesNotVote) {
  TestMember leader(Options(), {1, 2, 3});
  leader.WinElection({2});
  leader.Step(MakeMessage(3, 1, 9, Request(/*pre_vote=*/false)));
  leader.Step(MakeMessage(3, 1, 9, Request(/*pre_vote=*/true)));
  EXPECT_EQ(leader.raft().role(), Role::kLeader);
  EXPECT_EQ(leader.raft().term(), Term(2));
}

// Thesis, §6.2: "a leader in Raft steps down if an election timeout elapses
// without a successful round of heartbeats to a majority of its cluster".
TEST(CheckQuorumTest, ALeaderWithoutAQuorumStepsDown) {
  TestMember leader(Options(), {1, 2, 3});
  leader.WinElection({2});
  leader.Tick(9);
  EXPECT_EQ(leader.raft().role(), Role::kLeader);
  leader.Tick(1);
  EXPECT_EQ(leader.raft().role(), Role::kFollower);
  EXPECT_EQ(leader.raft().leader(), kNobody);
  EXPECT_EQ(leader.raft().term(), Term(2));
  EXPECT_EQ(leader.raft().Status().vote, MemberId(1));
}

TEST(CheckQuorumTest, AnyAnswerOfAQuorumKeepsTheLeader) {
  for (const MessageBody& body :
       {MessageBody(HeartbeatReply{}),
        MessageBody(AppendReply{.accepted = true, .match = Index(1)})}) {
    TestMember leader(Options(), {1, 2, 3, 4, 5});
    leader.WinElection({2, 3});
    for (int round = 0; round < 5; ++round) {
      leader.Tick(9);
      leader.Step(MakeMessage(4, 1, 2, body));
      leader.Step(MakeMessage(5, 1, 2, body));
      leader.Tick(1);
      ASSERT_EQ(leader.raft().role(), Role::kLeader);
    }
    leader.Tick(9);
    leader.Step(MakeMessage(5, 1, 2, body));
    leader.Tick(1);
    EXPECT_EQ(leader.raft().role(), Role::kFollower);
  }
}

TEST(CheckQuorumTest, ALoneMemberLeadsOn) {
  TestMember leader(Options(), {1});
  leader.WinElection({});
  leader.Tick(100);
  EXPECT_EQ(leader.raft().role(), Role::kLeader);
}

// Pitfall 9: a leader whose own disk is stuck answers nobody, though the others
// commit.
TEST(CheckQuorumTest, ALeaderWithAStuckDiskStepsDown) {
  TestMember leader({.id = MemberId(1), .stalled_write_ticks = 30}, {1, 2, 3});
  leader.WinElection({2});
  ASSERT_TRUE(leader.Propose({"x"}).ok());
  leader.TakeReady();
  for (int i = 0; i < 29; ++i) {
    leader.Step(MakeMessage(2, 1, 2, HeartbeatReply{}));
    leader.Tick();
  }
  EXPECT_EQ(leader.raft().role(), Role::kLeader);
  leader.Tick();
  EXPECT_EQ(leader.raft().role(), Role::kFollower);
}

// Sooner where the others commit without it: then somebody leads better.
TEST(CheckQuorumTest, ALeaderWithAStuckDiskHandsOverToWhoCommits) {
  TestMember leader({.id = MemberId(1), .election_ticks = 10}, {1, 2, 3});
  leader.WinElection({2});
  leader.Settle();
  const auto index = leader.Propose({"x"});
  ASSERT_TRUE(index.ok());
  leader.TakeReady();
  leader.TakeOutbox();
  for (const uint64_t peer : {2, 3}) {
    leader.Step(MakeMessage(peer, 1, 2,
                            AppendReply{.accepted = true, .match = *index}));
  }
  ASSERT_EQ(leader.raft().commit(), *index);
  leader.Tick(9);
  EXPECT_EQ(leader.raft().Status().transferring_to, kNobody);
  leader.Tick();
  EXPECT_NE(leader.raft().Status().transferring_to, kNobody);
  leader.TakeReady();
  EXPECT_EQ(leader.Take<TimeoutNow>().size(), 1U);
}

// A member that was cut off comes back and disturbs nobody.
TEST(PartitionTest, AReturningMemberDoesNotDisturb) {
  TestCluster cluster(3);
  cluster.Elect(1);
  const Term term = cluster.member(1).raft().term();
  cluster.Isolate(3);
  cluster.Tick(100);
  EXPECT_EQ(cluster.member(3).raft().role(), Role::kPreCandidate);
  cluster.Heal();
  cluster.Tick(30);
  EXPECT_EQ(cluster.Leaders(), std::vector<uint64_t>{1});
  EXPECT_EQ(cluster.member(3).raft().term(), term);
  EXPECT_EQ(cluster.member(3).raft().leader(), MemberId(1));
}

// A leader that was cut off steps down by itself, the others go on, and its
// entries give way.
TEST(PartitionTest, ALeaderThatIsCutOffGivesWay) {
  TestCluster cluster(3);
  cluster.Elect(1);
  cluster.Isolate(1);
  ASSERT_TRUE(cluster.member(1).Propose({"lost"}).ok());
  cluster.Tick(40);
  EXPECT_NE(cluster.member(1).raft().role(), Role::kLeader);
  const std::vector<uint64_t> leaders = cluster.Leaders();
  ASSERT_EQ(leaders.size(), 1u);
  ASSERT_TRUE(cluster.member(leaders[0]).Propose({"kept"}).ok());
  cluster.Settle();
  cluster.Heal();
  cluster.Tick(10);
  EXPECT_EQ(cluster.Leaders(), leaders);
  EXPECT_EQ(*cluster.member(1).applied().back().payload, "kept");
}

// Pitfall 24, Cloudflare 2020: two of three do not hear each other, the third
// hears both. Whoever leads keeps the lead.
TEST(PartitionTest, APartialPartitionDoesNotDepose) {
  TestCluster cluster(3);
  cluster.Elect(1);
  const Term term = cluster.member(1).raft().term();
  cluster.Cut(1, 3);
  cluster.Tick(200);
  EXPECT_EQ(cluster.Leaders(), std::vector<uint64_t>{1});
  EXPECT_EQ(cluster.member(2).raft().term(), term);
  ASSERT_TRUE(cluster.member(1).Propose({"x"}).ok());
  cluster.Tick(2);
  EXPECT_EQ(cluster.member(2).raft().commit(),
            cluster.member(1).raft().last_index());
}

// One direction only: the leader is heard by none and hears all.
TEST(PartitionTest, ALeaderThatIsNotHeardIsReplaced) {
  TestCluster cluster(3);
  cluster.Elect(1);
  cluster.CutOneWay(1, 2);
  cluster.CutOneWay(1, 3);
  cluster.Tick(60);
  const std::vector<uint64_t> leaders = cluster.Leaders();
  ASSERT_EQ(leaders.size(), 1u);
  EXPECT_NE(leaders[0], 1u);
}

// The other direction: it is heard by all and hears none.
TEST(PartitionTest, ALeaderThatHearsNobodyIsReplaced) {
  TestCluster cluster(3);
  cluster.Elect(1);
  cluster.CutOneWay(2, 1);
  cluster.CutOneWay(3, 1);
  cluster.Tick(60);
  const std::vector<uint64_t> leaders = cluster.Leaders();
  ASSERT_EQ(leaders.size(), 1u);
  EXPECT_NE(leaders[0], 1u);
}

// A member that ran ahead in its term, which PreVote makes rare but not
// impossible, is taken back by an election.
TEST(PartitionTest, AMemberAheadInItsTermIsTakenBack) {
  TestCluster cluster(3);
  cluster.Elect(1);
  // It wins the rehearsal and loses the rest.
  cluster.Drop([](const Message& message) {
    const auto* request = std::get_if<VoteRequest>(&message.body);
    const auto* reply = std::get_if<VoteReply>(&message.body);
    return (request != nullptr && !request->pre_vote) ||
           (reply != nullptr && !reply->pre_vote);
  });
  cluster.Isolate(3);
  cluster.member(1).Crash();
  cluster.Heal();
  cluster.Elect(3);
  EXPECT_EQ(cluster.member(3).raft().role(), Role::kCandidate);
  EXPECT_EQ(cluster.member(3).raft().term(), Term(3));
  cluster.Drop(nullptr);
  EXPECT_NE(cluster.AwaitLeader(), 0u);
  cluster.Tick(60);
  ASSERT_EQ(cluster.Leaders().size(), 1u);
  const MemberId leader(cluster.Leaders().front());
  for (uint64_t id : {1, 2, 3}) {
    EXPECT_EQ(cluster.member(id).raft().leader(), leader);
  }
}

}  // namespace
}  // namespace quorate::raft

// Property: a leader sends ahead as far as its limits allow, batches what comes
// together, and recovers from losses without a flood. Method: one leader with
// messages made by hand, limits set low.

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "tests/replication/raft/test_cluster.h"
#include "tests/replication/raft/test_member.h"

namespace quorate::raft {
namespace {

AppendReply Accepted(uint64_t match) {
  return {.accepted = true, .match = Index(match)};
}

AppendReply Refused(uint64_t previous, uint64_t hint, uint64_t hint_term) {
  return {.accepted = false,
          .match = Index(previous),
          .hint_index = Index(hint),
          .hint_term = Term(hint_term)};
}

// A leader of term 2 of members 1 to 3; 2 and 3 hold its no-op at index 2.
TestMember Leader(RaftOptions options = {}) {
  options.id = MemberId(1);
  TestMember member(options, {1, 2, 3});
  member.WinElection({2});
  for (const uint64_t other : {2, 3}) {
    member.Step(MakeMessage(other, 1, 2, Accepted(2)));
  }
  member.Settle();
  member.TakeOutbox();
  return member;
}

// The requests to member 2 that are in the outbox, which is emptied.
std::vector<AppendRequest> RequestsToTwo(TestMember& leader) {
  std::vector<AppendRequest> requests;
  leader.Settle();
  for (Message& message : leader.Take<AppendRequest>()) {
    if (message.to != MemberId(2)) continue;
    requests.push_back(std::get<AppendRequest>(std::move(message.body)));
  }
  return requests;
}

TEST(PipeliningTest, MessagesFollowWithoutWaiting) {
  TestMember leader = Leader();
  for (uint64_t i = 3; i <= 6; ++i) {
    ASSERT_TRUE(leader.Propose({"x"}).ok());
    const auto requests = RequestsToTwo(leader);
    ASSERT_EQ(requests.size(), 1u);
    EXPECT_EQ(requests[0].previous_index, Index(i - 1));
  }
  EXPECT_EQ(leader.raft().Status().peers[0].inflight_messages, 4);
}

TEST(PipeliningTest, WhatComesTogetherGoesTogether) {
  TestMember leader = Leader();
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(leader.Propose({"x", "y"}).ok());
  const auto requests = RequestsToTwo(leader);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].entries.size(), 20u);
}

TEST(PipeliningTest, MessagesAreBoundedInBytes) {
  TestMember leader = Leader({.max_message_bytes = 2500});
  const std::string large(1000, 'x');
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(leader.Propose({large}).ok());
  const auto requests = RequestsToTwo(leader);
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].entries.size(), 2u);
  EXPECT_EQ(requests[2].entries.size(), 1u);
}

TEST(PipeliningTest, AnEntryLargerThanAMessageGoesAlone) {
  TestMember leader = Leader({.max_message_bytes = 100});
  ASSERT_TRUE(leader.Propose({std::string(5000, 'x'), "y"}).ok());
  EXPECT_EQ(RequestsToTwo(leader).size(), 2u);
}

TEST(PipeliningTest, MessagesUnderWayAreBounded) {
  TestMember leader = Leader({.max_inflight_messages = 3});
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(leader.Propose({absl::StrCat(i)}).ok());
    EXPECT_EQ(RequestsToTwo(leader).size(), i < 3 ? 1u : 0u);
  }
  // Two acknowledged at once: what waited goes in one message.
  leader.Step(MakeMessage(2, 1, 2, Accepted(4)));
  const auto requests = RequestsToTwo(leader);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].previous_index, Index(5));
  EXPECT_EQ(requests[0].entries.size(), 7u);
}

TEST(PipeliningTest, BytesUnderWayAreBounded) {
  TestMember leader = Leader({.max_inflight_bytes = 2000});
  const std::string large(1500, 'x');
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(leader.Propose({large}).ok());
    EXPECT_EQ(RequestsToTwo(leader).size(), i < 2 ? 1u : 0u);
  }
}

TEST(PipeliningTest, ProposalsAreRefusedWhileTooMuchIsUncommitted) {
  TestMember leader = Leader({.max_uncommitted_bytes = 5000});
  const std::string large(2000, 'x');
  ASSERT_TRUE(leader.Propose({large}).ok());
  ASSERT_TRUE(leader.Propose({large}).ok());
  const absl::Status refused = leader.Propose({large}).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(leader.raft().last_index(), Index(4));
  leader.Settle();
  leader.Step(MakeMessage(2, 1, 2, Accepted(4)));
  EXPECT_TRUE(leader.Propose({large}).ok());
  // One over the limit is taken where nothing else waits.
  leader.Settle();
  leader.Step(MakeMessage(2, 1, 2, Accepted(5)));
  EXPECT_TRUE(leader.Propose({std::string(9000, 'x')}).ok());
}

// Without new entries the new commit index goes in a message of its own; with
// new entries it goes along.
TEST(PipeliningTest, FollowersAreToldTheCommitIndexOnce) {
  TestMember leader = Leader();
  ASSERT_TRUE(leader.Propose({"x"}).ok());
  EXPECT_EQ(RequestsToTwo(leader).size(), 1u);
  leader.Step(MakeMessage(3, 1, 2, Accepted(3)));
  auto requests = RequestsToTwo(leader);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(requests[0].entries.empty());
  EXPECT_EQ(requests[0].commit, Index(3));
  leader.Step(MakeMessage(2, 1, 2, Accepted(3)));
  EXPECT_TRUE(RequestsToTwo(leader).empty());
  ASSERT_TRUE(leader.Propose({"y"}).ok());
  leader.Settle();
  leader.TakeOutbox();
  leader.Step(MakeMessage(3, 1, 2, Accepted(4)));
  ASSERT_TRUE(leader.Propose({"z"}).ok());
  requests = RequestsToTwo(leader);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].entries.size(), 1u);
  EXPECT_EQ(requests[0].commit, Index(4));
}

// The first of five messages is lost, so four are refused: one refusal is
// answered, with one message, and then the pipeline runs again.
TEST(PipeliningTest, AFloodOfRefusalsIsAnsweredOnce) {
  TestMember leader = Leader();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(leader.Propose({"x"}).ok());
    leader.Settle();
  }
  leader.TakeOutbox();
  size_t sent = 0;
  for (uint64_t previous = 3; previous <= 6; ++previous) {
    leader.Step(MakeMessage(2, 1, 2, Refused(previous, 2, 2)));
    sent += RequestsToTwo(leader).size();
  }
  EXPECT_EQ(sent, 1u);
  EXPECT_EQ(leader.raft().Status().peers[0].next, Index(3));
  leader.Step(MakeMessage(2, 1, 2, Accepted(7)));
  ASSERT_TRUE(leader.Propose({"y"}).ok());
  EXPECT_EQ(RequestsToTwo(leader).size(), 1u);
  ASSERT_TRUE(leader.Propose({"z"}).ok());
  EXPECT_EQ(RequestsToTwo(leader).size(), 1u);
}

// A follower that lives and has not acknowledged all is asked what it has.
TEST(PipeliningTest, AHeartbeatReplyFindsALoss) {
  TestMember leader = Leader();
  ASSERT_TRUE(leader.Propose({"x"}).ok());
  RequestsToTwo(leader);  // Lost.
  leader.Step(MakeMessage(2, 1, 2, HeartbeatReply{}));
  auto requests = RequestsToTwo(leader);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(requests[0].entries.empty());
  EXPECT_EQ(requests[0].previous_index, Index(3));
  leader.Step(MakeMessage(2, 1, 2, Refused(3, 2, 2)));
  requests = RequestsToTwo(leader);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].entries.size(), 1u);
}

TEST(PipeliningTest, AHeartbeatReplyFindsALossBehindAFullPipeline) {
  TestMember leader = Leader({.max_inflight_messages = 2});
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(leader.Propose({"x"}).ok());
    RequestsToTwo(leader);
  }
  leader.Step(MakeMessage(2, 1, 2, HeartbeatReply{}));
  const auto requests = RequestsToTwo(leader);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].previous_index, Index(4));
}

TEST(PipeliningTest, AFollowerThatIsUpToDateIsLeftAlone) {
  TestMember leader = Leader();
  leader.Step(MakeMessage(2, 1, 2, HeartbeatReply{}));
  EXPECT_FALSE(leader.raft().HasReady());
}

TEST(PipeliningTest, AnUnreachableFollowerIsProbed) {
  TestMember leader = Leader();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(leader.Propose({"x"}).ok());
    RequestsToTwo(leader);
  }
  leader.Unreachable(MemberId(2));
  auto requests = RequestsToTwo(leader);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].previous_index, Index(2));
  EXPECT_EQ(requests[0].entries.size(), 3u);
  // Nothing more until a sign comes.
  ASSERT_TRUE(leader.Propose({"y"}).ok());
  leader.Unreachable(MemberId(2));
  EXPECT_TRUE(RequestsToTwo(leader).empty());
  leader.Step(MakeMessage(2, 1, 2, HeartbeatReply{}));
  EXPECT_EQ(RequestsToTwo(leader).size(), 1u);
}

TEST(PipeliningTest, HeartbeatsTellNoMoreThanWasAcknowledged) {
  TestMember leader = Leader();
  ASSERT_TRUE(leader.Propose({"x"}).ok());
  leader.Settle();
  leader.Step(MakeMessage(3, 1, 2, Accepted(3)));
  leader.Settle();
  leader.TakeOutbox();
  leader.Tick(2);
  leader.Settle();
  const std::vector<Message> heartbeats = leader.Take<Heartbeat>();
  ASSERT_EQ(heartbeats.size(), 2u);
  EXPECT_EQ(std::get<Heartbeat>(heartbeats[0].body).commit, Index(2));
  EXPECT_EQ(std::get<Heartbeat>(heartbeats[1].body).commit, Index(3));
}

// A disk that forgot: the heartbeat names more than there is.
TEST(PipeliningTest, AFollowerDoesNotCommitWhatItDoesNotHave) {
  TestMember follower({.id = MemberId(1)}, {1, 2, 3});
  follower.Step(MakeMessage(2, 1, 2, Heartbeat{.commit = Index(7)}));
  EXPECT_EQ(follower.raft().commit(), Index(0));
}

// And the leader does not turn in circles with it.
TEST(PipeliningTest, AFollowerThatForgotIsNotAnsweredAtOnce) {
  TestMember leader = Leader();
  ASSERT_TRUE(leader.Propose({"x"}).ok());
  RequestsToTwo(leader);
  for (int i = 0; i < 3; ++i) {
    leader.Step(MakeMessage(2, 1, 2, Refused(2, 1, 1)));
    EXPECT_TRUE(RequestsToTwo(leader).empty());
  }
}

TEST(PipeliningTest, AcknowledgementsWithoutSenseAreIgnored) {
  TestMember leader = Leader();
  leader.Step(MakeMessage(2, 1, 2, Accepted(99)));
  leader.Step(MakeMessage(9, 1, 2, Accepted(2)));
  leader.Step(MakeMessage(2, 1, 2, Refused(99, 99, 99)));
  leader.Settle();
  EXPECT_EQ(leader.raft().commit(), Index(2));
}

// A slow follower that lost everything it was sent catches up from disk.
TEST(PipeliningTest, AFollowerFarBehindIsServedFromDisk) {
  TestCluster cluster(3, {.max_message_bytes = 1000, .max_cached_bytes = 500});
  cluster.Elect(1);
  cluster.Isolate(3);
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(cluster.member(1).Propose({absl::StrCat(i)}).ok());
    cluster.Settle();
  }
  cluster.Tick(4);
  const size_t before = cluster.member(1).disk().reads();
  cluster.Heal();
  cluster.Tick(4);
  EXPECT_EQ(cluster.member(3).raft().commit(), Index(202));
  EXPECT_GT(cluster.member(1).disk().reads(), before);
}

}  // namespace
}  // namespace quorate::raft

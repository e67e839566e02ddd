// Property: a log can be compacted and replaced by a snapshot at any moment,
// and nothing is promised, handed out or asked for before disk and state
// machine have it. Method: one core with every step in the test's hand, and
// small clusters.

#include "gtest/gtest.h"

#include "tests/replication/raft/test_cluster.h"
#include "tests/replication/raft/test_member.h"

namespace quorate::raft {
namespace {

TestSnapshot MakeSnapshot(uint64_t index, uint64_t term,
                          const std::vector<uint64_t>& voters = {1, 2, 3}) {
  return {.position = {.index = Index(index),
                       .term = Term(term),
                       .configuration = TestConfiguration(voters),
                       .configuration_index = Index(1),
                       .stamp = {.cluster_ms = 77}}};
}

AppendRequest Entries(uint64_t previous, uint64_t previous_term,
                      std::vector<Entry> entries, uint64_t commit = 0) {
  return {.previous_index = Index(previous),
          .previous_term = Term(previous_term),
          .commit = Index(commit),
          .entries = std::move(entries)};
}

// Member 2 of three with a log of these terms, its first entry committed.
class SnapshotTest : public testing::Test {
 protected:
  static TestMember Follower(const std::vector<uint64_t>& terms) {
    MemoryLog disk(TestConfiguration({1, 2, 3}));
    disk.AppendTerms(terms);
    return TestMember({.id = MemberId(2)}, std::move(disk));
  }

  static void Receive(TestMember& member, uint64_t term,
                      const TestSnapshot& snapshot) {
    member.Receive(MemberId(1), Term(term), snapshot);
  }

  // The only acknowledgement in the outbox.
  static AppendReply Reply(TestMember& member) {
    const std::vector<Message> replies = member.Take<AppendReply>();
    EXPECT_EQ(replies.size(), 1u);
    if (replies.empty()) return {};
    return std::get<AppendReply>(replies.back().body);
  }
};

TEST_F(SnapshotTest, TakesThePlaceOfTheLog) {
  TestMember member = Follower({1, 1});
  Receive(member, 5, MakeSnapshot(20, 4));
  EXPECT_EQ(member.raft().commit(), Index(20));
  EXPECT_EQ(member.raft().Status().first_index, Index(21));
  EXPECT_EQ(member.raft().Status().durable_index, Index(0));
  member.TakeReady();
  EXPECT_TRUE(member.TakeOutbox().empty()) << "promised before it was written";
  EXPECT_TRUE(member.last_ready().append.must_sync);
  EXPECT_TRUE(member.WriteOne());
  const AppendReply reply = Reply(member);
  EXPECT_TRUE(reply.accepted);
  EXPECT_EQ(reply.match, Index(20));
  EXPECT_EQ(member.raft().Status().durable_index, Index(20));
  EXPECT_EQ(member.raft().Status().applied, Index(20));
  EXPECT_EQ(member.raft().last_stamp().cluster_ms, 77);
}

TEST_F(SnapshotTest, WhatIsCommittedIsNotReplaced) {
  TestMember member = Follower({1, 1, 1});
  member.Step(MakeMessage(1, 2, 2, Heartbeat{.commit = Index(3)}));
  member.Settle();
  member.TakeOutbox();
  Receive(member, 2, MakeSnapshot(2, 1));
  member.TakeReady();
  EXPECT_FALSE(member.last_ready().append.install.has_value());
  member.Settle();
  EXPECT_EQ(Reply(member).match, Index(3));
}

// The entries behind the snapshot may have been acknowledged: they stay.
TEST_F(SnapshotTest, WhereTheLogMatchesOnlyTheCommitMoves) {
  TestMember member = Follower({1, 2, 2});
  Receive(member, 2, MakeSnapshot(3, 2));
  member.Settle();
  EXPECT_EQ(Reply(member).match, Index(3));
  EXPECT_EQ(member.raft().commit(), Index(3));
  EXPECT_EQ(member.raft().last_index(), Index(4));
  EXPECT_EQ(member.raft().Status().first_index, Index(1));
  EXPECT_EQ(member.applied().size(), 3u) << "applied from the log";
}

TEST_F(SnapshotTest, AContradictedSuffixGoes) {
  TestMember member = Follower({1, 2, 2, 2, 2});
  Receive(member, 3, MakeSnapshot(4, 3));
  member.Settle();
  EXPECT_EQ(member.raft().last_index(), Index(4));
  EXPECT_EQ(member.disk().LastIndex(), Index(4));
  EXPECT_EQ(member.disk().FirstIndex(), Index(5));
}

// Pitfall 15: the configuration of an entry that is gone is gone, though its
// index is higher than that of the snapshot's.
TEST_F(SnapshotTest, ReplacesAnUncommittedConfiguration) {
  TestMember member = Follower({1});
  member.Step(MakeMessage(
      1, 2, 2,
      Entries(2, 1,
              {MakeEntry(3, 2, "x"), MakeConfigurationEntry(4, 2, {2, 4})})));
  member.Settle();
  ASSERT_EQ(member.raft().configuration().membership.voters.size(), 2u);
  Receive(member, 3, MakeSnapshot(3, 3));
  EXPECT_EQ(member.raft().configuration().membership.voters.size(), 3u);
  member.Settle();
  member.Crash();
  EXPECT_EQ(member.raft().configuration().membership.voters.size(), 3u);
}

TEST_F(SnapshotTest, IsInstalledByWhoIsNotInIt) {
  TestMember member = Follower({1});
  Receive(member, 3, MakeSnapshot(9, 3, {1, 3}));
  member.Settle();
  EXPECT_EQ(member.raft().last_index(), Index(9));
  member.Tick(100);
  EXPECT_EQ(member.raft().role(), Role::kFollower);
  EXPECT_EQ(member.raft().term(), Term(3));
}

TEST_F(SnapshotTest, EntriesBehindItWaitForTheStateMachine) {
  TestMember member = Follower({1});
  Receive(member, 3, MakeSnapshot(9, 3));
  member.Step(MakeMessage(
      1, 2, 3,
      Entries(9, 3, {MakeEntry(10, 3, "a"), MakeEntry(11, 3, "b")}, 11)));
  EXPECT_EQ(member.raft().commit(), Index(11));
  Ready ready = member.raft().TakeReady();
  ASSERT_TRUE(ready.append.install.has_value());
  EXPECT_EQ(ready.append.entries.size(), 2u);
  EXPECT_TRUE(ready.committed.empty());
  member.disk().Write(ready.append);
  member.raft().OnAppended(ready.append.receipt);
  EXPECT_EQ(member.raft().Status().durable_index, Index(11));
  EXPECT_FALSE(member.raft().HasReady()) << "the state is not there yet";
  member.raft().OnApplied(Index(9));
  ASSERT_TRUE(member.raft().HasReady());
  EXPECT_EQ(member.raft().TakeReady().committed.size(), 2u);
}

TEST_F(SnapshotTest, TheStateMachineMayReportFirst) {
  TestMember member = Follower({1});
  Receive(member, 3, MakeSnapshot(9, 3));
  member.Step(MakeMessage(1, 2, 3, Entries(9, 3, {MakeEntry(10, 3, "a")}, 10)));
  const Ready ready = member.raft().TakeReady();
  member.disk().Write(ready.append);
  member.raft().OnApplied(Index(9));
  EXPECT_FALSE(member.raft().HasReady()) << "not durable yet";
  member.raft().OnAppended(ready.append.receipt);
  EXPECT_EQ(member.raft().TakeReady().committed.size(), 1u);
}

// A write of the old log is under way, and entries of it were handed out.
TEST_F(SnapshotTest, WhatWasUnderWaySaysNothingAnyMore) {
  TestMember member = Follower({1, 1});
  member.Step(MakeMessage(1, 2, 3,
                          Entries(3, 1, {MakeEntry(4, 3, "a")}, /*commit=*/3)));
  Ready old = member.raft().TakeReady();
  ASSERT_EQ(old.append.entries.size(), 1u);
  ASSERT_EQ(old.committed.size(), 3u);
  Receive(member, 3, MakeSnapshot(9, 3));
  Ready next = member.raft().TakeReady();
  member.disk().Write(old.append);
  member.raft().OnAppended(old.append.receipt);
  EXPECT_EQ(member.raft().Status().durable_index, Index(0));
  member.raft().OnApplied(Index(2));
  member.disk().Write(next.append);
  member.raft().OnAppended(next.append.receipt);
  member.raft().OnApplied(Index(9));
  EXPECT_EQ(member.raft().Status().durable_index, Index(9));
  EXPECT_EQ(member.raft().Status().applied, Index(9));
  EXPECT_TRUE(member.raft().CheckInvariants().ok());
}

TEST_F(SnapshotTest, ASecondOneTakesThePlaceOfTheFirst) {
  for (const bool first_was_taken : {false, true}) {
    TestMember member = Follower({1});
    Receive(member, 3, MakeSnapshot(9, 3));
    if (first_was_taken) member.TakeReady();
    Receive(member, 3, MakeSnapshot(15, 3));
    member.TakeReady();
    EXPECT_EQ(member.pending().size(), first_was_taken ? 2u : 1u);
    if (first_was_taken) {
      member.WriteOne();
      EXPECT_EQ(member.raft().Status().durable_index, Index(0));
    }
    member.Settle();
    EXPECT_EQ(member.raft().Status().durable_index, Index(15));
    EXPECT_EQ(member.raft().Status().applied, Index(15));
    EXPECT_EQ(member.disk().FirstIndex(), Index(16));
  }
}

// The entries behind a snapshot are contradicted while it is being written: the
// write that follows speaks for both.
TEST_F(SnapshotTest, ATruncationBehindItDoesNotForgetIt) {
  TestMember member = Follower({1});
  Receive(member, 3, MakeSnapshot(9, 3));
  member.Step(MakeMessage(1, 2, 3, Entries(9, 3, {MakeEntry(10, 3, "a")})));
  member.TakeReady();
  member.Step(MakeMessage(3, 2, 4, Entries(9, 3, {MakeEntry(10, 4, "b")})));
  member.TakeReady();
  member.WriteOne();
  member.WriteOne();
  EXPECT_EQ(member.raft().Status().durable_index, Index(10));
  EXPECT_EQ(member.raft().Status().applied, Index(9));
}

TEST_F(SnapshotTest, ACrashLeavesOneOrTheOther) {
  TestMember member = Follower({1, 1});
  Receive(member, 3, MakeSnapshot(9, 3));
  member.TakeReady();
  member.Crash();
  EXPECT_EQ(member.raft().last_index(), Index(3)) << "not written";
  member.Settle();
  Receive(member, 3, MakeSnapshot(9, 3));
  member.TakeReady();
  member.CrashAfterWrite();
  EXPECT_EQ(member.raft().last_index(), Index(9));
  EXPECT_EQ(member.raft().commit(), Index(9));
  EXPECT_EQ(member.raft().Status().applied, Index(0)) << "state not replaced";
  EXPECT_FALSE(member.raft().HasReady()) << "nothing to hand out yet";
  member.Step(MakeMessage(1, 2, 3, Entries(9, 3, {MakeEntry(10, 3, "a")}, 10)));
  member.Settle();
  EXPECT_EQ(member.state().position.index, Index(10));
  EXPECT_EQ(member.applied().size(), 1u);
}

TEST_F(SnapshotTest, OfAnEarlierTermIsRefused) {
  TestMember member = Follower({4});
  Receive(member, 3, MakeSnapshot(9, 3));
  member.Settle();
  EXPECT_EQ(member.raft().last_index(), Index(2));
  const std::vector<Message> replies = member.Take<AppendReply>();
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_FALSE(std::get<AppendReply>(replies.front().body).accepted);
  EXPECT_EQ(replies.front().term, Term(4)) << "so that the sender steps down";
}

TEST_F(SnapshotTest, ACandidateFollowsItsSender) {
  TestMember member = Follower({1});
  member.Campaign();
  Receive(member, 1, MakeSnapshot(9, 1));
  EXPECT_EQ(member.raft().role(), Role::kFollower);
  EXPECT_EQ(member.raft().leader(), MemberId(1));
  EXPECT_EQ(member.raft().last_index(), Index(9));
}

TEST_F(SnapshotTest, ALeaderTakesNoneInItsTerm) {
  TestMember member({.id = MemberId(2)}, {1, 2, 3});
  member.WinElection({3});
  Receive(member, member.raft().term().value(), MakeSnapshot(9, 1));
  EXPECT_EQ(member.raft().role(), Role::kLeader);
  EXPECT_EQ(member.raft().last_index(), Index(2));
}

TEST_F(SnapshotTest, OneWithoutSenseIsIgnored) {
  TestMember member = Follower({1});
  const SnapshotPosition good = MakeSnapshot(9, 2).position;
  std::vector<SnapshotPosition> wrong(6, good);
  wrong[0].index = Index(0);
  wrong[1].term = Term(0);
  wrong[2].term = Term(3);
  wrong[3].configuration = nullptr;
  wrong[4].configuration = TestConfiguration({});
  wrong[5].configuration_index = Index(10);
  for (const SnapshotPosition& position : wrong) {
    member.Step(MakeMessage(1, 2, 2, InstallSnapshot{position}));
    EXPECT_EQ(member.raft().last_index(), Index(2));
  }
}

// A crash may leave the one log or the other, so there is no log to ask for
// votes with.
TEST_F(SnapshotTest, NoCampaignWhileItIsInstalled) {
  TestMember member = Follower({1});
  Receive(member, 3, MakeSnapshot(9, 3));
  member.TakeReady();
  member.Campaign();
  member.Step(MakeMessage(1, 2, 3, TimeoutNow{}));
  member.PeerLost(MemberId(1));
  member.Tick(100);
  EXPECT_EQ(member.raft().role(), Role::kFollower);
  member.WriteOne();
  member.TakeOutbox();
  member.Campaign();
  member.Settle();
  const std::vector<Message> requests = member.Take<VoteRequest>();
  ASSERT_EQ(requests.size(), 2u);
  const auto& request = std::get<VoteRequest>(requests.front().body);
  EXPECT_EQ(request.last_index, Index(9));
  EXPECT_EQ(request.last_term, Term(3));
}

TEST_F(SnapshotTest, VotesForNobodyWhoHasLess) {
  TestMember member = Follower({1});
  Receive(member, 3, MakeSnapshot(9, 3));
  member.Settle();
  member.TakeOutbox();
  member.Tick(30);
  member.TakeOutbox();
  for (const uint64_t last : {8, 9}) {
    member.Step(MakeMessage(
        3, 2, member.raft().term().value() + 1,
        VoteRequest{.last_index = Index(last), .last_term = Term(3)}));
    member.Settle();
    const std::vector<Message> replies = member.Take<VoteReply>();
    ASSERT_EQ(replies.size(), 1u);
    EXPECT_EQ(std::get<VoteReply>(replies.front().body).granted, last == 9);
  }
}

TEST(CompactionTest, TheLogBeginsLaterAlsoAfterARestart) {
  TestMember member({.id = MemberId(1)}, {1});
  member.Campaign();
  member.Settle();
  ASSERT_TRUE(member.Propose({"a", "b"}, {.cluster_ms = 500}).ok());
  member.Settle();
  member.Compact(Index(4));
  EXPECT_EQ(member.raft().Status().first_index, Index(5));
  EXPECT_TRUE(member.TakeReady());
  EXPECT_FALSE(member.last_ready().append.must_sync);
  member.Settle();
  EXPECT_EQ(member.disk().FirstIndex(), Index(5));
  member.Compact(Index(3));
  EXPECT_FALSE(member.raft().HasReady()) << "forgotten before";
  member.Crash(Index(4));
  EXPECT_EQ(member.raft().last_index(), Index(4));
  EXPECT_EQ(member.raft().last_stamp().cluster_ms, 500) << "time goes on";
  member.Campaign();
  member.Settle();
  ASSERT_TRUE(member.Propose({"c"}, {.cluster_ms = 3}).ok());
  member.Settle();
  EXPECT_EQ(member.applied().back().stamp.cluster_ms, 500);
  EXPECT_EQ(member.raft().commit(), Index(6));
}

// Leader 1 of three whose log begins after index 6; member 3 is far behind.
class SnapshotOrderTest : public testing::Test {
 protected:
  SnapshotOrderTest() : leader_({.id = MemberId(1)}, {1, 2, 3}) {
    leader_.WinElection({2});
    EXPECT_TRUE(leader_.Propose({"a", "b", "c", "d"}).ok());
    leader_.Settle();
    Answer(2, {.accepted = true, .match = Index(6)});
    leader_.Settle();
    leader_.Compact(Index(6));
    leader_.Settle();
    leader_.TakeOutbox();
  }

  void Answer(uint64_t from, const AppendReply& reply) {
    leader_.Step(MakeMessage(from, 1, leader_.raft().term().value(), reply));
  }

  void SignOfLife(uint64_t from) {
    leader_.Step(
        MakeMessage(from, 1, leader_.raft().term().value(), HeartbeatReply{}));
    leader_.Settle();
  }

  void Refuse() {
    Answer(3, {.accepted = false, .match = Index(1), .hint_index = Index(0)});
    leader_.Settle();
  }

  TestMember leader_;
};

TEST_F(SnapshotOrderTest, GoesToWhoNeedsCompactedEntriesOnce) {
  Refuse();
  const std::vector<SnapshotOrder> orders = leader_.TakeOrders();
  ASSERT_EQ(orders.size(), 1u);
  EXPECT_EQ(orders[0].to, MemberId(3));
  EXPECT_EQ(orders[0].term, leader_.raft().term());
  EXPECT_EQ(orders[0].at_least, Index(6));
  EXPECT_TRUE(leader_.raft().Status().peers[1].needs_snapshot);
  leader_.TakeOutbox();
  for (int i = 0; i < 20; ++i) {
    SignOfLife(2);
    SignOfLife(3);
    Refuse();
    leader_.Tick();
  }
  leader_.Settle();
  EXPECT_TRUE(leader_.TakeOrders().empty()) << "no timeout, no second order";
  for (const Message& message : leader_.Take<AppendRequest>()) {
    EXPECT_NE(message.to, MemberId(3)) << "nothing beside the snapshot";
  }
}

TEST_F(SnapshotOrderTest, AFailureWaitsForASignOfLife) {
  Refuse();
  leader_.TakeOrders();
  leader_.SnapshotEnded(MemberId(3), false);
  leader_.Settle();
  EXPECT_TRUE(leader_.TakeOrders().empty());
  SignOfLife(3);
  EXPECT_EQ(leader_.TakeOrders().size(), 1u);
}

TEST_F(SnapshotOrderTest, ADeliveryIsProbedAndEntriesFollow) {
  Refuse();
  leader_.TakeOrders();
  leader_.TakeOutbox();
  leader_.SnapshotEnded(MemberId(3), true);
  leader_.Settle();
  const std::vector<Message> probes = leader_.Take<AppendRequest>();
  ASSERT_EQ(probes.size(), 1u);
  EXPECT_EQ(std::get<AppendRequest>(probes[0].body).previous_index, Index(6));
  ASSERT_TRUE(leader_.Propose({"e"}).ok());
  Answer(3, {.accepted = true, .match = Index(6)});
  leader_.Settle();
  EXPECT_FALSE(leader_.raft().Status().peers[1].needs_snapshot);
  bool sent = false;
  for (const Message& message : leader_.Take<AppendRequest>()) {
    sent |= message.to == MemberId(3) &&
            !std::get<AppendRequest>(message.body).entries.empty();
  }
  EXPECT_TRUE(sent);
  EXPECT_TRUE(leader_.TakeOrders().empty());
}

// The member crashed before it installed what it had received.
TEST_F(SnapshotOrderTest, ALostInstallationIsOrderedAgain) {
  Refuse();
  leader_.TakeOrders();
  leader_.SnapshotEnded(MemberId(3), true);
  leader_.Settle();
  Answer(3, {.accepted = false, .match = Index(6), .hint_index = Index(1)});
  leader_.Settle();
  EXPECT_EQ(leader_.TakeOrders().size(), 1u);
}

TEST_F(SnapshotOrderTest, WhoHasCaughtUpItselfNeedsNoneAnyMore) {
  Refuse();
  leader_.TakeOrders();
  Answer(3, {.accepted = true, .match = Index(4)});
  EXPECT_TRUE(leader_.raft().Status().peers[1].needs_snapshot) << "too little";
  Answer(3, {.accepted = true, .match = Index(6)});
  EXPECT_FALSE(leader_.raft().Status().peers[1].needs_snapshot);
  leader_.SnapshotEnded(MemberId(3), false);
  EXPECT_FALSE(leader_.raft().Status().peers[1].needs_snapshot) << "too late";
}

TEST_F(SnapshotOrderTest, IsNobodysAfterTheReign) {
  Answer(3, {.accepted = false, .match = Index(1), .hint_index = Index(0)});
  Ready ready = leader_.raft().TakeReady();
  EXPECT_EQ(ready.snapshots.size(), 1u);
  Refuse();
  leader_.Step(MakeMessage(2, 1, leader_.raft().term().value() + 1,
                           Heartbeat{.commit = Index(0)}));
  leader_.Settle();
  EXPECT_TRUE(leader_.TakeOrders().empty());
}

TEST(SnapshotClusterTest, AMemberThatWasAwayComesBackByOne) {
  TestCluster cluster(3);
  cluster.Elect(1);
  cluster.Isolate(3);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(cluster.member(1).Propose({"x"}).ok());
    cluster.Tick();
  }
  const Index last = cluster.member(1).raft().last_index();
  cluster.member(1).Compact(last);
  cluster.Tick(20);
  EXPECT_TRUE(cluster.member(1).TakeOrders().empty()) << "it is not there";
  cluster.Heal();
  cluster.Tick(30);
  EXPECT_EQ(cluster.member(3).disk().FirstIndex(), last.Next());
  EXPECT_EQ(cluster.member(3).state().digest,
            cluster.member(cluster.AwaitLeader()).state().digest);
}

}  // namespace
}  // namespace quorate::raft

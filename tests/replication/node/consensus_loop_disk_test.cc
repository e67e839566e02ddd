// A leader whose disk is nearly full, or hangs, hands leadership to a member
// that is better off, if there is one; and what all logs hold is known to all.
// Three loops in one thread; the test says what the disks are like and moves
// the clock.

#include "gtest/gtest.h"

#include "tests/replication/node/loop_cluster.h"
#include "tests/replication/node/loop_messages.h"

namespace quorate::replication {
namespace {

TEST(ConsensusLoopDiskTest, TheLeaderHandsOnToTheMemberWithRoom) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  const int low = Follower(leader);
  const int roomy = OtherFollower(leader);
  ASSERT_NE(low, roomy);
  cluster.loop(low).SetDiskLow(true);
  cluster.Ticks(3);
  EXPECT_EQ(cluster.Leader(), leader);
  EXPECT_EQ(cluster.loop(leader).LowLeader(), raft::kNobody);
  cluster.loop(leader).SetDiskLow(true);
  cluster.Ticks(10);
  EXPECT_EQ(cluster.Leader(), roomy);
  for (int member = 1; member <= 3; ++member) {
    EXPECT_EQ(cluster.loop(member).LowLeader(), raft::kNobody);
  }
}

TEST(ConsensusLoopDiskTest, WhereAllAreLowTheLeaderStaysAndAllKnow) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  for (const int member : {Follower(leader), OtherFollower(leader), leader}) {
    cluster.loop(member).SetDiskLow(true);
    cluster.Ticks(2);
  }
  cluster.Ticks(200);
  EXPECT_EQ(cluster.Leader(), leader);
  for (int member = 1; member <= 3; ++member) {
    EXPECT_EQ(cluster.loop(member).LowLeader(), LoopCluster::Id(leader));
  }
  // With room again all know it soon, and nobody says more.
  for (int member = 1; member <= 3; ++member) {
    cluster.loop(member).SetDiskLow(false);
  }
  cluster.Ticks(2);
  cluster.ForgetSent();
  cluster.Ticks(100);
  for (int member = 1; member <= 3; ++member) {
    EXPECT_EQ(cluster.loop(member).LowLeader(), raft::kNobody);
    EXPECT_TRUE(SentBy<DiskReport>(cluster, member).empty());
  }
}

TEST(ConsensusLoopDiskTest, AReportIsForgottenWhereItsSenderFallsSilent) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  const int follower = Follower(leader);
  for (const int member : {Follower(leader), OtherFollower(leader), leader}) {
    cluster.loop(member).SetDiskLow(true);
    cluster.Ticks(2);
  }
  ASSERT_EQ(cluster.loop(follower).LowLeader(), LoopCluster::Id(leader));
  // The report that it has room again is lost.
  cluster.passes = [](const PeerMessage& message) {
    return !std::holds_alternative<DiskReport>(message.body);
  };
  cluster.loop(leader).SetDiskLow(false);
  cluster.Ticks(TicksFor(absl::Seconds(4), Checked()));
  EXPECT_EQ(cluster.loop(follower).LowLeader(), raft::kNobody);
}

TEST(ConsensusLoopDiskTest, ALeaderWhoseDiskHangsHandsOnAtOnce) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  const int follower = Follower(leader);
  cluster.SetDiskHangs(leader, true);
  cluster.Propose(leader, 1);
  cluster.Ticks(Checked().election_ticks - 1);
  ASSERT_EQ(cluster.Leader(), leader);
  // The others have it, and nobody is answered.
  EXPECT_EQ(cluster.TimesApplied(follower, leader, 1), 1);
  EXPECT_EQ(cluster.Outcome(leader, 1), "");
  // No election is waited for, and the next leader is not disturbed.
  cluster.Ticks(2);
  const int next = cluster.Leader();
  EXPECT_NE(next, leader);
  cluster.Propose(follower, 2);
  cluster.Ticks(100);
  EXPECT_EQ(cluster.Outcome(follower, 2), "applied");
  EXPECT_EQ(cluster.Leader(), next);
  cluster.SetDiskHangs(leader, false);
  cluster.Ticks(5);
  EXPECT_EQ(cluster.Outcome(leader, 1), "applied");
  EXPECT_EQ(cluster.TimesApplied(leader, follower, 2), 1);
}

TEST(ConsensusLoopDiskTest, WhereMostDisksHangForAWhileTheLeaderStays) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  const raft::Term term = cluster.loop(leader).raft().term();
  cluster.SetDiskHangs(leader, true);
  cluster.SetDiskHangs(Follower(leader), true);
  cluster.Propose(leader, 1);
  cluster.Ticks(3 * Checked().election_ticks);
  EXPECT_EQ(cluster.Leader(), leader);
  cluster.SetDiskHangs(leader, false);
  cluster.SetDiskHangs(Follower(leader), false);
  cluster.Ticks(2);
  EXPECT_EQ(cluster.Outcome(leader, 1), "applied");
  EXPECT_EQ(cluster.loop(leader).raft().term(), term);
}

TEST(ConsensusLoopDiskTest, AFollowersHangingDiskMattersToNobody) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  cluster.SetDiskHangs(Follower(leader), true);
  cluster.Propose(leader, 1);
  cluster.Ticks(200);
  EXPECT_EQ(cluster.Outcome(leader, 1), "applied");
  EXPECT_EQ(cluster.Leader(), leader);
}

TEST(ConsensusLoopDiskTest, AllRememberWhatTheOthersLogsHold) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  const int behind = OtherFollower(leader);
  cluster.Isolate(behind);
  cluster.Propose(leader, 1);
  cluster.Ticks(TicksFor(absl::Seconds(2), Checked()));
  ASSERT_EQ(cluster.Leader(), leader);
  const raft::Index commit = cluster.loop(leader).raft().commit();
  const auto known = [&cluster](int by, int of) {
    const auto witnessed = cluster.loop(by).Status().witnessed;
    const auto it = witnessed.find(LoopCluster::Id(of));
    return it == witnessed.end() ? raft::Index(0) : it->second;
  };
  EXPECT_EQ(known(leader, Follower(leader)), commit);
  EXPECT_EQ(known(Follower(leader), leader), commit);
  EXPECT_LT(known(leader, behind), commit);
  EXPECT_LT(known(Follower(leader), behind), commit);
  cluster.Heal();
  cluster.Ticks(TicksFor(absl::Seconds(2), Checked()));
  for (int by = 1; by <= LoopCluster::kMembers; ++by) {
    EXPECT_EQ(cluster.loop(by).Status().witnessed.size(), 2U);
    for (int of = 1; of <= LoopCluster::kMembers; ++of) {
      if (of != by) EXPECT_GE(known(by, of), commit) << by << " of " << of;
    }
  }
}

// An entry that is on one disk may yet be replaced by another.
TEST(ConsensusLoopDiskTest, WhatIsNotCommittedIsNoWitness) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  cluster.SetDiskHangs(Follower(leader), true);
  cluster.SetDiskHangs(OtherFollower(leader), true);
  cluster.Propose(leader, 1);
  cluster.Ticks(TicksFor(absl::Seconds(1), Checked()));
  const raft::RaftStatus status = cluster.loop(leader).raft().Status();
  ASSERT_GT(status.durable_index, status.commit);
  const auto known = cluster.loop(Follower(leader)).Status().witnessed;
  EXPECT_EQ(known.at(LoopCluster::Id(leader)), status.commit);
}

}  // namespace
}  // namespace quorate::replication

// A leader whose disk is nearly full is known as such by all and hands
// leadership to a member with room, if there is one. Three loops in one thread;
// the test says whose disk is low and moves the clock.

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

}  // namespace
}  // namespace quorate::replication

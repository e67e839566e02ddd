// The leader measures how long its commands take to be committed, and the way
// to the others; nobody else does, and what is never committed is not counted.
// Three loops in one thread, with a clock that is moved by hand.

#include <vector>

#include "gtest/gtest.h"

#include "replication/node/commit_timer.h"
#include "tests/replication/node/loop_cluster.h"
#include "tests/replication/node/loop_messages.h"

namespace quorate::replication {
namespace {

LatencyHistogram All(const LatencySeries& series, const Clock& clock) {
  LatencyHistogram all;
  for (const auto& step : series.Steps(clock.Calendar() - absl::Hours(2),
                                       clock.Calendar() + absl::Hours(1), 1)) {
    all.Merge(step.spans);
  }
  return all;
}

class ConsensusLoopLatencyTest : public testing::Test {
 protected:
  LatencyHistogram CommitsOf(int member) {
    return All(cluster_.latencies(member).commit(), cluster_.clock());
  }

  const absl::Duration tick_ = Checked().tick;
  LoopCluster cluster_{Checked()};
};

TEST_F(ConsensusLoopLatencyTest, TheLeaderMeasuresCommits) {
  const int leader = cluster_.Elect();
  const int other = leader % 3 + 1;
  cluster_.Propose(leader, 1);
  cluster_.Settle();
  EXPECT_EQ(CommitsOf(leader).count(), 1U);
  EXPECT_EQ(CommitsOf(leader).longest(), absl::ZeroDuration());
  // Replies come three ticks late, so that a heartbeat has to ask again.
  cluster_.passes = [](const PeerMessage&) { return false; };
  cluster_.Propose(leader, 2);
  cluster_.Propose(leader, 3);
  cluster_.Settle();
  cluster_.Ticks(3);
  EXPECT_EQ(CommitsOf(leader).count(), 1U);
  cluster_.Heal();
  cluster_.Ticks(5);
  ASSERT_EQ(cluster_.Outcome(leader, 3), "applied");
  EXPECT_EQ(CommitsOf(leader).count(), 3U);
  EXPECT_GE(CommitsOf(leader).longest(), 3 * tick_);
  EXPECT_LE(CommitsOf(leader).longest(), 8 * tick_);
  // What another member is asked for is the leader's too.
  cluster_.Propose(other, 4);
  cluster_.Settle();
  ASSERT_EQ(cluster_.Outcome(other, 4), "applied");
  EXPECT_EQ(CommitsOf(leader).count(), 4U);
  EXPECT_EQ(CommitsOf(other).count(), 0U);
}

TEST_F(ConsensusLoopLatencyTest, WhatAnotherLeaderCommitsIsNotCounted) {
  const int before = cluster_.Elect();
  cluster_.Isolate(before);
  cluster_.Propose(before, 1);
  cluster_.Ticks(TicksFor(absl::Seconds(4), Checked()));
  ASSERT_NE(cluster_.Leader(), before);
  cluster_.Heal();
  cluster_.Ticks(TicksFor(absl::Seconds(2), Checked()));
  EXPECT_EQ(CommitsOf(before).count(), 0U);
}

TEST_F(ConsensusLoopLatencyTest, TheLeaderMeasuresTheWayToTheOthers) {
  const int leader = cluster_.Elect();
  cluster_.Ticks(TicksFor(absl::Seconds(10), Checked()));
  const auto peers = cluster_.latencies(leader).RoundTrips();
  ASSERT_EQ(peers.size(), 2U);
  for (const auto& peer : peers) {
    EXPECT_NE(peer.peer, static_cast<uint64_t>(leader));
    const uint64_t count = All(*peer.series, cluster_.clock()).count();
    EXPECT_GE(count, 9U);
    EXPECT_LE(count, 12U);
  }
  EXPECT_TRUE(cluster_.latencies(leader % 3 + 1).RoundTrips().empty());
}

TEST(CommitTimerTest, IsBounded) {
  HandClock clock;
  LatencySeries series(&clock);
  CommitTimer timer(&series);
  for (uint64_t i = 1; i <= 2 * CommitTimer::kMaxBatches; ++i) {
    timer.OnProposed(raft::Index(i), 1, clock.SinceBoot());
  }
  clock.Advance(absl::Milliseconds(5));
  timer.OnCommit(raft::Index(1'000'000), clock.SinceBoot());
  EXPECT_EQ(All(series, clock).count(), CommitTimer::kMaxBatches);
  EXPECT_FALSE(timer.waits());
}

}  // namespace
}  // namespace quorate::replication

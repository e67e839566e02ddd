// A linearizable read is never stale and finds an answer where there is one,
// and the cluster's time neither jumps nor goes back. Three loops exchange
// messages in one thread; the test loses what it likes and moves the clock.

#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "replication/node/consensus_loop.h"
#include "tests/replication/node/loop_cluster.h"
#include "tests/replication/node/loop_messages.h"

namespace quorate::replication {
namespace {

TEST(ConsensusLoopReadTest, ReadsSeeWhatWasCommittedBefore) {
  LoopCluster cluster(Checked());
  cluster.Elect();
  for (int member = 1; member <= 3; ++member) {
    cluster.Propose(member, 1);
    cluster.Settle();
    const raft::Index commit = cluster.loop(cluster.Leader()).raft().commit();
    for (int reader = 1; reader <= 3; ++reader) {
      const uint64_t read = member * 10 + reader;
      cluster.Read(reader, read);
      cluster.Settle();
      EXPECT_EQ(cluster.ReadOutcomeOf(reader, read),
                "ok@" + std::to_string(commit.value()));
    }
  }
}

TEST(ConsensusLoopReadTest, ReadsThatWaitTogetherShareOneQuestion) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  const int follower = Follower(leader);
  cluster.ForgetSent();
  for (uint64_t read = 1; read <= 50; ++read) {
    cluster.Read(follower, read);
  }
  cluster.Settle();
  EXPECT_EQ(SentBy<ReadIndexRequest>(cluster, follower).size(), 1u);
  EXPECT_EQ(cluster.ReadOutcomeOf(follower, 50).substr(0, 3), "ok@");
}

TEST(ConsensusLoopReadTest, AsksAgainWithANewNonce) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  const int follower = Follower(leader);
  cluster.passes = [](const PeerMessage& message) {
    return !IsReadRequest(message);
  };
  cluster.ForgetSent();
  cluster.Read(follower, 1);
  cluster.Ticks(12);
  cluster.Heal();
  cluster.Ticks(6);
  EXPECT_EQ(cluster.ReadOutcomeOf(follower, 1).substr(0, 3), "ok@");
  std::set<uint64_t> nonces;
  const auto requests = SentBy<ReadIndexRequest>(cluster, follower);
  for (const ReadIndexRequest& request : requests) {
    nonces.insert(request.nonce);
  }
  EXPECT_GE(requests.size(), 3u);
  EXPECT_EQ(nonces.size(), requests.size());
}

// A leader that has been replaced, and does not know, must not answer.
TEST(ConsensusLoopReadTest, AnIsolatedLeaderAnswersNoRead) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  const int follower = Follower(leader);
  cluster.Isolate(leader);
  cluster.Read(leader, 1);
  cluster.Ticks(3);
  EXPECT_EQ(cluster.ReadOutcomeOf(leader, 1), "");
  cluster.Ticks(60);
  cluster.Propose(follower, 1);
  cluster.Settle();
  EXPECT_EQ(cluster.Outcome(follower, 1), "applied");
  EXPECT_TRUE(cluster.ReadOutcomeOf(leader, 1) == "" ||
              cluster.ReadOutcomeOf(leader, 1) == "no_quorum");
}

// A read that follows its leader's fall is answered by the next one.
TEST(ConsensusLoopReadTest, ReadsSurviveAChangeOfLeader) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  const int follower = Follower(leader);
  cluster.Kill(leader);
  cluster.Read(follower, 1);
  cluster.Settle();
  EXPECT_EQ(cluster.ReadOutcomeOf(follower, 1), "");
  cluster.Elect();
  cluster.Ticks(6);
  EXPECT_EQ(cluster.ReadOutcomeOf(follower, 1).substr(0, 3), "ok@");
}

TEST(ConsensusLoopReadTest, TheClustersTimeNeitherJumpsNorStops) {
  const NodeOptions options = Checked();
  LoopCluster cluster(options);
  const int leader = cluster.Elect();
  const int64_t tick_ms = absl::ToInt64Milliseconds(options.tick);
  const int64_t start = cluster.loop(leader).ClusterMs();
  cluster.Ticks(10);
  EXPECT_EQ(cluster.loop(leader).ClusterMs(), start + 10 * tick_ms);

  // The machine slept for an hour.
  cluster.clock().Advance(absl::Hours(1));
  cluster.Propose(leader, 1);
  cluster.Settle();
  EXPECT_EQ(cluster.loop(leader).raft().last_stamp().cluster_ms,
            start + 14 * tick_ms);
}

TEST(ConsensusLoopReadTest, TheClustersTimeStandsStillWithoutALeader) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  cluster.Ticks(20);
  cluster.Propose(leader, 1);
  cluster.Ticks(3);  // The followers have it.
  const int follower = Follower(leader);
  const int64_t stamp = cluster.loop(follower).raft().last_stamp().cluster_ms;
  EXPECT_GE(stamp, 1000);
  cluster.Kill(leader);
  cluster.clock().Advance(absl::Hours(10));
  const int next = cluster.Elect();
  const int64_t after = cluster.loop(next).ClusterMs();
  EXPECT_GE(after, stamp);
  // A few ticks since it leads, and nothing for the hours without one.
  EXPECT_LE(after, stamp + 500);
  // And from there it goes on.
  cluster.Ticks(10);
  EXPECT_EQ(cluster.loop(next).ClusterMs(), after + 500);
}

TEST(ConsensusLoopReadTest, CalendarTimeNeverGoesBack) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  cluster.Propose(leader, 1);
  cluster.Settle();
  const raft::Stamp before = cluster.loop(leader).raft().last_stamp();
  cluster.clock().SetCalendar(cluster.clock().Calendar() - absl::Hours(24));
  cluster.Propose(leader, 2);
  cluster.Settle();
  const raft::Stamp after = cluster.loop(leader).raft().last_stamp();
  EXPECT_EQ(after.calendar_ms, before.calendar_ms);
  EXPECT_EQ(cluster.Outcome(leader, 2), "applied");
}

}  // namespace
}  // namespace quorate::replication

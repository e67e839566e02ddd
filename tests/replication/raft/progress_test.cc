// Property: a leader's view of a follower never sends ahead more than it may,
// and finds its way back after losses. Method: the transitions of probe and
// replicate one by one; the ring against a plain queue on random commands.

#include "replication/raft/progress.h"

#include <deque>
#include <utility>

#include "gtest/gtest.h"

#include "base/random.h"
#include "tests/support/seed.h"

namespace quorate::raft {
namespace {

using State = Progress::State;

constexpr InflightLimits kRoomy{.messages = 8, .bytes = 1000};

// As after a successful probe up to `match`.
Progress Replicating(uint64_t match, const InflightLimits& limits = kRoomy) {
  Progress progress(Index(match + 1), limits);
  progress.OnAccepted(Index(match), Index(1));
  return progress;
}

TEST(InflightsTest, IsFullByMessages) {
  Inflights inflights({.messages = 2, .bytes = 1000});
  inflights.Add(Index(1), 10);
  EXPECT_FALSE(inflights.Full());
  inflights.Add(Index(2), 10);
  EXPECT_TRUE(inflights.Full());
  inflights.FreeUpTo(Index(1));
  EXPECT_FALSE(inflights.Full());
}

TEST(InflightsTest, IsFullByBytesAndLetsOneGoOver) {
  Inflights inflights({.messages = 10, .bytes = 100});
  inflights.Add(Index(1), 99);
  EXPECT_FALSE(inflights.Full());
  inflights.Add(Index(2), 500);
  EXPECT_TRUE(inflights.Full());
  EXPECT_EQ(inflights.bytes(), 599u);
  inflights.Clear();
  EXPECT_EQ(inflights.bytes(), 0u);
  EXPECT_FALSE(inflights.Full());
}

TEST(InflightsTest, AgreesWithAPlainQueue) {
  for (const uint64_t seed : TestSeeds(1, 50)) {
    SCOPED_TRACE(ReplayLine(seed, "progress_test", "InflightsTest.*"));
    Random random(seed);
    const InflightLimits limits{.messages = random.Between(1, 12),
                                .bytes = random.Between(50, 500)};
    Inflights inflights(limits);
    std::deque<std::pair<uint64_t, size_t>> twin;
    size_t twin_bytes = 0;
    uint64_t last = 0;
    for (int step = 0; step < 500; ++step) {
      if (!inflights.Full() && random.Chance(2, 3)) {
        last += random.Between(1, 3);
        const size_t bytes = random.Between(0, 80);
        inflights.Add(Index(last), bytes);
        twin.emplace_back(last, bytes);
      } else {
        const uint64_t freed = random.Below(last + 2);
        inflights.FreeUpTo(Index(freed));
        while (!twin.empty() && twin.front().first <= freed)
          twin.pop_front();
      }
      twin_bytes = 0;
      for (const auto& [index, bytes] : twin)
        twin_bytes += bytes;
      ASSERT_EQ(inflights.count(), twin.size());
      ASSERT_EQ(inflights.bytes(), twin_bytes);
      ASSERT_EQ(inflights.Full(),
                twin.size() >= limits.messages || twin_bytes >= limits.bytes);
    }
  }
}

TEST(ProgressTest, ProbesOneMessageAtATime) {
  Progress progress(Index(8), kRoomy);
  EXPECT_EQ(progress.state(), State::kProbe);
  EXPECT_FALSE(progress.Paused());
  progress.OnSent(Index(9), 20, Index(3));
  EXPECT_TRUE(progress.Paused());
  EXPECT_EQ(progress.next(), Index(8));
  progress.Resume();
  EXPECT_FALSE(progress.Paused());
}

TEST(ProgressTest, ReplicatesAfterTheFirstAcceptance) {
  Progress progress(Index(8), kRoomy);
  progress.OnSent(Index(9), 20, Index(3));
  EXPECT_TRUE(progress.OnAccepted(Index(9), Index(1)));
  EXPECT_EQ(progress.state(), State::kReplicate);
  EXPECT_EQ(progress.match(), Index(9));
  EXPECT_EQ(progress.next(), Index(10));
  progress.OnSent(Index(12), 20, Index(3));
  progress.OnSent(Index(15), 20, Index(3));
  EXPECT_EQ(progress.next(), Index(16));
  EXPECT_EQ(progress.inflights().count(), 2u);
  EXPECT_TRUE(progress.OnAccepted(Index(12), Index(1)));
  EXPECT_EQ(progress.inflights().count(), 1u);
  EXPECT_EQ(progress.next(), Index(16));
}

TEST(ProgressTest, ReplicationPausesWhenFull) {
  Progress progress = Replicating(1, {.messages = 2, .bytes = 1000});
  progress.OnSent(Index(2), 1, Index(1));
  progress.OnSent(Index(3), 1, Index(1));
  EXPECT_TRUE(progress.Paused());
  progress.OnAccepted(Index(2), Index(1));
  EXPECT_FALSE(progress.Paused());
}

TEST(ProgressTest, RepeatedAndStaleAcceptancesChangeNothing) {
  Progress progress = Replicating(5);
  progress.OnSent(Index(9), 1, Index(1));
  EXPECT_FALSE(progress.OnAccepted(Index(5), Index(1)));
  EXPECT_FALSE(progress.OnAccepted(Index(3), Index(1)));
  EXPECT_EQ(progress.match(), Index(5));
  EXPECT_EQ(progress.next(), Index(10));
}

TEST(ProgressTest, AProbeGoesBackToTheHint) {
  Progress progress(Index(20), kRoomy);
  progress.OnSent(Index(22), 1, Index(1));
  EXPECT_TRUE(progress.OnRejected(Index(19), Index(7)));
  EXPECT_EQ(progress.next(), Index(8));
  EXPECT_FALSE(progress.Paused());
}

TEST(ProgressTest, AHintAboveTheRefusalStillGoesBack) {
  Progress progress(Index(20), kRoomy);
  EXPECT_TRUE(progress.OnRejected(Index(19), Index(40)));
  EXPECT_EQ(progress.next(), Index(19));
}

TEST(ProgressTest, AStaleRefusalOfAProbeIsIgnored) {
  Progress progress(Index(20), kRoomy);
  EXPECT_FALSE(progress.OnRejected(Index(15), Index(3)));
  EXPECT_EQ(progress.next(), Index(20));
}

TEST(ProgressTest, ARefusalWhileReplicatingGoesBackToTheMatch) {
  Progress progress = Replicating(5);
  progress.OnSent(Index(7), 1, Index(5));
  progress.OnSent(Index(9), 1, Index(5));
  EXPECT_TRUE(progress.OnRejected(Index(7), Index(2)));
  EXPECT_EQ(progress.state(), State::kProbe);
  EXPECT_EQ(progress.next(), Index(6));
  EXPECT_EQ(progress.inflights().count(), 0u);
}

// A member that refuses what it has acknowledged has lost its disk. Answering
// at once would turn in circles at the speed of the network.
TEST(ProgressTest, ARefusalOfTheMatchIsNotAnswered) {
  Progress progress = Replicating(5);
  EXPECT_FALSE(progress.OnRejected(Index(5), Index(0)));
  EXPECT_EQ(progress.state(), State::kReplicate);
  progress.BecomeProbe();
  progress.OnSent(Index(6), 1, Index(1));
  EXPECT_FALSE(progress.OnRejected(Index(5), Index(0)));
  EXPECT_TRUE(progress.Paused());
}

TEST(ProgressTest, ATellerOfCommitsForgetsWhatMayBeLost) {
  Progress progress = Replicating(5);
  progress.OnSent(Index(9), 1, Index(9));
  EXPECT_EQ(progress.told_commit(), Index(9));
  progress.BecomeProbe();
  EXPECT_EQ(progress.told_commit(), Index(5));
}

TEST(ProgressTest, APokeDoesNotCountAsUnderWay) {
  Progress progress = Replicating(5);
  progress.poke = true;
  progress.OnSent(Index(5), 0, Index(5));
  EXPECT_FALSE(progress.poke);
  EXPECT_EQ(progress.inflights().count(), 0u);
  EXPECT_EQ(progress.next(), Index(6));
}

}  // namespace
}  // namespace quorate::raft

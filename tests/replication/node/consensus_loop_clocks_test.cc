// Wrong clocks of members, up to a minority, move neither the cluster's time
// nor its calendar, and a great leap of the others waits for a person. Three
// loops exchange messages in one thread; each member's calendar is wrong as
// told.

#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "base/random.h"
#include "tests/replication/node/loop_cluster.h"
#include "tests/replication/node/loop_messages.h"
#include "tests/support/seed.h"

namespace quorate::replication {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

// Clocks are asked every second, and heard within a tick.
constexpr int64_t kNearMs = 1'100;

int64_t TrueMs(LoopCluster* cluster) {
  return absl::ToUnixMillis(cluster->clock().Calendar());
}

// The stamp of an entry that is appended now.
raft::Stamp StampNow(LoopCluster* cluster) {
  static uint64_t sequence = 1'000'000;
  const int leader = cluster->Leader();
  cluster->Propose(leader, ++sequence);
  cluster->Settle();
  EXPECT_EQ(cluster->Outcome(leader, sequence), "applied");
  return cluster->loop(leader).raft().last_stamp();
}

// Until another member leads, nobody hears the one that does.
void ChangeLeader(LoopCluster* cluster) {
  const int before = cluster->Leader();
  cluster->Isolate(before);
  cluster->Ticks(TicksFor(absl::Seconds(4), NodeOptions()));
  EXPECT_NE(cluster->Leader(), before);
  cluster->Heal();
}

std::vector<ClockAlarm> Alarms(LoopCluster* cluster) {
  const NodeStatus status = cluster->loop(cluster->Leader()).Status();
  EXPECT_TRUE(status.calendar.has_value());
  return AlarmsOf(*status.calendar);
}

TEST(ConsensusLoopClocksTest, TheLeaderAsksAtOnceAndEverySecond) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  EXPECT_EQ(SentBy<ClockRequest>(cluster, leader).size(), 2u);
  EXPECT_EQ(StampNow(&cluster).calendar_ms, TrueMs(&cluster));
  cluster.ForgetSent();
  cluster.Ticks(TicksFor(absl::Seconds(10), NodeOptions()));
  EXPECT_EQ(SentBy<ClockRequest>(cluster, leader).size(), 20u);
  EXPECT_EQ(SentBy<ClockRequest>(cluster, Follower(leader)).size(), 0u);
  EXPECT_EQ(SentBy<ClockReply>(cluster, leader).size(), 0u);
  EXPECT_FALSE(cluster.loop(Follower(leader)).Status().calendar.has_value());
  EXPECT_TRUE(Alarms(&cluster).empty());
}

TEST(ConsensusLoopClocksTest, OneWrongClockMovesNothingAndRings) {
  const absl::Time now = HandClock().Calendar();
  const absl::Duration offs[] = {absl::Hours(1),
                                 -absl::Hours(1),
                                 kDay,
                                 -kDay,
                                 absl::UnixEpoch() - now,
                                 absl::FromUnixSeconds(int64_t{1} << 31) - now};
  for (const absl::Duration off : offs) {
    for (int wrong = 1; wrong <= LoopCluster::kMembers; ++wrong) {
      SCOPED_TRACE(testing::Message() << wrong << " is off by " << off);
      LoopCluster cluster(Checked());
      cluster.Elect();
      const raft::Stamp before = StampNow(&cluster);
      cluster.clock_of(wrong).SetCalendarOff(off);
      cluster.Ticks(80);
      const raft::Stamp after = StampNow(&cluster);
      EXPECT_EQ(after.cluster_ms - before.cluster_ms, 4'000);
      EXPECT_EQ(after.calendar_ms - before.calendar_ms, 4'000);
      // Nor does it where it is there when another begins to lead.
      ChangeLeader(&cluster);
      cluster.Ticks(TicksFor(absl::Seconds(12), NodeOptions()));
      EXPECT_NEAR(StampNow(&cluster).calendar_ms, TrueMs(&cluster), kNearMs);
      EXPECT_NE(cluster.Leader(), wrong);
      const std::vector<ClockAlarm> alarms = Alarms(&cluster);
      ASSERT_EQ(alarms.size(), 1u);
      EXPECT_EQ(alarms[0].kind, ClockAlarmKind::kClockSkew);
      EXPECT_EQ(alarms[0].member, LoopCluster::Id(wrong));
      EXPECT_EQ(alarms[0].ahead, off);
    }
  }
}

TEST(ConsensusLoopClocksTest, OfTwoThatDisagreeTheLeaderLeadsOn) {
  for (const absl::Duration off : {absl::Hours(1), -absl::Hours(1)}) {
    LoopCluster cluster(Checked());
    const int leader = cluster.Elect();
    cluster.Kill(Follower(leader));
    // Until what it said last is forgotten.
    cluster.Ticks(TicksFor(absl::Seconds(12), NodeOptions()));
    StampNow(&cluster);
    const raft::Term term = cluster.loop(leader).raft().term();
    cluster.clock_of(leader).SetCalendarOff(off);
    cluster.Ticks(TicksFor(absl::Seconds(12), NodeOptions()));
    EXPECT_EQ(cluster.Leader(), leader);
    EXPECT_EQ(cluster.loop(leader).raft().term(), term);
    // The earlier of the two has it.
    EXPECT_NEAR(StampNow(&cluster).calendar_ms, TrueMs(&cluster), kNearMs);
    EXPECT_FALSE(Alarms(&cluster).empty());
  }
}

TEST(ConsensusLoopClocksTest, ManyWrongClocksOneAfterTheOtherMoveNothing) {
  for (const uint64_t seed : TestSeeds(1, 10)) {
    SCOPED_TRACE(ReplayLine(seed, "consensus_loop_clocks_test", "*"));
    Random random(seed);
    LoopCluster cluster(Checked());
    cluster.Elect();
    // A calendar that nobody knows of yet is wound by the first two clocks.
    int64_t last_ms = StampNow(&cluster).calendar_ms;
    for (int round = 0; round < 10; ++round) {
      for (int member = 1; member <= LoopCluster::kMembers; ++member) {
        cluster.clock_of(member).SetCalendarOff(absl::ZeroDuration());
      }
      // The readings of a clock that was wrong are gone before the next is.
      cluster.Ticks(TicksFor(absl::Seconds(2), NodeOptions()));
      const int wrong = static_cast<int>(random.Between(1, 3));
      cluster.clock_of(wrong).SetCalendarOff(
          absl::Milliseconds(random.Between(0, 200'000'000'000)) -
          absl::Milliseconds(100'000'000'000));
      if (random.OneIn(3)) {
        cluster.Isolate(cluster.Leader());
        cluster.Ticks(static_cast<int>(random.Between(1, 60)));
        cluster.Heal();
      }
      cluster.Elect();
      cluster.Ticks(static_cast<int>(random.Between(25, 40)));
      const int64_t shown_ms = StampNow(&cluster).calendar_ms;
      EXPECT_GE(shown_ms, last_ms);
      EXPECT_NEAR(shown_ms, TrueMs(&cluster), kNearMs);
      last_ms = shown_ms;
    }
  }
}

TEST(ConsensusLoopClocksTest, TheFirstLeapIsFreeUntilAnEntryCarriesACalendar) {
  LoopCluster cluster(Checked());
  cluster.passes = [](const PeerMessage& message) {
    return !std::holds_alternative<ClockReply>(message.body);
  };
  cluster.Elect();
  cluster.Ticks(20);
  EXPECT_EQ(StampNow(&cluster).cluster_ms, 1'000);
  EXPECT_EQ(StampNow(&cluster).calendar_ms, 0);
  // The others hear each other's clocks.
  ChangeLeader(&cluster);
  EXPECT_EQ(StampNow(&cluster).calendar_ms, TrueMs(&cluster));
}

void Accept(ConsensusLoop* loop, uint64_t call, int64_t up_to_ms,
            absl::Duration timeout) {
  loop->Request(call, {.what = CalendarLeap{.up_to_ms = up_to_ms}}, timeout);
}

class HeldLeapTest : public testing::Test {
 protected:
  HeldLeapTest() : cluster_(Checked()), leader_(cluster_.Elect()) {
    before_ = StampNow(&cluster_);
    // All machines were off for two days, or their clocks are wrong alike.
    cluster_.clock().SetCalendar(cluster_.clock().Calendar() + 2 * kDay);
    cluster_.Ticks(40);
  }

  bool Held() {
    return cluster_.loop(cluster_.Leader()).Status().calendar->held;
  }

  LoopCluster cluster_;
  const int leader_;
  raft::Stamp before_;
};

TEST_F(HeldLeapTest, WaitsAndGoesOnByWhatPasses) {
  EXPECT_EQ(StampNow(&cluster_).calendar_ms, before_.calendar_ms + 2'000);
  const std::vector<ClockAlarm> alarms = Alarms(&cluster_);
  ASSERT_EQ(alarms.size(), 1u);
  EXPECT_EQ(alarms[0].kind, ClockAlarmKind::kCalendarHeld);
  EXPECT_EQ(alarms[0].ahead, 2 * kDay);
  // Another leader does not know better.
  ChangeLeader(&cluster_);
  cluster_.Elect();
  EXPECT_LT(StampNow(&cluster_).calendar_ms, before_.calendar_ms + 60'000);
  EXPECT_TRUE(Held());
}

TEST_F(HeldLeapTest, APersonAcceptsItOnAnyMember) {
  for (int member = 1; member <= LoopCluster::kMembers; ++member) {
    LoopCluster cluster(Checked());
    const int leader = cluster.Elect();
    StampNow(&cluster);
    cluster.clock().SetCalendar(cluster.clock().Calendar() + 2 * kDay);
    cluster.Ticks(40);
    Accept(&cluster.loop(member), 1, TrueMs(&cluster) - 1, absl::Seconds(5));
    cluster.Tick();
    ASSERT_TRUE(cluster.ChangeEnd(member, 1).has_value());
    EXPECT_EQ(cluster.ChangeEnd(member, 1)->code(),
              absl::StatusCode::kFailedPrecondition);
    Accept(&cluster.loop(member), 2, TrueMs(&cluster) + 5'000,
           absl::Seconds(5));
    cluster.Settle();
    ASSERT_TRUE(cluster.ChangeEnd(member, 2).has_value());
    EXPECT_TRUE(cluster.ChangeEnd(member, 2)->ok());
    // Nothing else was proposed: the leap itself is in the log.
    for (int each = 1; each <= LoopCluster::kMembers; ++each) {
      EXPECT_EQ(cluster.loop(each).raft().last_stamp().calendar_ms,
                TrueMs(&cluster));
    }
    EXPECT_FALSE(cluster.loop(leader).Status().calendar->held);
  }
}

TEST_F(HeldLeapTest, ALeaderThatNobodyHearsLosesItAndTheNextIsAsked) {
  const int follower = Follower(leader_);
  Accept(&cluster_.loop(follower), 1, TrueMs(&cluster_) + 60'000,
         absl::Seconds(30));
  cluster_.passes = [&](const PeerMessage& message) {
    return message.from != LoopCluster::Id(leader_);
  };
  cluster_.Settle();
  EXPECT_FALSE(cluster_.loop(leader_).Status().calendar->held);
  EXPECT_FALSE(cluster_.ChangeEnd(follower, 1).has_value());
  Accept(&cluster_.loop(leader_), 2, TrueMs(&cluster_) + 60'000,
         absl::Seconds(30));
  cluster_.Settle();
  EXPECT_FALSE(cluster_.ChangeEnd(leader_, 2).has_value());
  cluster_.Isolate(leader_);
  cluster_.Ticks(TicksFor(absl::Seconds(6), NodeOptions()));
  ASSERT_NE(cluster_.Leader(), leader_);
  ASSERT_TRUE(cluster_.ChangeEnd(follower, 1).has_value());
  EXPECT_TRUE(cluster_.ChangeEnd(follower, 1)->ok());
  EXPECT_FALSE(Held());
  EXPECT_NEAR(StampNow(&cluster_).calendar_ms, TrueMs(&cluster_), kNearMs);
}

TEST_F(HeldLeapTest, WhereNothingIsHeldAcceptingDoesNothing) {
  cluster_.clock().SetCalendar(cluster_.clock().Calendar() - 2 * kDay);
  cluster_.Ticks(40);
  const raft::Index last = cluster_.loop(leader_).raft().last_index();
  Accept(&cluster_.loop(leader_), 1,
         TrueMs(&cluster_) + absl::ToInt64Milliseconds(99 * kDay),
         absl::Seconds(5));
  cluster_.Settle();
  ASSERT_TRUE(cluster_.ChangeEnd(leader_, 1).has_value());
  EXPECT_TRUE(cluster_.ChangeEnd(leader_, 1)->ok());
  EXPECT_EQ(cluster_.loop(leader_).raft().last_index(), last);
  // Nor is it remembered.
  cluster_.clock().SetCalendar(cluster_.clock().Calendar() + 2 * kDay);
  cluster_.Ticks(40);
  EXPECT_TRUE(Held());
}

TEST(ConsensusLoopClocksTest, AMajorityThatWentBackRings) {
  LoopCluster cluster(Checked());
  cluster.Elect();
  const int64_t before_ms = StampNow(&cluster).calendar_ms;
  cluster.clock().SetCalendar(cluster.clock().Calendar() - absl::Hours(2));
  cluster.Ticks(40);
  EXPECT_EQ(StampNow(&cluster).calendar_ms, before_ms + 2'000);
  const std::vector<ClockAlarm> alarms = Alarms(&cluster);
  ASSERT_EQ(alarms.size(), 1u);
  EXPECT_EQ(alarms[0].kind, ClockAlarmKind::kCalendarBehind);
  EXPECT_EQ(alarms[0].ahead, -absl::Hours(2));
}

}  // namespace
}  // namespace quorate::replication

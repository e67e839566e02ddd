// No minority of wrong clocks moves the cluster's calendar, no clock moves it
// back, and a great leap waits for a person. By a clock that is moved by hand
// and readings of two other members.

#include "replication/node/calendar.h"

#include "gtest/gtest.h"

#include "replication/transport/transport.h"
#include "tests/replication/node/loop_cluster.h"

namespace quorate::replication {
namespace {

using raft::MemberId;

constexpr MemberId kSelf = MemberId(1);
constexpr int64_t kHourMs = int64_t{3600} * 1000;

class CalendarTest : public ::testing::Test {
 protected:
  CalendarTest() : calendar_(&clock_, absl::Seconds(1)) {
    membership_.voters = {MemberId(1), MemberId(2), MemberId(3)};
  }

  int64_t Own() const { return absl::ToUnixMillis(clock_.Calendar()); }

  void Read(uint64_t member, int64_t offset_ms) {
    calendar_.OnReading(MemberId(member), Own() + offset_ms,
                        clock_.SinceBoot());
  }

  int64_t Look() {
    calendar_.Advance(membership_, kSelf);
    return calendar_.calendar_ms();
  }

  HandClock clock_;
  raft::Membership membership_;
  Calendar calendar_;
};

TEST_F(CalendarTest, IsWoundUpToWhatAMajorityShows) {
  calendar_.Run(Own() - kHourMs);
  EXPECT_EQ(Look(), Own() - kHourMs);  // The own clock alone is no majority.
  Read(2, 0);
  EXPECT_EQ(Look(), Own());
}

TEST_F(CalendarTest, OneClockAheadOrBehindMovesNothing) {
  for (const int64_t offset :
       {-1000 * kHourMs, -kHourMs, kHourMs, 20 * kHourMs, 100'000 * kHourMs}) {
    calendar_.Run(Own() - 10);
    Read(2, 0);
    Read(3, offset);
    EXPECT_EQ(Look(), Own()) << offset;
  }
}

TEST_F(CalendarTest, TheOwnClockIsOneOfThree) {
  calendar_.Run(Own() - 10);
  Read(2, -2 * kHourMs);
  Read(3, -2 * kHourMs);
  EXPECT_EQ(Look(), Own() - 10);
  EXPECT_TRUE(calendar_.State(kSelf).behind);
  Read(2, 2 * kHourMs);
  Read(3, 2 * kHourMs);
  EXPECT_EQ(Look(), Own() + 2 * kHourMs);
}

TEST_F(CalendarTest, TwoThatDisagreeMoveItByTheEarlierOne) {
  calendar_.Run(Own() - kHourMs);
  Read(2, 5 * kHourMs);  // The third is down.
  EXPECT_EQ(Look(), Own());
  calendar_.Run(Own() + kHourMs);
  Read(2, 5 * kHourMs);
  EXPECT_EQ(Look(), Own() + kHourMs);
}

TEST_F(CalendarTest, GoesOnByWhatPassesAndNeverBack) {
  const int64_t start = Own() + 3 * kHourMs;
  calendar_.Run(start);
  Read(2, 0);
  Read(3, 0);
  EXPECT_EQ(Look(), start);
  clock_.Advance(absl::Milliseconds(500));
  EXPECT_EQ(Look(), start + 500);
  clock_.SetCalendar(clock_.Calendar() - absl::Hours(5));
  EXPECT_EQ(Look(), start + 500);
  // A machine that slept makes it slow; it does not leap by itself.
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(Look(), start + 1500);
}

TEST_F(CalendarTest, HoldsAGreatLeapUntilAPersonAcceptsIt) {
  calendar_.Run(Own() - 30 * kHourMs);
  Read(2, 0);
  Read(3, 0);
  EXPECT_EQ(Look(), Own() - 30 * kHourMs);
  EXPECT_TRUE(calendar_.State(kSelf).held);
  EXPECT_FALSE(calendar_.Accept(Own() - 1));
  EXPECT_EQ(Look(), Own() - 30 * kHourMs);
  EXPECT_TRUE(calendar_.Accept(Own()));
  EXPECT_EQ(Look(), Own());
  EXPECT_FALSE(calendar_.State(kSelf).held);
}

// Two clocks that race, or that are set forward day by day.
TEST_F(CalendarTest, ManySmallLeapsAreAGreatOne) {
  calendar_.Run(Own());
  const int64_t start_ms = Own();
  for (int day = 1; day <= 30; ++day) {
    clock_.Advance(absl::Seconds(1));
    clock_.SetCalendar(clock_.Calendar() + absl::Hours(5));
    Read(2, 0);
    EXPECT_LE(Look(), start_ms + 25 * kHourMs + day * 2'000);
    EXPECT_EQ(calendar_.State(kSelf).held, day > 5);
  }
  // By and by as much is free as passes.
  clock_.SetCalendar(absl::FromUnixMillis(Look()) + absl::Hours(20));
  Read(2, 0);
  Look();
  EXPECT_TRUE(calendar_.State(kSelf).held);
  for (int second = 0; second < 20 * 3600; ++second) {
    clock_.Advance(absl::Seconds(1));
    Read(2, 0);
    Look();
  }
  EXPECT_FALSE(calendar_.State(kSelf).held);
  EXPECT_EQ(Look(), Own());
}

TEST_F(CalendarTest, RemembersNoAcceptanceForAnotherLeap) {
  calendar_.Run(Own() - kHourMs);
  Read(2, 0);
  Look();
  EXPECT_FALSE(calendar_.Accept(Own() + 1000 * kHourMs));
  clock_.SetCalendar(clock_.Calendar() + absl::Hours(40));
  Read(2, 0);
  EXPECT_EQ(Look(), Own() - 40 * kHourMs);
  EXPECT_TRUE(calendar_.State(kSelf).held);
}

TEST_F(CalendarTest, TheFirstLeapOfAClusterIsFree) {
  calendar_.Run(0);
  Read(2, 0);
  EXPECT_EQ(Look(), Own());
}

// Or a leader that ends before it hears of a clock would leave a stamp of 1970,
// and the next one's leap would wait for a person.
TEST_F(CalendarTest, StandsStillBeforeTheFirstLeap) {
  calendar_.Run(0);
  clock_.Advance(absl::Seconds(5));
  EXPECT_EQ(Look(), 0);
  Read(3, -kHourMs);
  EXPECT_EQ(Look(), Own() - kHourMs);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Look(), Own() - kHourMs);
}

TEST_F(CalendarTest, MembersThatWereRemovedLeaveRoomForOthers) {
  calendar_.Run(Own() - kHourMs);
  for (uint64_t member = 100; member < 200; ++member)
    Read(member, 0);
  clock_.Advance(Calendar::kReadingLife + absl::Milliseconds(1));
  Read(2, 0);
  EXPECT_EQ(Look(), Own());
}

TEST_F(CalendarTest, NoClockIsBeyondWhatPeopleRead) {
  membership_.voters = {kSelf};
  for (const absl::Time shown :
       {absl::InfiniteFuture(), absl::InfinitePast()}) {
    clock_.SetCalendar(shown);
    calendar_.Run(0);
    EXPECT_EQ(Look(), shown == absl::InfinitePast() ? 0 : kMaxCalendarMs);
  }
}

TEST_F(CalendarTest, ForgetsOldReadings) {
  calendar_.Run(Own() - kHourMs);
  Read(2, 0);
  clock_.Advance(Calendar::kReadingLife + absl::Milliseconds(1));
  EXPECT_LT(Look(), Own() - kHourMs + 2000);
  EXPECT_TRUE(calendar_.State(kSelf).skews.empty());
  // Nor are slow answers taken, or answers to what was not asked yet.
  calendar_.OnReading(
      MemberId(2), Own(),
      clock_.SinceBoot() - Calendar::kSlowAnswer - absl::Milliseconds(1));
  calendar_.OnReading(MemberId(2), Own(),
                      clock_.SinceBoot() + absl::Milliseconds(1));
  Look();
  EXPECT_TRUE(calendar_.State(kSelf).skews.empty());
}

TEST_F(CalendarTest, SaysHowFarClocksAreApart) {
  calendar_.Run(Own());
  Read(2, 3000);
  Look();
  const CalendarState state = calendar_.State(kSelf);
  ASSERT_EQ(state.skews.size(), 2u);
  EXPECT_EQ(state.skews[0].ahead, absl::ZeroDuration());
  EXPECT_EQ(state.skews[1].id, MemberId(2));
  EXPECT_EQ(state.skews[1].ahead, absl::Seconds(3));
}

TEST_F(CalendarTest, TheSkewIsAgainstTheMajorityNotTheLeader) {
  calendar_.Run(Own());
  Read(2, -24 * kHourMs);
  Read(3, -24 * kHourMs);
  Look();
  const std::vector<ClockAlarm> alarms = AlarmsOf(calendar_.State(kSelf));
  ASSERT_EQ(alarms.size(), 2u);
  EXPECT_EQ(alarms[0].kind, ClockAlarmKind::kCalendarBehind);
  EXPECT_EQ(alarms[0].ahead, -absl::Hours(24));
  EXPECT_EQ(alarms[1].kind, ClockAlarmKind::kClockSkew);
  EXPECT_EQ(alarms[1].member, kSelf);
  EXPECT_EQ(alarms[1].ahead, absl::Hours(24));
}

TEST_F(CalendarTest, ALoneMemberGoesByItsOwnClock) {
  membership_.voters = {MemberId(1)};
  calendar_.Run(Own() - kHourMs);
  EXPECT_EQ(Look(), Own());
}

}  // namespace
}  // namespace quorate::replication

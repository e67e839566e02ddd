// The log says once that an alarm began and once that it ended, however it
// flutters. By states of the clocks made by hand.

#include "replication/node/clock_alarm_log.h"

#include <optional>

#include "gtest/gtest.h"

namespace quorate::replication {
namespace {

constexpr absl::Duration kNow = absl::Hours(1);

CalendarState Skewed(uint64_t member, absl::Duration ahead) {
  return {.calendar_ms = 5'000,
          .quorum_ms = 5'000,
          .skews = {{.id = raft::MemberId(member), .ahead = ahead}}};
}

TEST(ClockAlarmLogTest, SaysOnceThatAnAlarmBeganAndEnded) {
  ClockAlarmLog log;
  const CalendarState good = Skewed(3, kSkewLimit);
  const CalendarState bad = Skewed(3, -kSkewLimit - absl::Milliseconds(1));
  EXPECT_TRUE(log.Follow(good, kNow).empty());
  const auto began = log.Follow(bad, kNow);
  ASSERT_EQ(began.size(), 1u);
  EXPECT_TRUE(began[0].began);
  EXPECT_EQ(began[0].alarm.member, raft::MemberId(3));
  EXPECT_EQ(ClockAlarmName(began[0].alarm.kind), "CLOCK_SKEW");
  const absl::Duration later = kNow + ClockAlarmLog::kQuiet;
  EXPECT_TRUE(log.Follow(bad, later).empty());
  EXPECT_TRUE(log.Follow(good, later + absl::Seconds(1)).empty());
  EXPECT_TRUE(log.Follow(bad, later + absl::Seconds(2)).empty());
  const absl::Duration end = later + absl::Seconds(2) + ClockAlarmLog::kQuiet;
  EXPECT_TRUE(log.Follow(good, end - absl::Milliseconds(1)).empty());
  const auto ended = log.Follow(good, end);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_FALSE(ended[0].began);
  EXPECT_TRUE(log.Follow(good, end).empty());
}

TEST(ClockAlarmLogTest, TellsKindsAndMembersApart) {
  ClockAlarmLog log;
  CalendarState state = Skewed(3, absl::Hours(30));
  state.skews.push_back({.id = raft::MemberId(4), .ahead = absl::Hours(30)});
  state.held = true;
  EXPECT_EQ(log.Follow(state, kNow).size(), 3u);
}

TEST(ClockAlarmLogTest, AMemberThatDoesNotLeadSaysNothing) {
  ClockAlarmLog log;
  EXPECT_EQ(log.Follow(Skewed(3, absl::Hours(1)), kNow).size(), 1u);
  EXPECT_TRUE(log.Follow(std::nullopt, kNow + absl::Hours(1)).empty());
  EXPECT_EQ(log.Follow(Skewed(3, absl::Hours(1)), kNow + absl::Hours(1)).size(),
            1u);
}

}  // namespace
}  // namespace quorate::replication

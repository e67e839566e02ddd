// Each alarm is one line that says what is wrong and what to do. By alarms made
// by hand, one of a kind that this program cannot know.

#include "tools/quorate/alarms.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace quorate::cli {
namespace {

using monitoring::v1::Alarm;
using testing::HasSubstr;
using testing::StartsWith;

Alarm Ahead(monitoring::v1::AlarmKind kind, int64_t seconds) {
  Alarm alarm;
  alarm.set_kind(kind);
  alarm.mutable_ahead()->set_seconds(seconds);
  return alarm;
}

TEST(AlarmsTest, SaysWhoseClockIsHowWrong) {
  Alarm alarm = Ahead(monitoring::v1::ALARM_KIND_CLOCK_SKEW, -86'400);
  alarm.set_member("m3");
  EXPECT_EQ(ShowAlarm(alarm),
            "CLOCK_SKEW  the clock of m3 is 24h behind the others; mend "
            "its NTP");
  alarm.mutable_ahead()->set_seconds(2);
  alarm.mutable_ahead()->set_nanos(500'000'000);
  EXPECT_THAT(ShowAlarm(alarm), HasSubstr("m3 is 2.5s ahead of the others"));
}

TEST(AlarmsTest, SaysWhatTheCalendarWaitsFor) {
  EXPECT_THAT(
      ShowAlarm(Ahead(monitoring::v1::ALARM_KIND_CALENDAR_HELD, 108'000)),
      StartsWith("CALENDAR_HELD  the members' clocks are 30h ahead of the "
                 "calendar"));
  EXPECT_THAT(
      ShowAlarm(Ahead(monitoring::v1::ALARM_KIND_CALENDAR_BEHIND, -7'200)),
      StartsWith("CALENDAR_BEHIND  the members' clocks are 2h behind the "
                 "calendar"));
}

TEST(AlarmsTest, NamesWhatItDoesNotKnow) {
  EXPECT_THAT(ShowAlarm(Ahead(static_cast<monitoring::v1::AlarmKind>(77), 1)),
              StartsWith("ALARM 77  "));
}

}  // namespace
}  // namespace quorate::cli

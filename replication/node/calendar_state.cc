#include "replication/node/calendar_state.h"

namespace quorate::replication {

std::vector<ClockAlarm> AlarmsOf(const CalendarState& state) {
  std::vector<ClockAlarm> alarms;
  const absl::Duration majority_ahead =
      absl::Milliseconds(state.quorum_ms - state.calendar_ms);
  if (state.held) {
    alarms.push_back(
        {.kind = ClockAlarmKind::kCalendarHeld, .ahead = majority_ahead});
  }
  if (state.behind) {
    alarms.push_back(
        {.kind = ClockAlarmKind::kCalendarBehind, .ahead = majority_ahead});
  }
  for (const CalendarState::Skew& skew : state.skews) {
    if (absl::AbsDuration(skew.ahead) <= kSkewLimit) continue;
    alarms.push_back({.kind = ClockAlarmKind::kClockSkew,
                      .member = skew.id,
                      .ahead = skew.ahead});
  }
  return alarms;
}

absl::string_view ClockAlarmName(ClockAlarmKind kind) {
  switch (kind) {
    case ClockAlarmKind::kClockSkew:
      return "CLOCK_SKEW";
    case ClockAlarmKind::kCalendarHeld:
      return "CALENDAR_HELD";
    case ClockAlarmKind::kCalendarBehind:
      return "CALENDAR_BEHIND";
  }
  return "?";
}

}  // namespace quorate::replication

#include "replication/node/clock_alarm_log.h"

#include <string>

#include "absl/strings/str_cat.h"

#include "base/log.h"

namespace quorate::replication {
namespace {

void Write(const ClockAlarmLog::Line& line) {
  const std::string kind(ClockAlarmName(line.alarm.kind));
  const std::string member = line.alarm.member == raft::kNobody
                                 ? "all"
                                 : absl::StrCat(line.alarm.member.value());
  if (line.began) {
    LogWarn("clock", "alarm_began",
            {{"alarm", kind},
             {"member", member},
             {"ahead", absl::FormatDuration(line.alarm.ahead)}});
  } else {
    LogInfo("clock", "alarm_ended", {{"alarm", kind}, {"member", member}});
  }
}

}  // namespace

std::vector<ClockAlarmLog::Line> ClockAlarmLog::Follow(
    const std::optional<CalendarState>& state, absl::Duration now) {
  std::vector<Line> lines;
  if (!state.has_value()) {
    ringing_.clear();
    return lines;
  }
  for (const ClockAlarm& alarm : AlarmsOf(*state)) {
    const auto [it, began] = ringing_.insert_or_assign(
        Key(alarm.kind, alarm.member), Ringing{.alarm = alarm, .heard = now});
    if (began) lines.push_back({.alarm = alarm, .began = true});
  }
  for (auto it = ringing_.begin(); it != ringing_.end();) {
    if (now - it->second.heard < kQuiet) {
      ++it;
      continue;
    }
    lines.push_back({.alarm = it->second.alarm, .began = false});
    it = ringing_.erase(it);
  }
  for (const Line& line : lines) {
    Write(line);
  }
  return lines;
}

}  // namespace quorate::replication

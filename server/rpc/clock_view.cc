#include "server/rpc/clock_view.h"

#include "absl/strings/str_cat.h"

#include "server/rpc/response_header.h"

namespace quorate::server {
namespace {

using replication::CalendarState;
using replication::ClockAlarm;
using replication::ClockAlarmKind;

monitoring::v1::AlarmKind KindOf(ClockAlarmKind kind) {
  switch (kind) {
    case ClockAlarmKind::kClockSkew:
      return monitoring::v1::ALARM_KIND_CLOCK_SKEW;
    case ClockAlarmKind::kCalendarHeld:
      return monitoring::v1::ALARM_KIND_CALENDAR_HELD;
    case ClockAlarmKind::kCalendarBehind:
      return monitoring::v1::ALARM_KIND_CALENDAR_BEHIND;
  }
  return monitoring::v1::ALARM_KIND_UNSPECIFIED;
}

}  // namespace

void DescribeClocks(const replication::NodeStatus& status,
                    monitoring::v1::GetClusterStatusResponse* response) {
  if (!status.calendar.has_value()) return;
  const CalendarState& state = *status.calendar;
  monitoring::v1::Calendar* calendar = response->mutable_calendar();
  SetTimestamp(state.calendar_ms, calendar->mutable_time());
  if (state.quorum_ms != 0) {
    SetTimestamp(state.quorum_ms, calendar->mutable_majority_time());
  }
  for (monitoring::v1::Member& member : *response->mutable_members()) {
    for (const CalendarState::Skew& skew : state.skews) {
      if (absl::StrCat(skew.id.value()) != member.member_id()) continue;
      SetDuration(skew.ahead, member.mutable_clock_ahead());
    }
  }
  for (const ClockAlarm& from : replication::AlarmsOf(state)) {
    monitoring::v1::Alarm* alarm = response->add_alarms();
    alarm->set_kind(KindOf(from.kind));
    SetDuration(from.ahead, alarm->mutable_ahead());
    for (const raft::MemberAddress& member : status.configuration.addresses) {
      if (member.id == from.member) alarm->set_member(member.name);
    }
  }
}

}  // namespace quorate::server

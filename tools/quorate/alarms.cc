#include "tools/quorate/alarms.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

// "30h ahead of".
std::string ShowAhead(const google::protobuf::Duration& ahead) {
  google::protobuf::Duration amount = ahead;
  const bool behind = ahead.seconds() < 0 || ahead.nanos() < 0;
  if (behind) {
    amount.set_seconds(-ahead.seconds());
    amount.set_nanos(-ahead.nanos());
  }
  return absl::StrCat(ShowDuration(amount), behind ? " behind" : " ahead of");
}

std::string Explain(const monitoring::v1::Alarm& alarm) {
  const std::string ahead = ShowAhead(alarm.ahead());
  switch (alarm.kind()) {
    case monitoring::v1::ALARM_KIND_CLOCK_SKEW:
      return absl::StrCat("the clock of ", alarm.member(), " is ", ahead,
                          " the others; mend its NTP");
    case monitoring::v1::ALARM_KIND_CALENDAR_HELD:
      return absl::StrCat(
          "the members' clocks are ", ahead,
          " the calendar, which waits for a person: \"quorate clock "
          "accept\"");
    case monitoring::v1::ALARM_KIND_CALENDAR_BEHIND:
      return absl::StrCat("the members' clocks are ", ahead,
                          " the calendar, which never goes back: mend them if "
                          "they are wrong");
    default:
      return "this program does not know it; see the documentation";
  }
}

}  // namespace

std::string ShowAlarm(const monitoring::v1::Alarm& alarm) {
  const std::string name = monitoring::v1::AlarmKind_Name(alarm.kind());
  return absl::StrCat(
      name.empty() ? absl::StrCat("ALARM ", static_cast<int>(alarm.kind()))
                   : std::string(absl::StripPrefix(name, "ALARM_KIND_")),
      "  ", Explain(alarm));
}

}  // namespace quorate::cli

#include <iostream>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"

#include "base/status.h"
#include "tools/quorate/cluster.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/member_calls.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

using monitoring::v1::GetClusterStatusResponse;

// What is typed is a look at a watch some time ago.
constexpr absl::Duration kTypingTime = absl::Minutes(10);

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) +
         absl::Nanoseconds(time.nanos());
}

// "2026-11-24 10:31:07": the calendar is the same everywhere, so it is UTC.
std::string ShowUtc(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", time, absl::UTCTimeZone());
}

// As ShowUtc shows it, with or without seconds, or as in RFC 3339.
absl::StatusOr<absl::Time> ParseMoment(const std::string& text) {
  absl::Time time;
  std::string error;
  for (const char* format :
       {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%E*S%Ez"}) {
    if (absl::ParseTime(format, text, &time, &error)) return time;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", text, "\" is no moment: write it as \"2026-11-24 10:31\", in UTC"));
}

void PrintClocks(const GetClusterStatusResponse& status) {
  const absl::Time majority = TimeOf(status.calendar().majority_time());
  Table table({"CLOCK", "SHOWS (UTC)"});
  table.AddRow({"calendar", ShowUtc(TimeOf(status.calendar().time()))});
  table.AddRow({"majority", ShowUtc(majority)});
  for (const monitoring::v1::Member& member : status.members()) {
    if (!member.has_clock_ahead()) {
      table.AddRow({member.name(), "not known"});
      continue;
    }
    table.AddRow(
        {member.name(),
         ShowUtc(majority + absl::Seconds(member.clock_ahead().seconds()) +
                 absl::Nanoseconds(member.clock_ahead().nanos()))});
  }
  // For people to decide by; what comes of it goes to stdout.
  table.Print(std::cerr);
}

bool IsHeld(const GetClusterStatusResponse& status) {
  for (const monitoring::v1::Alarm& alarm : status.alarms()) {
    if (alarm.kind() == monitoring::v1::ALARM_KIND_CALENDAR_HELD) return true;
  }
  return false;
}

// The latest moment that the person accepts.
absl::StatusOr<absl::Time> AskMoment() {
  Say("look at a clock that you trust, and type what it shows in UTC, as "
      "\"2026-11-24 10:31\"; anything else changes nothing:");
  std::string line;
  std::getline(std::cin, line);
  QUORATE_ASSIGN_OR_RETURN(const absl::Time typed, ParseMoment(line));
  return typed + kTypingTime;
}

int Accept(const Invocation& invocation, const std::string& to) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  const auto status = AskStatus(*options);
  if (!status.ok()) return Fail(invocation, status.status());
  if (!status->has_calendar()) {
    return Fail(invocation, absl::UnavailableError(
                                "no leader answers; nobody knows the clocks"));
  }
  PrintClocks(*status);
  if (!IsHeld(*status)) {
    Say("no leap is held back; nothing was changed");
    return kExitOk;
  }
  const absl::StatusOr<absl::Time> moment =
      to.empty() ? AskMoment() : ParseMoment(to);
  if (!moment.ok()) return Fail(invocation, moment.status());
  admin::v1::AcceptCalendarRequest request;
  request.mutable_up_to()->set_seconds(absl::ToUnixSeconds(*moment));
  const auto response = Cluster(*options).AcceptCalendar(std::move(request));
  if (!response.ok()) return Fail(invocation, response.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*response, std::cout);
  } else {
    std::cout << "calendar   " << ShowUtc(TimeOf(response->time())) << "\n";
  }
  return kExitOk;
}

}  // namespace

void AddClockCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* clock = app->add_subcommand("clock", "The cluster's calendar");
  clock->require_subcommand(1);
  CLI::App* accept = clock->add_subcommand(
      "accept", "Let the calendar leap to what the members' clocks show");
  const auto to = std::make_shared<std::string>();  // With the callback.
  accept
      ->add_option("--to", *to,
                   "Not beyond this moment, in UTC; where left out, it is "
                   "asked for")
      ->type_name("TIME");
  accept->footer(
      "Needed where \"quorate status\" shows CALENDAR_HELD: the clocks of a "
      "majority are about a\nday or more ahead of the calendar. It cannot be "
      "taken back, and licences that end\nuntil then have ended. Shows the "
      "clocks first. Refused (exit 7) where they show\nmore than what is "
      "accepted.\n\n"
      "Example: quorate clock accept --to \"2026-11-24 10:45\"");
  accept->callback([invocation, to] {
    invocation->run = [invocation, to] { return Accept(*invocation, *to); };
  });
}

}  // namespace quorate::cli

#include <iostream>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "tools/quorate/alarms.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/member_calls.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

using monitoring::v1::GetClusterStatusResponse;
using monitoring::v1::Member;

std::string ShowRole(const Member& member) {
  const std::string name = monitoring::v1::MemberRole_Name(member.role());
  if (member.role() == monitoring::v1::MEMBER_ROLE_UNSPECIFIED) return "?";
  return absl::AsciiStrToLower(absl::StripPrefix(name, "MEMBER_ROLE_"));
}

// "+3ms", "-24h".
std::string ShowOffset(const google::protobuf::Duration& ahead) {
  const std::string shown = ShowDuration(ahead);
  return absl::StartsWith(shown, "-") ? shown : absl::StrCat("+", shown);
}

void PrintStatus(const GetClusterStatusResponse& status) {
  const auto& header = status.header();
  std::cout << "cluster    " << header.cluster_id() << " epoch "
            << header.cluster_epoch() << "\n"
            << "leader     "
            << (status.leader().empty() ? "none" : status.leader()) << "\n"
            << "serving    " << (status.serving() ? "yes" : "no") << "\n"
            << "term       " << header.term() << "\n"
            << "log        last " << status.last_index() << ", committed "
            << status.commit_index() << ", applied " << status.applied_index()
            << "\n"
            << "asked      " << header.member() << "\n";
  if (status.calendar().has_time()) {
    std::cout << "calendar   " << ShowTime(status.calendar().time()) << "\n";
  }
  std::cout << "\n";
  Table table({"MEMBER", "ROLE", "REACHABLE", "LAST HEARD", "CLOCK",
               "CLIENTS AT", "MEMBERS AT", "ID"});
  for (const Member& member : status.members()) {
    table.AddRow(
        {member.name(), ShowRole(member), member.reachable() ? "yes" : "no",
         member.has_contact_age()
             ? absl::StrCat(ShowDuration(member.contact_age()), " ago")
             : "",
         member.has_clock_ahead() ? ShowOffset(member.clock_ahead()) : "",
         member.client_endpoint(), member.peer_endpoint(), member.member_id()});
  }
  table.Print(std::cout);
  if (status.alarms().empty()) return;
  std::cout << "\nalarms\n";
  for (const monitoring::v1::Alarm& alarm : status.alarms()) {
    std::cout << "  " << ShowAlarm(alarm) << "\n";
  }
}

int Run(const Invocation& invocation) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  const auto status = AskStatus(*options);
  if (!status.ok()) return Fail(invocation, status.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*status, std::cout);
  } else {
    PrintStatus(*status);
  }
  if (!status->serving()) {
    Say("no member that answers can serve now: fewer than two agree");
  }
  return kExitOk;
}

}  // namespace

void AddStatusCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand(
      "status", "Show the members, and which of them leads");
  command->footer(
      "Asks the endpoints in turn, at most 2s each, until one can serve, then "
      "the leader\nthat it names. Where none can serve, shows what the first "
      "one sees that answers\n(exit 0, and a line on stderr).\n\n"
      "Example: quorate status -o json");
  command->callback([invocation] {
    invocation->run = [invocation] { return Run(*invocation); };
  });
}

}  // namespace quorate::cli

#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"

#include "tools/quorate/cluster.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

struct SessionsFlags {
  std::string user;
  std::string host;
  bool local = false;
};

int Run(const Invocation& invocation, const SessionsFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  ListQuery query{.local = flags.local};
  if (!flags.user.empty()) query.filter = FilterFor("user", flags.user);
  if (!flags.host.empty()) query.filter = FilterFor("host", flags.host);
  const auto sessions = Cluster(*options).ListSessions(query);
  if (!sessions.ok()) return Fail(invocation, sessions.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*sessions, std::cout);
    return kExitOk;
  }
  Table table({"SESSION", "USER", "HOST", "PROCESS", "APPLICATION", "SEATS",
               "SINCE", "LEASE LEFT", "PRINCIPAL"});
  for (const auto& session : sessions->sessions()) {
    table.AddRow(
        {session.name(), session.client().user(), session.client().host(),
         absl::StrCat(session.client().process_id()),
         session.client().application(), absl::StrCat(session.seat_count()),
         ShowTime(session.open_time()), ShowDuration(session.lease_left()),
         session.principal()});
  }
  table.Print(std::cout);
  return kExitOk;
}

}  // namespace

void AddSessionsCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* command =
      app->add_subcommand("sessions", "Show the running applications");
  const auto flags = std::make_shared<SessionsFlags>();  // With the callback.
  CLI::Option* user =
      command->add_option("--user", flags->user, "Only those of this user");
  command->add_option("--host", flags->host, "Only those on this machine")
      ->excludes(user);
  command->add_flag("--local", flags->local,
                    "What the member has that answers: may be old, works "
                    "without a quorum");
  command->footer("Example: quorate sessions --user ana");
  command->callback([invocation, flags] {
    invocation->run = [invocation, flags] { return Run(*invocation, *flags); };
  });
}

}  // namespace quorate::cli

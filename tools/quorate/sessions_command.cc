#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"

#include "tools/quorate/cluster.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/duration.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/list_output.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

struct SessionsFlags {
  std::string user;
  std::string host;
  bool local = false;
};

// What its seats are held by.
std::string LeftOf(const monitoring::v1::Session& session) {
  if (session.kind() == monitoring::v1::SESSION_KIND_BORROW) {
    return absl::StrCat("borrowed until ", ShowTime(session.until_time()));
  }
  if (session.kind() == monitoring::v1::SESSION_KIND_BOOKING) {
    return absl::StrCat(ShowDuration(session.lease_left()), ", booked for ",
                        session.job());
  }
  return ShowDuration(session.lease_left());
}

int Run(const Invocation& invocation, const SessionsFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  ListQuery query{.local = flags.local};
  if (!flags.user.empty()) query.filter = FilterFor("user", flags.user);
  if (!flags.host.empty()) query.filter = FilterFor("host", flags.host);
  const auto sessions = Cluster(*options).ListSessions(query);
  if (!sessions.ok()) return Fail(invocation, sessions.status());
  if (PrintForPrograms(invocation.output, *sessions, std::cout)) return kExitOk;
  Table table({"SESSION", "USER", "HOST", "PROCESS", "APPLICATION", "SEATS",
               "SINCE", "LEASE LEFT", "IDLE", "PRINCIPAL"});
  for (const auto& session : sessions->sessions()) {
    table.AddRow(
        {session.name(), session.client().user(), session.client().host(),
         absl::StrCat(session.client().process_id()),
         session.client().application(), absl::StrCat(session.seat_count()),
         ShowTime(session.open_time()), LeftOf(session),
         session.has_idle() ? ShowDuration(session.idle()) : "",
         session.principal()});
  }
  table.Print(std::cout);
  return kExitOk;
}

struct TerminateFlags {
  std::string session;
  std::string reason;
  std::string cool_down;
  bool at_once = false;
};

int Terminate(const Invocation& invocation, const TerminateFlags& flags) {
  admin::v1::TerminateSessionRequest request;
  request.set_session(SessionNameOf(flags.session));
  request.set_reason(flags.reason);
  request.set_at_once(flags.at_once);
  if (!flags.cool_down.empty()) {
    const auto span = ParsePositiveDuration("--cool-down", flags.cool_down);
    if (!span.ok()) return Fail(invocation, span.status());
    request.mutable_cool_down()->set_seconds(absl::ToInt64Seconds(*span));
  }
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  const auto response = Cluster(*options).TerminateSession(std::move(request));
  if (!response.ok()) return Fail(invocation, response.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*response, std::cout);
    return kExitOk;
  }
  const auto& termination = response->termination();
  Say(absl::StrCat(termination.session(), " of ", termination.client().user(),
                   " on ", termination.client().host(), " is terminated by ",
                   termination.terminated_by()));
  if (response->seats_free_in().seconds() > 0) {
    Say(absl::StrCat(
        "its seats are free when its application gives them back, "
        "in ",
        ShowDuration(response->seats_free_in()), " at the latest"));
  }
  return kExitOk;
}

void AddTerminate(CLI::App* sessions, Invocation* invocation) {
  CLI::App* command = sessions->add_subcommand(
      "terminate", "End a session, and tell its application why");
  const auto flags = std::make_shared<TerminateFlags>();  // With the callback.
  command->add_option("SESSION", flags->session, "\"sessions/7\", or 7")
      ->required();
  command->add_option("--reason", flags->reason,
                      "Told to the engineer, and logged");
  command
      ->add_option("--cool-down", flags->cool_down,
                   "The same user, host and application get none of its "
                   "features for so long: up to 24h")
      ->type_name("DURATION");
  command->add_flag("--at-once", flags->at_once,
                    "Free its seats now: its application may use them until "
                    "it hears of it, or for its TTL");
  command->footer(
      "Example: quorate sessions terminate sessions/7 --reason \"idle since "
      "Monday\"");
  command->callback([invocation, flags] {
    invocation->run = [invocation, flags] {
      return Terminate(*invocation, *flags);
    };
  });
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
  AddTerminate(command, invocation);
  command->callback([invocation, command, flags] {
    if (!command->get_subcommands().empty()) return;
    invocation->is_list = true;
    invocation->run = [invocation, flags] { return Run(*invocation, *flags); };
  });
}

}  // namespace quorate::cli

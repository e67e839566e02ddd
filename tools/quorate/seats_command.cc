#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"

#include "tools/quorate/cluster.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/list_output.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

struct SeatsFlags {
  std::string feature;
  std::string session;
  bool local = false;
};

std::string ShowSession(const monitoring::v1::HeldSeat& held) {
  if (held.has_call_left()) {
    return absl::StrCat(held.session(), ", called back by ", held.call_rule(),
                        ", goes in ", ShowDuration(held.call_left()));
  }
  if (held.kind() != monitoring::v1::SESSION_KIND_BORROW) return held.session();
  return absl::StrCat(held.session(), ", borrowed until ",
                      ShowTime(held.until_time()));
}

int Run(const Invocation& invocation, const SeatsFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  ListQuery query{.local = flags.local};
  if (!flags.feature.empty()) {
    query.filter = FilterFor("feature", flags.feature);
  }
  if (!flags.session.empty()) {
    query.filter = FilterFor("session", flags.session);
  }
  const auto seats = Cluster(*options).ListSeats(query);
  if (!seats.ok()) return Fail(invocation, seats.status());
  if (PrintForPrograms(invocation.output, *seats, std::cout)) return kExitOk;
  Table table({"SEAT", "FEATURE", "COUNT", "USER", "HOST", "APPLICATION",
               "SINCE", "SESSION", "LINGERS"});
  for (const auto& held : seats->seats()) {
    table.AddRow({absl::StrCat(held.seat().handle()), held.seat().feature(),
                  absl::StrCat(held.seat().count()), held.client().user(),
                  held.client().host(), held.client().application(),
                  ShowTime(held.seat().grant_time()), ShowSession(held),
                  held.has_linger() ? ShowDuration(held.linger_left()) : ""});
  }
  table.Print(std::cout);
  return kExitOk;
}

struct ReleaseFlags {
  uint64_t seat = 0;
  std::string reason;
};

int Release(const Invocation& invocation, const ReleaseFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  admin::v1::ReleaseSeatRequest request;
  request.set_seat(flags.seat);
  request.set_reason(flags.reason);
  const auto response = Cluster(*options).ReleaseSeat(std::move(request));
  if (!response.ok()) return Fail(invocation, response.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*response, std::cout);
  } else {
    Say(absl::StrCat("seat ", flags.seat, " of ", response->session(),
                     " is free, by ", response->released_by()));
  }
  return kExitOk;
}

void AddRelease(CLI::App* seats, Invocation* invocation) {
  CLI::App* command = seats->add_subcommand(
      "release", "Take one seat from its session, at once");
  const auto flags = std::make_shared<ReleaseFlags>();  // With the callback.
  command->add_option("SEAT", flags->seat, "Its number, as `seats` shows it")
      ->required();
  command->add_option("--reason", flags->reason,
                      "Told to the engineer, and logged");
  command->footer("Example: quorate seats release 17 --reason \"left open\"");
  command->callback([invocation, flags] {
    invocation->run = [invocation, flags] {
      return Release(*invocation, *flags);
    };
  });
}

}  // namespace

void AddSeatsCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand("seats", "Show who holds which seat");
  const auto flags = std::make_shared<SeatsFlags>();  // Shared with callback.
  CLI::Option* feature =
      command->add_option("FEATURE", flags->feature, "Only of this feature");
  command
      ->add_option("--session", flags->session,
                   "Only of this session, \"sessions/7\"")
      ->excludes(feature);
  command->add_flag("--local", flags->local,
                    "What the member has that answers: may be old, works "
                    "without a quorum");
  command->footer("Example: quorate seats cad");
  AddRelease(command, invocation);
  command->callback([invocation, command, flags] {
    if (!command->get_subcommands().empty()) return;
    invocation->is_list = true;
    invocation->run = [invocation, flags] { return Run(*invocation, *flags); };
  });
}

}  // namespace quorate::cli

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

struct SeatsFlags {
  std::string feature;
  std::string session;
  bool local = false;
};

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
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*seats, std::cout);
    return kExitOk;
  }
  Table table({"SEAT", "FEATURE", "COUNT", "USER", "HOST", "APPLICATION",
               "SINCE", "SESSION"});
  for (const auto& held : seats->seats()) {
    table.AddRow({absl::StrCat(held.seat().handle()), held.seat().feature(),
                  absl::StrCat(held.seat().count()), held.client().user(),
                  held.client().host(), held.client().application(),
                  ShowTime(held.seat().grant_time()), held.session()});
  }
  table.Print(std::cout);
  return kExitOk;
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
  command->callback([invocation, flags] {
    invocation->run = [invocation, flags] { return Run(*invocation, *flags); };
  });
}

}  // namespace quorate::cli

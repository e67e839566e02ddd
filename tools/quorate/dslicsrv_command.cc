#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "tools/foreign/dsls.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/foreign_snapshot.h"

namespace quorate::cli {
namespace {

using foreign::DslsCommand;
using foreign::Snapshot;
using Kind = DslsCommand::Kind;

struct DslicsrvFlags {
  bool admin = false;
  std::string script;
  std::string locale;
};

// One run of the tool: the member that it is connected to, if any.
// Thread-compatible.
class Dialogue {
 public:
  explicit Dialogue(const Invocation& invocation) : invocation_(invocation) {}

  // What goes to stdout, or why not.
  absl::StatusOr<std::string> Do(const DslsCommand& command) {
    switch (command.kind) {
      case Kind::kConnect:
        return Connect(command);
      case Kind::kServer:
        return Show({}, [this](const Snapshot& snapshot) {
          return FormatDslsServer(snapshot, restricted_);
        });
      case Kind::kLicenses:
        return Show({}, foreign::FormatDslsLicenses);
      case Kind::kUsage:
        return Usage(command);
      case Kind::kDisconnect:
        options_.reset();
        return std::string();
      case Kind::kHelp:
        return foreign::DslsHelp();
      case Kind::kQuit:
        return std::string();
    }
    return absl::InternalError("a command of no kind");
  }

 private:
  absl::StatusOr<std::string> Connect(const DslsCommand& command) {
    Invocation invocation = invocation_;
    const bool six = absl::StrContains(command.host, ':');
    invocation.endpoints = absl::StrCat(six ? "[" : "", command.host,
                                        six ? "]:" : ":", command.port);
    invocation.restricted = invocation_.restricted || command.restricted;
    QUORATE_ASSIGN_OR_RETURN(options_, OptionsOf(invocation));
    restricted_ = command.restricted;
    auto shown = Do({.kind = Kind::kServer});
    if (!shown.ok()) options_.reset();
    return shown;
  }

  absl::StatusOr<std::string> Usage(const DslsCommand& command) {
    return Show({.pools = true, .seats = !command.brief},
                [&command](const Snapshot& snapshot) {
                  return command.csv ? FormatDslsCsv(snapshot, command.brief)
                                     : FormatDslsUsage(snapshot, command.brief);
                });
  }

  template <typename Format>
  absl::StatusOr<std::string> Show(const SnapshotWish& wish, Format format) {
    if (!options_.has_value()) {
      return absl::FailedPreconditionError(
          "not connected; write: connect HOST PORT");
    }
    QUORATE_ASSIGN_OR_RETURN(const Snapshot snapshot,
                             TakeSnapshot(*options_, wish));
    if (wish.pools && !snapshot.serving) {
      return absl::UnavailableError(
          "no member that answers can serve now: fewer than two agree");
    }
    return format(snapshot);
  }

  const Invocation invocation_;
  std::optional<ClientOptions> options_;
  bool restricted_ = false;
};

absl::StatusOr<std::string> TextFor(Dialogue* dialogue, const std::string& line,
                                    bool* ended) {
  QUORATE_ASSIGN_OR_RETURN(const DslsCommand command,
                           foreign::ParseDslsCommand(line));
  *ended = command.kind == Kind::kQuit;
  return dialogue->Do(command);
}

// Does one command. Its failure is told where both people and readers look.
int DoLine(Dialogue* dialogue, const Invocation& invocation,
           const std::string& line, bool* ended) {
  const auto text = TextFor(dialogue, line, ended);
  if (text.ok()) {
    std::cout << *text << std::flush;
    return kExitOk;
  }
  std::cout << "\tError: " << text.status().message() << std::endl;
  return Fail(invocation, text.status());
}

// The tool repeats what a script says, and readers look for that.
int RunScript(Dialogue* dialogue, const Invocation& invocation,
              const std::string& script) {
  bool ended = false;
  for (const std::string& line : foreign::SplitDslsScript(script)) {
    if (ended) break;
    std::cout << foreign::kDslsPrompt << line << "\n";
    const int exit_code = DoLine(dialogue, invocation, line, &ended);
    if (exit_code != kExitOk) return exit_code;
  }
  return kExitOk;
}

// A person is asked each time. A program that writes to us is not: its readers
// count lines, and take one prompt for granted.
int RunInput(Dialogue* dialogue, const Invocation& invocation) {
  const bool person = isatty(STDIN_FILENO) != 0;
  std::cout << foreign::kDslsPrompt << std::flush;
  bool ended = false;
  std::string input;
  while (!ended && std::getline(std::cin, input)) {
    for (const std::string& line : foreign::SplitDslsScript(input)) {
      if (ended) break;
      const int exit_code = DoLine(dialogue, invocation, line, &ended);
      if (exit_code != kExitOk && !person) return exit_code;
    }
    if (person && !ended) std::cout << foreign::kDslsPrompt << std::flush;
  }
  return kExitOk;
}

int Run(const Invocation& invocation, const DslicsrvFlags& flags) {
  std::cout << foreign::DslsHead();
  Dialogue dialogue(invocation);
  return flags.script.empty() ? RunInput(&dialogue, invocation)
                              : RunScript(&dialogue, invocation, flags.script);
}

}  // namespace

void AddDslicsrvCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand(
      "dslicsrv", "Show servers and usage as Dassault's DSLicSrv does");
  const auto flags = std::make_shared<DslicsrvFlags>();  // With the callback.
  command
      ->add_flag("--admin", flags->admin,
                 "Administration, the one mode there is here")
      ->required();
  command
      ->add_option("--run", flags->script,
                   "Commands with ';' between them; from stdin where not "
                   "given")
      ->type_name("SCRIPT");
  command
      ->add_option("--locale", flags->locale,
                   "Taken and not looked at: there is one language")
      ->type_name("NAME");
  command->footer(
      "For scripts that read DSLicSrv. Also when the program is called as "
      "\"DSLicSrv\"\nthrough a link, with -admin, -run and -locale. Commands: "
      "connect HOST PORT\n[-restricted], getServerInfo, getLicenseInfo, "
      "getLicenseUsage [-all|-short] [-csv],\ndisconnect, help, quit. It ends "
      "at the first that fails, with quorate's exit codes.\n\n"
      "Example: quorate dslicsrv --admin --run \"connect server1 7401; "
      "getLicenseUsage -csv; quit\"");
  command->callback([invocation, flags] {
    invocation->run = [invocation, flags] { return Run(*invocation, *flags); };
  });
}

}  // namespace quorate::cli

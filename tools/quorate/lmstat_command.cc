#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"

#include "base/clock.h"
#include "tools/foreign/flexnet_words.h"
#include "tools/foreign/lmstat.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/foreign_snapshot.h"
#include "tools/quorate/license_path.h"

namespace quorate::cli {
namespace {

using foreign::FlexError;
using foreign::LmstatScope;
using foreign::Snapshot;

struct LmstatFlags {
  bool all = false;
  bool active = false;
  bool no_user_information = false;
  bool version = false;
  std::string path;
  int seconds = 0;

  // Options whose value may be left out: whether they were given, and with
  // what.
  CLI::Option* feature = nullptr;
  CLI::Option* grants = nullptr;
  CLI::Option* server = nullptr;
  CLI::Option* vendor = nullptr;
};

std::string ValueOf(const CLI::Option* option) {
  if (option->count() == 0 || option->results().empty()) return "";
  return option->results().front();
}

LmstatScope ScopeOf(const LmstatFlags& flags) {
  LmstatScope scope;
  scope.users = !flags.no_user_information;
  scope.feature = ValueOf(flags.feature);
  scope.vendor = foreign::FlexVendor(ValueOf(flags.vendor));
  using Usage = LmstatScope::Usage;
  if (!scope.feature.empty()) {
    scope.usage = Usage::kFeature;
  } else if (!ValueOf(flags.vendor).empty()) {
    scope.usage = Usage::kVendor;
  } else if (flags.all || flags.feature->count() > 0 ||
             flags.vendor->count() > 0) {
    scope.usage = Usage::kAll;
  } else if (flags.active) {
    scope.usage = Usage::kActive;
  }
  return scope;
}

// Readers of lmstat look at stdout alone, people at both.
int FailAs(const Invocation& invocation, const FlexError& error,
           const absl::Status& status) {
  std::cout << foreign::FormatLmstatFailure(error) << std::flush;
  Fail(invocation, status);
  return error.ExitCode();
}

int Run(Invocation invocation, const LmstatFlags& flags) {
  const std::string head =
      foreign::LmstatHead(SystemClock().Calendar(), absl::LocalTimeZone());
  if (flags.version) {
    std::cout << head << foreign::LmstatVersion() << std::flush;
    return kExitOk;
  }
  if (!flags.path.empty()) {
    const absl::Status read = ReadLicensePath(flags.path, &invocation);
    if (absl::IsNotFound(read)) {
      std::cout << head;
      return FailAs(invocation, foreign::FlexNoLicenseFile(), read);
    }
    if (!read.ok()) return Fail(invocation, read);
  }
  if (flags.seconds > 0) {
    invocation.timeout = absl::StrCat(flags.seconds, "s");
  }
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());

  const LmstatScope scope = ScopeOf(flags);
  const bool usage = scope.usage != LmstatScope::Usage::kNone;
  const bool grants = flags.grants->count() > 0;
  const auto snapshot =
      TakeSnapshot(*options, {.pools = usage && !grants,
                              .seats = usage && !grants && scope.users,
                              .feature = scope.feature});
  if (!snapshot.ok()) {
    std::cout << head;
    return FailAs(invocation, foreign::FlexErrorOf(snapshot.status()),
                  snapshot.status());
  }
  if (grants) {
    std::cout << FormatLmstatGrants(*snapshot, ValueOf(flags.grants))
              << std::flush;
    return kExitOk;
  }
  std::cout << FormatLmstat(*snapshot, scope) << std::flush;
  if (!snapshot->serving) {
    Say("no member that answers can serve now: fewer than two agree");
    return foreign::FlexNoQuorum().ExitCode();
  }
  return HasFeature(*snapshot, scope) ? kExitOk
                                      : foreign::FlexNoSuchFeature().ExitCode();
}

CLI::Option* AddWithOptionalValue(CLI::App* command, const std::string& name,
                                  const std::string& value,
                                  const std::string& about) {
  return command->add_option(name, about)->type_name(value)->expected(0, 1);
}

}  // namespace

void AddLmstatCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand(
      "lmstat", "Show servers and usage in the layout of FlexNet's lmstat");
  const auto flags = std::make_shared<LmstatFlags>();  // Shared with callback.
  command->add_flag("-a", flags->all, "All: every feature, and who has what");
  command->add_flag("-A", flags->active, "Only features that are in use");
  command->add_flag("--no-user-info", flags->no_user_information,
                    "Not who has what, only how many are out");
  flags->feature = AddWithOptionalValue(
      command, "-f", "[FEATURE]", "Only this feature; all where none is named");
  flags->grants = AddWithOptionalValue(
      command, "-i", "[FEATURE]",
      "What the installed licences grant: counts and ends");
  flags->server = AddWithOptionalValue(
      command, "-s", "[SERVER]",
      "The servers, as without any option. All members are shown always");
  flags->vendor = AddWithOptionalValue(command, "-S", "[VENDOR]",
                                       "Only this vendor's features");
  command
      ->add_option("-c", flags->path,
                   "Which cluster: port@host,port@host,... or a file with its "
                   "environment; QUORATE_* where not given")
      ->type_name("PATH");
  command
      ->add_option("-t", flags->seconds,
                   "As --timeout, in seconds: how long it may take")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 60));
  command->add_flag("-v", flags->version, "The version that it claims to be");
  command->footer(
      "For scripts and monitors that read lmstat. Also when the program is "
      "called as\n\"lmstat\", or as \"lmutil lmstat\", through a link. It "
      "ends with FlexNet's numbers\n(a code of -15 is exit code 241): 0 shown, "
      "241 nobody answers, 159 fewer than\ntwo members agree, 251 no such "
      "feature, 255 no such file, 2 usage.\n\n"
      "Example: quorate lmstat -a -c 7401@server1,7401@server2,7401@server3");
  command->callback([invocation, flags] {
    invocation->run = [invocation, flags] { return Run(*invocation, *flags); };
  });
}

}  // namespace quorate::cli

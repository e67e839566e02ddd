#include <iostream>
#include <memory>
#include <string>

#include "tools/foreign/flexnet_words.h"
#include "tools/foreign/rlmstat.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/foreign_snapshot.h"
#include "tools/quorate/license_path.h"

namespace quorate::cli {
namespace {

struct RlmstatFlags {
  std::string path;

  // Options whose value may be left out.
  CLI::Option* isv = nullptr;
  CLI::Option* servers = nullptr;
  CLI::Option* product = nullptr;
};

std::string ValueOf(const CLI::Option* option) {
  if (option->count() == 0 || option->results().empty()) return "";
  return option->results().front();
}

int FailAs(const Invocation& invocation, const absl::Status& status) {
  std::cout << foreign::FormatRlmstatFailure() << std::flush;
  return Fail(invocation, status);
}

int Run(Invocation invocation, const RlmstatFlags& flags) {
  std::cout << foreign::RlmstatHead(flags.path);
  if (!flags.path.empty()) {
    const absl::Status read = ReadLicensePath(flags.path, &invocation);
    if (!read.ok()) return FailAs(invocation, read);
  }
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return FailAs(invocation, options.status());
  const std::string server_of = ValueOf(flags.servers);
  const std::string isv = ValueOf(flags.isv);
  foreign::RlmstatScope scope = {.servers = flags.servers->count() > 0,
                                 .product = ValueOf(flags.product)};
  const std::string& vendor = isv.empty() ? server_of : isv;
  if (!vendor.empty()) scope.isv = foreign::FlexVendor(vendor);
  const auto snapshot = TakeSnapshot(*options, {.pools = !scope.servers,
                                                .seats = !scope.servers,
                                                .feature = scope.product});
  if (!snapshot.ok()) return FailAs(invocation, snapshot.status());
  std::cout << FormatRlmstat(*snapshot, scope) << std::flush;
  if (!snapshot->serving) {
    Say("no member that answers can serve now: fewer than two agree");
    return kExitUnavailable;
  }
  return kExitOk;
}

CLI::Option* AddWithOptionalValue(CLI::App* command, const std::string& name,
                                  const std::string& value,
                                  const std::string& about) {
  return command->add_option(name, about)->type_name(value)->expected(0, 1);
}

}  // namespace

void AddRlmstatCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand(
      "rlmstat", "Show servers and usage in the layout of RLM's rlmstat");
  const auto flags = std::make_shared<RlmstatFlags>();  // Shared with callback.
  command->add_flag("-a", "All: the servers, each pool, and who has what");
  flags->isv = AddWithOptionalValue(command, "-i", "[ISV]",
                                    "Only this vendor's; all where none is "
                                    "named");
  flags->servers = AddWithOptionalValue(
      command, "-l", "[ISV]", "Only the servers, of this vendor or of all");
  flags->product = AddWithOptionalValue(command, "-p", "[PRODUCT]",
                                        "Only this feature; all where none is "
                                        "named");
  command
      ->add_option("-c", flags->path,
                   "Which cluster: port@host,port@host,... or a file with its "
                   "environment; QUORATE_* where not given")
      ->type_name("PATH");
  command->footer(
      "For scripts and monitors that read rlmstat. Also when the program is "
      "called as\n\"rlmstat\", or as \"rlmutil rlmstat\", through a "
      "link.\n\nExample: quorate rlmstat -a -c 7401@server1");
  command->callback([invocation, flags] {
    invocation->run = [invocation, flags] { return Run(*invocation, *flags); };
  });
}

}  // namespace quorate::cli

// quorate: the one command line of engineers, administrators and vendors.

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "grpc/support/log.h"

#include "base/utf8.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/foreign_name.h"
#include "tools/quorate/invocation.h"
#include "tools/vendor/vendor_commands.h"

namespace quorate::cli {
namespace {

constexpr char kAbout[] =
    "Seats of floating licences: take them, run with them, see who has them.\n"
    "Load the environment of a cluster first (\". DIR/env\"), or give the "
    "flags.";

constexpr char kExitCodes[] =
    "Exit codes: 0 done; 1 failure; 2 usage; 3 cluster unavailable; 4 denied; "
    "5 not\nfound; 6 no seat free; 7 conflict or precondition; 124 timeout. "
    "Data goes to\nstdout, messages to stderr.\n\n"
    "Example: quorate run cad -- ./simulate";

// What stands behind the first "--" is a command's and not ours to parse.
std::vector<std::string> SplitCommand(int argc, char** argv,
                                      Invocation* invocation) {
  std::vector<std::string> words(argv + 1, argv + argc);
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] != "--") continue;
    const auto mark = words.begin() + static_cast<std::ptrdiff_t>(i);
    invocation->command = std::vector<std::string>(mark + 1, words.end());
    words.erase(mark, words.end());
    break;
  }
  return words;
}

void AddFlags(CLI::App* app, Invocation* invocation) {
  app->add_option("--endpoints", invocation->endpoints,
                  "Members, as host:port,host:port (QUORATE_ENDPOINTS)")
      ->type_name("LIST");
  app->add_option("--ca", invocation->ca,
                  "PEM: who signs the members' certificates (QUORATE_CA)")
      ->type_name("FILE");
  app->add_option("--cert", invocation->cert,
                  "PEM: this user's certificate (QUORATE_CERT)")
      ->type_name("FILE");
  app->add_option("--key", invocation->key,
                  "PEM: the certificate's key (QUORATE_KEY)")
      ->type_name("FILE");
  app->add_option("--timeout", invocation->timeout,
                  "How long a call may take, failover included; at most 60s")
      ->type_name("DURATION")
      ->capture_default_str();
  app->add_flag("--restricted", invocation->restricted,
                "Look only: no checkout, no change, whatever you may do "
                "(QUORATE_RESTRICTED=1)");
  app->add_option_function<std::string>(
         "-o,--output",
         [invocation](const std::string& word) {
           invocation->output = word == "json"  ? OutputFormat::kJson
                                : word == "csv" ? OutputFormat::kCsv
                                                : OutputFormat::kTable;
         },
         "How data is printed; table where not given, csv for lists only")
      ->type_name("WORD")
      ->check(CLI::IsMember({"table", "json", "csv"}));
}

// In the order of the help.
void AddCommands(CLI::App* app, Invocation* invocation) {
  AddStatusCommand(app, invocation);
  AddCheckoutCommand(app, invocation);
  AddAttachCommand(app, invocation);
  AddRunCommand(app, invocation);
  AddBookCommands(app, invocation);
  AddBorrowCommands(app, invocation);
  AddBorrowsCommand(app, invocation);
  AddPoolsCommand(app, invocation);
  AddSessionsCommand(app, invocation);
  AddSeatsCommand(app, invocation);
  AddQueueCommand(app, invocation);
  AddUsersCommand(app, invocation);
  AddUsageCommand(app, invocation);
  AddDenialsCommand(app, invocation);
  AddLogsCommand(app, invocation);
  AddLatencyCommand(app, invocation);
  AddReplayCommand(app, invocation);
  AddAdviseCommand(app, invocation);
  AddLicenseCommand(app, invocation);
  AddMembersCommand(app, invocation);
  AddAccountsCommand(app, invocation);
  AddWhoamiCommand(app, invocation);
  AddBackupCommand(app, invocation);
  AddClockCommand(app, invocation);
  AddRestoreCommand(app, invocation);
  AddLmstatCommand(app, invocation);
  AddLmremoveCommand(app, invocation);
  AddRlmstatCommand(app, invocation);
  AddDslicsrvCommand(app, invocation);
  AddRulesCommand(app, invocation);
  AddAlertsCommand(app, invocation);
  AddExplainCommand(app, invocation);
}

int Main(int argc, char** argv) {
  // gRPC's own lines on stderr are for its developers.
  if (std::getenv("GRPC_VERBOSITY") == nullptr) {
    gpr_set_log_function([](gpr_log_func_args*) {});
  }
  Invocation invocation;
  CLI::App app(kAbout, "quorate");
  app.set_version_flag("--version", "quorate " QUORATE_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(kExitCodes);
  AddFlags(&app, &invocation);
  AddCommands(&app, &invocation);
  // Runs while the line is parsed, and needs no cluster.
  int vendor_exit_code = kExitOk;
  vendor::AddVendorCommands(&app, &vendor_exit_code);

  const auto under_name =
      WordsUnderName(argv[0], SplitCommand(argc, argv, &invocation));
  if (!under_name.ok()) return Fail(invocation, under_name.status());
  const std::vector<std::string>& words = *under_name;
  for (size_t i = 0; i < words.size(); ++i) {
    if (IsUtf8(words[i])) continue;
    std::fprintf(stderr,
                 "quorate: argument %zu is not UTF-8; does the terminal use "
                 "another character set (see `locale`)?\n",
                 i + 1);
    return kExitUsage;
  }
  // CLI11 takes them from the back.
  std::vector<std::string> reversed(words.rbegin(), words.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    // CLI11 throws for mistakes as well as for --help and --version; these
    // leave with 0, and its own codes are not ours.
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  if (invocation.output == OutputFormat::kCsv && !invocation.is_list) {
    Say("-o csv is for lists, as `quorate seats` prints one");
    return kExitUsage;
  }
  return invocation.run != nullptr ? invocation.run() : vendor_exit_code;
}

}  // namespace
}  // namespace quorate::cli

int main(int argc, char** argv) {
  return quorate::cli::Main(argc, argv);
}

#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"

#include "tools/quorate/cluster.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/csv.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/history_flags.h"
#include "tools/quorate/list_output.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

using monitoring::v1::Denial;
using monitoring::v1::ListDenialsResponse;

struct DenialFlags : HistoryFlags {
  std::string feature;
  std::string user;
};

void PrintTable(const ListDenialsResponse& denials) {
  Table table({"FEATURE", "REASON", "RULE", "USER", "HOST", "PROJECT",
               "APPLICATION", "TIMES", "UNITS", "FIRST", "LAST"});
  for (const Denial& denial : denials.denials()) {
    table.AddRow({denial.feature(), denial.reason(), denial.rule(),
                  denial.user(), denial.host(), denial.project(),
                  denial.application(), absl::StrCat(denial.count()),
                  absl::StrCat(denial.units()), ShowTime(denial.first_time()),
                  ShowTime(denial.last_time())});
  }
  table.Print(std::cout);
}

void PrintCsv(const ListDenialsResponse& denials) {
  std::cout << CsvLine({"feature", "reason", "rule", "user", "host", "project",
                        "application", "count", "units", "first_time",
                        "last_time"});
  for (const Denial& denial : denials.denials()) {
    std::cout << CsvLine(
        {denial.feature(), denial.reason(), denial.rule(), denial.user(),
         denial.host(), denial.project(), denial.application(),
         absl::StrCat(denial.count()), absl::StrCat(denial.units()),
         CsvTime(denial.first_time()), CsvTime(denial.last_time())});
  }
}

int Run(const Invocation& invocation, const DenialFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  monitoring::v1::ListDenialsRequest request;
  if (!flags.feature.empty()) {
    request.set_filter(FilterFor("feature", flags.feature));
  }
  if (!flags.user.empty()) request.set_filter(FilterFor("user", flags.user));
  if (const absl::Status status = SetSpan(flags, &request); !status.ok()) {
    return Fail(invocation, status);
  }
  const auto denials = Cluster(*options).ListDenials(request, flags.local);
  if (!denials.ok()) return Fail(invocation, denials.status());
  if (denials->lost_denials() > 0) {
    Say(absl::StrCat(denials->lost_denials(),
                     " denials were of more features than the history tells "
                     "apart; they are in no row"));
  }
  switch (FormatOf(invocation, flags)) {
    case RowFormat::kTable:
      PrintTable(*denials);
      break;
    case RowFormat::kJson:
      PrintJson(*denials, std::cout);
      break;
    case RowFormat::kJsonLines:
      for (const Denial& denial : denials->denials())
        PrintJsonLine(denial, std::cout);
      break;
    case RowFormat::kCsv:
      PrintCsv(*denials);
      break;
  }
  std::cout << std::flush;
  return kExitOk;
}

}  // namespace

void AddDenialsCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand(
      "denials", "Show who was refused what, by the hour, and why");
  const auto flags = std::make_shared<DenialFlags>();  // Shared with callback.
  CLI::Option* feature =
      command->add_option("FEATURE", flags->feature, "Only of this feature");
  command->add_option("--user", flags->user, "Only of this user")
      ->excludes(feature);
  AddHistoryFlags(command, flags.get());
  command->footer(
      "What an application asks for again and again counts each time.\n\n"
      "Example: quorate denials cad --from 7d");
  command->callback([invocation, flags] {
    invocation->is_list = true;
    invocation->run = [invocation, flags] { return Run(*invocation, *flags); };
  });
}

}  // namespace quorate::cli

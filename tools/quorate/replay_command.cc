#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "tools/quorate/cluster.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/csv.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/history_flags.h"
#include "tools/quorate/list_output.h"
#include "tools/quorate/output.h"
#include "tools/quorate/rules_file.h"

namespace quorate::cli {
namespace {

using monitoring::v1::Replay;

struct ReplayFlags : HistoryFlags {
  std::string feature;
  uint64_t units = 0;
  std::string rules;
};

struct AdviceFlags : HistoryFlags {
  std::string feature;
  double denied = 1;
};

std::string PercentOf(const Replay& replay) {
  if (replay.requests() == 0) return "";
  return absl::StrFormat("%.2f %%", 100.0 *
                                        static_cast<double>(replay.denials()) /
                                        static_cast<double>(replay.requests()));
}

Table NewTable() {
  return Table({"UNITS", "REQUESTS", "DENIED", "RATE", "PEAK", "PEAK AT",
                "WAIT", "MEAN WAIT", "95 OF 100", "LONGEST"});
}

void AddReplay(const Replay& replay, Table* table) {
  table->AddRow({absl::StrCat(replay.units()), absl::StrCat(replay.requests()),
                 absl::StrCat(replay.denials()), PercentOf(replay),
                 absl::StrCat(replay.peak()), ShowTime(replay.peak_time()),
                 absl::StrCat(replay.waits()), ShowDuration(replay.mean_wait()),
                 ShowDuration(replay.wait_95()),
                 ShowDuration(replay.longest_wait())});
}

std::string Seconds(const google::protobuf::Duration& span) {
  return absl::StrFormat("%d.%03d", span.seconds(), span.nanos() / 1'000'000);
}

void PrintCsvHeading() {
  std::cout << CsvLine({"units", "requests", "denials", "peak", "peak_time",
                        "waits", "mean_wait_seconds", "wait_95_seconds",
                        "longest_wait_seconds"});
}

void PrintCsv(const Replay& replay) {
  std::cout << CsvLine(
      {absl::StrCat(replay.units()), absl::StrCat(replay.requests()),
       absl::StrCat(replay.denials()), absl::StrCat(replay.peak()),
       CsvTime(replay.peak_time()), absl::StrCat(replay.waits()),
       Seconds(replay.mean_wait()), Seconds(replay.wait_95()),
       Seconds(replay.longest_wait())});
}

int RunReplay(const Invocation& invocation, const ReplayFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  monitoring::v1::ReplayUsageRequest request;
  request.set_feature(flags.feature);
  request.set_units(flags.units);
  absl::Status status = SetSpan(flags, &request);
  Cluster cluster(*options);
  if (status.ok() && !flags.rules.empty()) {
    auto policy = ImportRules(flags.rules, "toml", &cluster);
    status = policy.status();
    if (status.ok()) *request.mutable_policy() = *std::move(policy);
  }
  if (!status.ok()) return Fail(invocation, status);
  const auto answer = cluster.ReplayUsage(request, flags.local);
  if (!answer.ok()) return Fail(invocation, answer.status());
  switch (FormatOf(invocation, flags)) {
    case RowFormat::kTable: {
      Table table = NewTable();
      AddReplay(answer->replay(), &table);
      table.Print(std::cout);
      std::cout << answer->denied_in_truth()
                << " of the requests were denied in truth.\n";
      break;
    }
    case RowFormat::kJson:
      PrintJson(*answer, std::cout);
      break;
    case RowFormat::kJsonLines:
      PrintJsonLine(answer->replay(), std::cout);
      break;
    case RowFormat::kCsv:
      PrintCsvHeading();
      PrintCsv(answer->replay());
      break;
  }
  std::cout << std::flush;
  return kExitOk;
}

void PrintAdvice(const monitoring::v1::AdviseSeatsResponse& advice,
                 double denied) {
  Table table = NewTable();
  for (const Replay& replay : advice.replays())
    AddReplay(replay, &table);
  table.Print(std::cout);
  if (advice.replays().empty()) {
    std::cout << "Nobody asked for it.\n";
    return;
  }
  std::cout << "Licensed: " << advice.licensed() << ". ";
  if (advice.units() == 0) {
    std::cout << "No number of units would have denied less than " << denied
              << " %: rules stand in the way.\n";
    return;
  }
  std::cout << advice.units() << " would have denied at most " << denied
            << " %.\n";
}

int RunAdvise(const Invocation& invocation, const AdviceFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  monitoring::v1::AdviseSeatsRequest request;
  request.set_feature(flags.feature);
  request.set_denial_rate(flags.denied / 100);
  if (const absl::Status status = SetSpan(flags, &request); !status.ok()) {
    return Fail(invocation, status);
  }
  const auto advice = Cluster(*options).AdviseSeats(request, flags.local);
  if (!advice.ok()) return Fail(invocation, advice.status());
  switch (FormatOf(invocation, flags)) {
    case RowFormat::kTable:
      PrintAdvice(*advice, flags.denied);
      break;
    case RowFormat::kJson:
      PrintJson(*advice, std::cout);
      break;
    case RowFormat::kJsonLines:
      for (const Replay& replay : advice->replays())
        PrintJsonLine(replay, std::cout);
      break;
    case RowFormat::kCsv:
      PrintCsvHeading();
      for (const Replay& replay : advice->replays())
        PrintCsv(replay);
      break;
  }
  std::cout << std::flush;
  return kExitOk;
}

}  // namespace

void AddReplayCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand(
      "replay", "Play recorded usage again: other units, other rules");
  const auto flags = std::make_shared<ReplayFlags>();  // Shared with callback.
  command->add_option("FEATURE", flags->feature, "The feature")->required();
  command->add_option("--units", flags->units,
                      "Units of it; as licensed where not given");
  command
      ->add_option("--rules", flags->rules,
                   "A file of rules, as for `quorate rules apply`, in place of "
                   "those in force")
      ->type_name("FILE");
  AddHistoryFlags(command, flags.get());
  command->footer(
      "DENIED is did nobody wait, WAIT and the times are did all wait. Denials "
      "of the time\nare played too; what they would have held is the mean of "
      "the others.\n\nExample: quorate replay cad --units 15 --from 30d");
  command->callback([invocation, flags] {
    invocation->is_list = true;
    invocation->run = [invocation, flags] {
      return RunReplay(*invocation, *flags);
    };
  });
}

void AddAdviseCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand(
      "advise", "Say how many units of a feature would have done");
  const auto flags = std::make_shared<AdviceFlags>();  // Shared with callback.
  command->add_option("FEATURE", flags->feature, "The feature")->required();
  command
      ->add_option("--denied", flags->denied,
                   "How many of a hundred requests may be denied")
      ->check(CLI::Range(0.001, 100.0))
      ->capture_default_str();
  AddHistoryFlags(command, flags.get());
  command->footer("Example: quorate advise cad --from 90d --denied 0.5");
  command->callback([invocation, flags] {
    invocation->is_list = true;
    invocation->run = [invocation, flags] {
      return RunAdvise(*invocation, *flags);
    };
  });
}

}  // namespace quorate::cli

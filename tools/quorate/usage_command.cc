#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "tools/quorate/cluster.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/csv.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/history_flags.h"
#include "tools/quorate/list_output.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

using monitoring::v1::UsageGroup;
using monitoring::v1::UsageRow;

const std::map<std::string, UsageGroup>& Groups() {
  static const auto* const groups = new std::map<std::string, UsageGroup>{
      {"feature", monitoring::v1::USAGE_GROUP_FEATURE},
      {"user", monitoring::v1::USAGE_GROUP_USER},
      {"host", monitoring::v1::USAGE_GROUP_HOST},
      {"project", monitoring::v1::USAGE_GROUP_PROJECT},
      {"hour", monitoring::v1::USAGE_GROUP_HOUR},
      {"day", monitoring::v1::USAGE_GROUP_DAY}};
  return *groups;
}

struct UsageFlags : HistoryFlags {
  std::string feature;
  std::string user;
  std::string host;
  std::string project;
  std::string by = "feature";
};

double HoursOf(const google::protobuf::Duration& span) {
  return (static_cast<double>(span.seconds()) + span.nanos() / 1e9) / 3600;
}

std::string ShowHours(const google::protobuf::Duration& span) {
  return absl::StrFormat("%.1f", HoursOf(span));
}

void PrintTable(const monitoring::v1::QueryUsageResponse& usage,
                const std::string& by) {
  const bool of_time = by == "hour" || by == "day";
  const bool named = by == "user" || by == "host" || by == "project";
  std::vector<std::string> headings = {"FEATURE"};
  if (named) headings.push_back(absl::AsciiStrToUpper(by));
  if (of_time) headings.push_back("FROM");
  for (const char* heading : {"SEATS", "HELD (h)", "LAST", "WAITED",
                              "MEAN WAIT", "LONGEST", "DENIED"}) {
    headings.emplace_back(heading);
  }
  if (!named) {
    for (const char* heading : {"OUT (h)", "PEAK", "PEAK AT", "OF"}) {
      headings.emplace_back(heading);
    }
  }
  Table table(std::move(headings));
  for (const UsageRow& row : usage.rows()) {
    std::vector<std::string> cells = {row.feature()};
    if (named) cells.push_back(row.name().empty() ? "-" : row.name());
    if (of_time) cells.push_back(ShowTime(row.start_time()));
    google::protobuf::Duration mean;
    if (row.waits() > 0) {
      mean.set_seconds(row.waited().seconds() /
                       static_cast<int64_t>(row.waits()));
    }
    cells.push_back(absl::StrCat(row.seats()));
    cells.push_back(ShowHours(row.held()));
    cells.push_back(ShowTime(row.last_time()));
    cells.push_back(absl::StrCat(row.waits()));
    cells.push_back(row.waits() > 0 ? ShowDuration(mean) : "");
    cells.push_back(row.waits() > 0 ? ShowDuration(row.longest_wait()) : "");
    cells.push_back(absl::StrCat(row.denials()));
    if (!named) {
      cells.push_back(ShowHours(row.out()));
      cells.push_back(absl::StrCat(row.peak()));
      cells.push_back(ShowTime(row.peak_time()));
      cells.push_back(absl::StrCat(row.total()));
    }
    table.AddRow(std::move(cells));
  }
  table.Print(std::cout);
}

void PrintCsv(const monitoring::v1::QueryUsageResponse& usage) {
  std::cout << CsvLine({"feature", "name", "start_time", "seats",
                        "held_unit_seconds", "waits", "waited_seconds",
                        "longest_wait_seconds", "denials", "out_unit_seconds",
                        "peak", "peak_time", "total", "last_time"});
  for (const UsageRow& row : usage.rows()) {
    std::cout << CsvLine({row.feature(), row.name(), CsvTime(row.start_time()),
                          absl::StrCat(row.seats()), CsvSeconds(row.held()),
                          absl::StrCat(row.waits()), CsvSeconds(row.waited()),
                          CsvSeconds(row.longest_wait()),
                          absl::StrCat(row.denials()), CsvSeconds(row.out()),
                          absl::StrCat(row.peak()), CsvTime(row.peak_time()),
                          absl::StrCat(row.total()), CsvTime(row.last_time())});
  }
}

int Run(const Invocation& invocation, const UsageFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  monitoring::v1::QueryUsageRequest request;
  request.set_group_by(Groups().at(flags.by));
  request.set_feature(flags.feature);
  request.set_user(flags.user);
  request.set_host(flags.host);
  request.set_project(flags.project);
  if (const absl::Status status = SetSpan(flags, &request); !status.ok()) {
    return Fail(invocation, status);
  }
  const auto usage = Cluster(*options).QueryUsage(request, flags.local);
  if (!usage.ok()) return Fail(invocation, usage.status());
  if (usage->lost_seats() > 0) {
    Say(absl::StrCat(usage->lost_seats(),
                     " seats came back faster than the history had room for; "
                     "they are in no row"));
  }
  if (usage->rows().empty()) {
    Say(absl::StrCat("nothing is recorded from ", ShowTime(usage->start_time()),
                     " to ", ShowTime(usage->end_time())));
  }
  switch (FormatOf(invocation, flags)) {
    case RowFormat::kTable:
      PrintTable(*usage, flags.by);
      break;
    case RowFormat::kJson:
      PrintJson(*usage, std::cout);
      break;
    case RowFormat::kJsonLines:
      for (const UsageRow& row : usage->rows())
        PrintJsonLine(row, std::cout);
      break;
    case RowFormat::kCsv:
      PrintCsv(*usage);
      break;
  }
  std::cout << std::flush;
  return kExitOk;
}

}  // namespace

void AddUsageCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand(
      "usage", "Show what was used: seats, hours, waits, denials, peaks");
  const auto flags = std::make_shared<UsageFlags>();  // Shared with callback.
  command->add_option("FEATURE", flags->feature, "Only this feature");
  command
      ->add_option("--by", flags->by,
                   "What a row is about: feature, user, host, project, hour "
                   "or day (UTC)")
      ->type_name("WORD")
      ->check(
          CLI::IsMember({"feature", "user", "host", "project", "hour", "day"}))
      ->capture_default_str();
  command->add_option("--user", flags->user, "Only what this user used");
  command->add_option("--host", flags->host, "Only what was used there");
  command->add_option("--project", flags->project,
                      "Only what was used for this project");
  AddHistoryFlags(command, flags.get());
  command->footer(
      "SEATS, HELD and LAST are of the seats that came back in the time, OUT\n"
      "and PEAK of all that was out. Times are widened to whole hours, old\n"
      "ones to days.\n\n"
      "Example: quorate usage cad --by user --from 7d --format csv");
  command->callback([invocation, flags] {
    invocation->is_list = true;
    invocation->run = [invocation, flags] { return Run(*invocation, *flags); };
  });
}

}  // namespace quorate::cli

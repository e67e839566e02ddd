#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"

#include "base/log.h"
#include "base/status.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/csv.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/history_flags.h"
#include "tools/quorate/list_output.h"
#include "tools/quorate/one_member.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

using monitoring::v1::LogLine;
using monitoring::v1::LogSeverity;
using monitoring::v1::SearchLogsRequest;
using monitoring::v1::SearchLogsResponse;

constexpr int kMaxPageSize = 1000;

// Of one member. A member that never ends its list must not keep us for ever;
// the largest log that can be kept has fewer.
constexpr int kMaxPages = 2000;

// Lines in all. More are better read from the files themselves.
constexpr int kMaxLines = 100'000;

struct LogFlags : HistoryFlags {
  std::string severity = "debug";
  std::string member;
  std::string area;
  std::string event;
  std::string text;
  int limit = 200;
  bool reverse = false;
};

// What one member has, the newest first.
struct MemberLog {
  std::vector<LogLine> lines;
  bool kept = true;
  bool more = false;
  bool gone = false;
  int64_t skipped = 0;
};

const std::map<std::string, LogSeverity>& Severities() {
  static const auto* const severities = new std::map<std::string, LogSeverity>{
      {"debug", monitoring::v1::LOG_SEVERITY_DEBUG},
      {"info", monitoring::v1::LOG_SEVERITY_INFO},
      {"warn", monitoring::v1::LOG_SEVERITY_WARN},
      {"error", monitoring::v1::LOG_SEVERITY_ERROR}};
  return *severities;
}

std::string ShowSeverity(LogSeverity severity) {
  const std::string name = monitoring::v1::LogSeverity_Name(severity);
  return absl::AsciiStrToLower(absl::StripPrefix(name, "LOG_SEVERITY_"));
}

// Local time with milliseconds.
std::string ShowMoment(const google::protobuf::Timestamp& time) {
  return absl::FormatTime(
      "%Y-%m-%d %H:%M:%E3S",
      absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos()),
      absl::LocalTimeZone());
}

// As on the member's standard error: what comes from outside is escaped.
std::string ShowFields(const LogLine& line) {
  std::string shown;
  for (const monitoring::v1::LogField& field : line.fields()) {
    absl::StrAppend(&shown, shown.empty() ? "" : " ",
                    EscapeLogValue(field.name()), "=",
                    EscapeLogValue(field.value()));
  }
  return shown;
}

bool Earlier(const LogLine& a, const LogLine& b) {
  const auto moment = [](const LogLine& line) {
    return std::pair(line.time().seconds(), line.time().nanos());
  };
  return moment(a) < moment(b);
}

absl::StatusOr<MemberLog> ReadLog(const ClientOptions& options,
                                  const MemberPlace& place,
                                  SearchLogsRequest request, int limit) {
  OneMember member(options, place.endpoint);
  MemberLog log;
  for (int page = 0; page < kMaxPages; ++page) {
    const int wanted = limit - static_cast<int>(log.lines.size());
    request.set_page_size(std::min(wanted, kMaxPageSize));
    QUORATE_ASSIGN_OR_RETURN(const SearchLogsResponse response,
                             member.SearchLogs(request));
    log.kept = response.kept();
    log.gone |= response.gone();
    log.skipped += response.skipped_lines();
    log.lines.insert(log.lines.end(), response.lines().begin(),
                     response.lines().end());
    if (response.next_page_token().empty()) return log;
    log.more = static_cast<int>(log.lines.size()) >= limit;
    if (log.more) return log;
    request.set_page_token(response.next_page_token());
  }
  return absl::InternalError("the log does not end");
}

// The newest lines of all members, the oldest of them first.
std::vector<LogLine> Merge(std::vector<MemberLog> logs, size_t limit,
                           bool* more) {
  std::vector<LogLine> lines;
  for (MemberLog& log : logs) {
    *more |= log.more;
    // Those of one member keep their order where they are of one time.
    lines.insert(lines.end(), std::make_move_iterator(log.lines.rbegin()),
                 std::make_move_iterator(log.lines.rend()));
  }
  std::stable_sort(lines.begin(), lines.end(), Earlier);
  if (lines.size() > limit) {
    *more = true;
    lines.erase(lines.begin(), lines.end() - static_cast<ptrdiff_t>(limit));
  }
  return lines;
}

void PrintTable(const std::vector<LogLine>& lines) {
  Table table({"TIME", "MEMBER", "SEVERITY", "AREA", "EVENT", "FIELDS"});
  for (const LogLine& line : lines) {
    table.AddRow({ShowMoment(line.time()), line.member(),
                  ShowSeverity(line.severity()), line.area(), line.event(),
                  ShowFields(line)});
  }
  table.Print(std::cout);
}

void PrintCsv(const std::vector<LogLine>& lines) {
  std::cout << CsvLine(
      {"time", "member", "severity", "area", "event", "fields"});
  for (const LogLine& line : lines) {
    std::cout << CsvLine({CsvTime(line.time()), line.member(),
                          ShowSeverity(line.severity()), line.area(),
                          line.event(), ShowFields(line)});
  }
}

void Print(const std::vector<LogLine>& lines, RowFormat format) {
  switch (format) {
    case RowFormat::kTable:
      PrintTable(lines);
      break;
    case RowFormat::kCsv:
      PrintCsv(lines);
      break;
    case RowFormat::kJsonLines:
      for (const LogLine& line : lines)
        PrintJsonLine(line, std::cout);
      break;
    case RowFormat::kJson: {
      SearchLogsResponse all;
      for (const LogLine& line : lines)
        *all.add_lines() = line;
      all.set_kept(true);
      PrintJson(all, std::cout);
      break;
    }
  }
  std::cout << std::flush;
}

void SayWhatIsOdd(const MemberPlace& place, const MemberLog& log) {
  if (!log.kept) {
    Say(absl::StrCat(
        place.name, " keeps no log: [log] keep is false in its configuration"));
  }
  if (log.skipped > 0) {
    Say(absl::StrCat(place.name, ": ", log.skipped,
                     " lines of its log cannot be read and are left out"));
  }
  if (log.gone) {
    Say(absl::StrCat(place.name,
                     ": its log was rotated meanwhile; older lines are gone"));
  }
}

absl::StatusOr<SearchLogsRequest> RequestOf(const LogFlags& flags) {
  SearchLogsRequest request;
  QUORATE_RETURN_IF_ERROR(SetSpan(flags, &request));
  request.set_least_severity(Severities().at(flags.severity));
  request.set_area(flags.area);
  request.set_event(flags.event);
  request.set_text(flags.text);
  return request;
}

int Run(const Invocation& invocation, const LogFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  const auto request = RequestOf(flags);
  if (!request.ok()) return Fail(invocation, request.status());
  std::vector<MemberLog> logs;
  const absl::Status asked = AskEachMember(
      *options, flags.member, [&](const MemberPlace& place) -> absl::Status {
        QUORATE_ASSIGN_OR_RETURN(
            MemberLog log, ReadLog(*options, place, *request, flags.limit));
        SayWhatIsOdd(place, log);
        logs.push_back(std::move(log));
        return absl::OkStatus();
      });
  if (!asked.ok()) return Fail(invocation, asked);
  bool more = false;
  std::vector<LogLine> lines =
      Merge(std::move(logs), static_cast<size_t>(flags.limit), &more);
  if (more) {
    Say(absl::StrCat("only the newest ", flags.limit,
                     " lines are shown; --limit shows more"));
  }
  if (flags.reverse) std::reverse(lines.begin(), lines.end());
  Print(lines, FormatOf(invocation, flags));
  return kExitOk;
}

void AddFilterFlags(CLI::App* command, LogFlags* flags) {
  AddSpanFlags(command,
               "Since when: 2h, 30d, 2026-11-01, 2026-11-01T08:00; all that is "
               "kept where not given",
               flags);
  command
      ->add_option("--severity", flags->severity,
                   "Only lines so grave, and graver ones: debug, info, warn "
                   "(degraded) or error (somebody must act)")
      ->type_name("WORD")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  command->add_option("--member", flags->member, "Only this member's log")
      ->type_name("NAME");
  command->add_option("--area", flags->area, "Only of this part: raft, storage")
      ->type_name("WORD");
  command->add_option("--event", flags->event, "Only this event: leader_lost")
      ->type_name("WORD");
  command
      ->add_option("--grep", flags->text,
                   "Only lines with this text in the event or a field, in "
                   "upper or lower case")
      ->type_name("TEXT");
}

}  // namespace

void AddLogsCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand(
      "logs", "Show what the members have logged, all of them by time");
  const auto flags = std::make_shared<LogFlags>();  // Shared with callback.
  AddFilterFlags(command, flags.get());
  command
      ->add_option("--limit", flags->limit, "At most so many lines, the newest")
      ->type_name("COUNT")
      ->check(CLI::Range(1, kMaxLines))
      ->capture_default_str();
  command->add_flag("--reverse", flags->reverse, "The newest first");
  AddFormatFlag(command, flags.get());
  command->footer(
      "Each member is asked for its own log, also one that does not serve; "
      "who does not\nanswer is named on stderr (exit 0, unless nobody "
      "answers). Times are those of the\nmembers' clocks, shown in local "
      "time.\n\n"
      "Example: quorate logs --since 2h --severity warn");
  command->callback([invocation, flags] {
    invocation->is_list = true;
    invocation->run = [invocation, flags] { return Run(*invocation, *flags); };
  });
}

}  // namespace quorate::cli

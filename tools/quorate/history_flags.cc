#include "tools/quorate/history_flags.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/util/json_util.h"

#include "base/check.h"
#include "base/clock.h"
#include "tools/quorate/duration.h"

namespace quorate::cli {
namespace {

std::optional<absl::Time> ParseDate(const std::string& text) {
  absl::Time time;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) return time;
  for (const char* format : {"%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    if (absl::ParseTime(format, text, absl::LocalTimeZone(), &time, nullptr)) {
      return time;
    }
  }
  return std::nullopt;
}

}  // namespace

void AddSpanFlags(CLI::App* command, const std::string& from,
                  HistoryFlags* flags) {
  command->add_option("--from,--since", flags->from, from)->type_name("TIME");
  command
      ->add_option("--until,--to", flags->until,
                   "Until when, in the same forms; now where not given")
      ->type_name("TIME");
}

void AddFormatFlag(CLI::App* command, HistoryFlags* flags) {
  command
      ->add_option("--format", flags->format,
                   "table, json, jsonl (a line for each row) or csv; as -o "
                   "says where not given")
      ->type_name("WORD")
      ->check(CLI::IsMember({"table", "json", "jsonl", "csv"}));
}

void AddHistoryFlags(CLI::App* command, HistoryFlags* flags) {
  AddSpanFlags(command,
               "Since when: 30d, 12h, 2026-11-01, 2026-11-01T08:00; 30 days "
               "before the end where not given",
               flags);
  AddFormatFlag(command, flags);
  command->add_flag("--local", flags->local,
                    "What the member has that answers: may be old, works "
                    "without a quorum");
}

absl::StatusOr<google::protobuf::Timestamp> ParseMoment(
    absl::string_view flag, const std::string& text) {
  std::optional<absl::Time> time = ParseDate(text);
  if (!time.has_value()) {
    if (const auto age = ParseDuration(text)) {
      time = SystemClock().Calendar() - *age;
    }
  }
  if (!time.has_value() || *time <= absl::UnixEpoch()) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag,
                     " must be a time like 2026-11-01, "
                     "2026-11-01T08:00 or 30d, and not \"",
                     text, "\""));
  }
  google::protobuf::Timestamp moment;
  moment.set_seconds(absl::ToUnixSeconds(*time));
  return moment;
}

RowFormat FormatOf(const Invocation& invocation, const HistoryFlags& flags) {
  if (flags.format == "csv") return RowFormat::kCsv;
  if (flags.format == "jsonl") return RowFormat::kJsonLines;
  if (flags.format == "json") return RowFormat::kJson;
  if (flags.format == "table") return RowFormat::kTable;
  switch (invocation.output) {
    case OutputFormat::kTable:
      return RowFormat::kTable;
    case OutputFormat::kJson:
      return RowFormat::kJson;
    case OutputFormat::kCsv:
      return RowFormat::kCsv;
  }
  return RowFormat::kTable;
}

void PrintJsonLine(const google::protobuf::Message& message,
                   std::ostream& out) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string text;
  const auto status =
      google::protobuf::util::MessageToJsonString(message, &text, options);
  QUORATE_CHECK(status.ok());
  out << text << '\n';
}

}  // namespace quorate::cli

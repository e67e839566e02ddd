// What the commands about the past have in common: the span of time, and rows
// as a table, JSON, JSON lines or CSV.

#ifndef QUORATE_TOOLS_QUORATE_HISTORY_FLAGS_H_
#define QUORATE_TOOLS_QUORATE_HISTORY_FLAGS_H_

#include <ostream>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "google/protobuf/timestamp.pb.h"

#include "tools/quorate/invocation.h"

namespace quorate::cli {

// Thread-compatible.
struct HistoryFlags {
  std::string from;
  std::string until;
  std::string format;  // Empty: as `-o` says.
  bool local = false;
};

// --from, which is described as `from` says, and --until.
void AddSpanFlags(CLI::App* command, const std::string& from,
                  HistoryFlags* flags);

// --format: table, json, jsonl or csv.
void AddFormatFlag(CLI::App* command, HistoryFlags* flags);

// All of these, and --local.
void AddHistoryFlags(CLI::App* command, HistoryFlags* flags);

// "2026-11-01", "2026-11-01T08:00" (local time), RFC 3339, or a span before now
// ("30d", "12h"). INVALID_ARGUMENT, with examples, for anything else.
absl::StatusOr<google::protobuf::Timestamp> ParseMoment(
    absl::string_view flag, const std::string& text);

// Sets start_time and end_time of a request where the flags say them.
template <typename Request>
absl::Status SetSpan(const HistoryFlags& flags, Request* request) {
  if (!flags.from.empty()) {
    auto from = ParseMoment("--from", flags.from);
    if (!from.ok()) return from.status();
    *request->mutable_start_time() = *from;
  }
  if (!flags.until.empty()) {
    auto until = ParseMoment("--until", flags.until);
    if (!until.ok()) return until.status();
    *request->mutable_end_time() = *until;
  }
  return absl::OkStatus();
}

enum class RowFormat { kTable, kJson, kJsonLines, kCsv };

RowFormat FormatOf(const Invocation& invocation, const HistoryFlags& flags);

// The protobuf JSON of `message` in one line.
void PrintJsonLine(const google::protobuf::Message& message, std::ostream& out);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_HISTORY_FLAGS_H_

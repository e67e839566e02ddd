// One line of a kept log: an event as JSON.
//
//   {"time":"2026-11-22T12:03:44.120Z","severity":"warn","area":"raft",
//    "event":"leader_lost","member":"m1","fields":{"term":"7"}}
//
// without the line break. docs/storage_format.md, "The kept log".

#ifndef QUORATE_SERVER_LOGS_LOG_LINE_H_
#define QUORATE_SERVER_LOGS_LOG_LINE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

#include "base/log.h"

namespace quorate::server {

// What we write is shorter, so that a page of a thousand lines has a bound.
// Values are cut for it.
inline constexpr size_t kMaxLogLineBytes = size_t{16} * 1024;

// Bytes of one value that are kept: a message of RocksDB, a path, a list of
// errors. All of it stands on stderr.
inline constexpr size_t kMaxLogValueBytes = 1024;

// Fields of one event that are read: ours have less than ten.
inline constexpr size_t kMaxLogFields = 64;

struct LogLine {
  int64_t time_ms = 0;  // Since 1970, by the member's clock; not negative.
  LogLevel severity = LogLevel::kInfo;
  std::string area;
  std::string event;
  std::string member;
  std::vector<std::pair<std::string, std::string>> fields;

  bool operator==(const LogLine&) const = default;
};

// At most kMaxLogLineBytes, valid UTF-8, no control character in it. What is no
// UTF-8 in a value is replaced; values that are too long end with "[cut]".
std::string EncodeLogLine(const LogLine& line);

// The line that `text` is; nothing for anything else, also where it is UTF-8
// and JSON, but not as EncodeLogLine writes it.
std::optional<LogLine> DecodeLogLine(absl::string_view text);

// The time alone, without a look at the rest; nothing where `text` does not
// begin as EncodeLogLine begins.
std::optional<int64_t> TimeOfLogLine(absl::string_view text);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_LOGS_LOG_LINE_H_

// Looks for lines in a member's kept log.

#ifndef QUORATE_SERVER_LOGS_LOG_SEARCH_H_
#define QUORATE_SERVER_LOGS_LOG_SEARCH_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "base/log.h"
#include "server/logs/log_line.h"

namespace quorate::server {

// Between two lines of a kept log.
struct LogPlace {
  uint64_t file = 0;    // LogFile::mark
  uint64_t offset = 0;  // In the file.

  bool operator==(const LogPlace&) const = default;
};

struct LogQuestion {
  int64_t from_ms = 0;                   // Lines at or after it,
  std::optional<int64_t> until_ms = {};  // and before it.
  LogLevel least = LogLevel::kDebug;
  std::string area = {};   // Empty: any.
  std::string event = {};  // Empty: any.

  // Stands, in any case of ASCII letters, in the event or in a field's key or
  // value.
  std::string text = {};

  bool oldest_first = false;
  std::optional<LogPlace> after = {};  // LogAnswer::next of the page before.

  size_t limit = 100;  // Lines.

  // Bytes of the files that are looked at: some ten milliseconds.
  size_t read_limit = size_t{4} * 1024 * 1024;

  // Bytes of the lines that are found, but the last: a page must fit into one
  // message.
  size_t answer_limit = size_t{1024} * 1024;
};

struct LogAnswer {
  // In the order in which they were written, or the reverse: where the clock
  // was set meanwhile, that is not the order of their times.
  std::vector<LogLine> lines;

  // Where to go on; nothing at the end.
  std::optional<LogPlace> next;

  // Lines of other forms on the way: torn by a crash, or not ours.
  uint64_t skipped = 0;

  // The file that the place stands in is not there any more.
  bool gone = false;
};

// Never fails: a folder that is not there has no lines. Reads files, so it may
// wait for the disk. Thread-safe.
LogAnswer SearchLog(absl::string_view folder, const LogQuestion& question);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_LOGS_LOG_SEARCH_H_

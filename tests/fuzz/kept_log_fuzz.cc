// Whatever a file of a kept log holds, its lines are found the same way
// forwards and backwards, in pages that end, and a line that is read is written
// as it was read. libFuzzer makes the file, or edits good ones.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "base/check.h"
#include "server/logs/log_files.h"
#include "server/logs/log_search.h"
#include "tests/fuzz/edited.h"

namespace quorate::server {
namespace {

// One folder for the whole run; there is one file in it.
const std::string& Folder() {
  static const std::string* const kFolder = [] {
    std::string name = "/tmp/kept_log_fuzz_XXXXXX";
    QUORATE_CHECK(mkdtemp(name.data()) != nullptr);
    return new std::string(name);
  }();
  return *kFolder;
}

std::vector<LogLine> AllLines(LogQuestion question, uint64_t* skipped) {
  std::vector<LogLine> all;
  for (int page = 0; page < 100'000; ++page) {
    LogAnswer answer = SearchLog(Folder(), question);
    QUORATE_CHECK(answer.lines.size() <= question.limit);
    *skipped += answer.skipped;
    std::move(answer.lines.begin(), answer.lines.end(),
              std::back_inserter(all));
    if (!answer.next.has_value()) return all;
    question.after = answer.next;
  }
  QUORATE_CHECK(false);
  return all;
}

void CheckOne(const std::string& bytes) {
  std::ofstream(LogFilePath(Folder(), 0), std::ios::binary) << bytes;
  uint64_t skipped = 0;
  uint64_t skipped_back = 0;
  const std::vector<LogLine> lines =
      AllLines({.oldest_first = true, .limit = 1000}, &skipped);
  std::vector<LogLine> back = AllLines({.limit = 7}, &skipped_back);
  std::reverse(back.begin(), back.end());
  QUORATE_CHECK(lines == back);
  // What is longer than a block is counted by its blocks.
  QUORATE_CHECK(bytes.size() > 4096 || skipped == skipped_back);
  for (const LogLine& line : lines) {
    const std::string text = EncodeLogLine(line);
    QUORATE_CHECK(text.size() <= kMaxLogLineBytes);
    const std::optional<LogLine> again = DecodeLogLine(text);
    QUORATE_CHECK(again.has_value() && EncodeLogLine(*again) == text);
  }
}

std::string Good() {
  std::string good;
  for (int i = 0; i < 4; ++i) {
    absl::StrAppend(&good,
                    EncodeLogLine({.time_ms = 1'795'000'000'000 + i,
                                   .severity = LogLevel::kWarn,
                                   .area = "raft",
                                   .event = "leader_lost",
                                   .member = "m1",
                                   .fields = {{"name", "m2"}}}),
                    "\n");
  }
  return good;
}

}  // namespace
}  // namespace quorate::server

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using quorate::server::CheckOne;
  const std::string input(reinterpret_cast<const char*>(data), size);
  CheckOne(input);
  CheckOne(quorate::Edited(quorate::server::Good(), input));
  return 0;
}

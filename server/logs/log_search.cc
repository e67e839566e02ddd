#include "server/logs/log_search.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

#include "server/logs/log_files.h"

namespace quorate::server {
namespace {

// Bytes that are read at a time. A line of ours is far shorter, so what has no
// end in so many bytes is none.
constexpr uint64_t kBlockBytes = uint64_t{64} * 1024;
static_assert(kBlockBytes > 2 * kMaxLogLineBytes);

size_t BytesOf(const LogLine& line) {
  // The fields of a message have some bytes of their own.
  size_t bytes = 64 + line.area.size() + line.event.size() + line.member.size();
  for (const auto& [key, value] : line.fields)
    bytes += 8 + key.size() + value.size();
  return bytes;
}

// One look through the files, as far as one answer goes.
class Search {
 public:
  Search(const LogQuestion& question, std::vector<LogFile> files)
      : question_(question),
        text_(absl::AsciiStrToLower(question.text)),
        files_(std::move(files)) {}

  LogAnswer Run() {
    if (question_.oldest_first) {
      std::reverse(files_.begin(), files_.end());
    }
    size_t first = 0;
    uint64_t offset = kFromTheEdge;
    if (question_.after.has_value()) {
      first = FileAfter(&offset);
    }
    for (size_t i = first; i < files_.size() && !full_; ++i) {
      const LogFile& file = files_[i];
      if (read_ >= question_.read_limit) {
        Stop({.file = file.mark(),
              .offset = question_.oldest_first ? 0 : file.size()});
        break;
      }
      if (question_.oldest_first) {
        LookForward(file, offset == kFromTheEdge ? 0 : offset);
      } else {
        LookBack(file, std::min(offset, file.size()));
      }
      offset = kFromTheEdge;
    }
    return std::move(answer_);
  }

 private:
  static constexpr uint64_t kFromTheEdge = std::numeric_limits<uint64_t>::max();

  // Where the place of the page before stands. What is older than a file that
  // is gone is gone too.
  size_t FileAfter(uint64_t* offset) {
    for (size_t i = 0; i < files_.size(); ++i) {
      if (files_[i].mark() != question_.after->file) continue;
      *offset = question_.after->offset;
      return i;
    }
    answer_.gone = true;
    return question_.oldest_first ? 0 : files_.size();
  }

  // The one that grows has a last line that may be under way.
  bool Grows(const LogFile& file) const {
    return &file == (question_.oldest_first ? &files_.back() : &files_.front());
  }

  void LookForward(const LogFile& file, uint64_t begin) {
    while (begin < file.size() && !full_) {
      const std::string block = file.Read(begin, begin + kBlockBytes);
      if (block.empty()) return;  // The disk does not give it.
      read_ += block.size();
      size_t at = 0;
      while (!full_) {
        const size_t end = block.find('\n', at);
        if (end == std::string::npos) break;
        Look(absl::string_view(block).substr(at, end - at));
        at = end + 1;
        StopIfFull({.file = file.mark(), .offset = begin + at});
      }
      if (full_) return;
      const bool last = begin + block.size() >= file.size();
      if (last && Grows(file)) return;
      if (at == 0 || last) {
        // Without an end: torn, or longer than any line of ours.
        if (at < block.size()) ++answer_.skipped;
        at = block.size();
      }
      begin += at;
      if (read_ >= question_.read_limit) {
        Stop({.file = file.mark(), .offset = begin});
      }
    }
  }

  void LookBack(const LogFile& file, uint64_t end) {
    bool whole = !(Grows(file) && end == file.size());
    while (end > 0 && !full_) {
      const uint64_t begin = end - std::min(end, kBlockBytes);
      const std::string block = file.Read(begin, end);
      if (block.size() != end - begin) return;  // The disk does not give it.
      read_ += block.size();
      // Lines that begin in the block, the last first. The first piece belongs
      // to the block before, unless it begins the file.
      size_t stop = block.size();
      while (!full_ && stop > 0) {
        const size_t mark =
            stop >= 2 ? block.rfind('\n', stop - 2) : std::string::npos;
        if (mark == std::string::npos && begin > 0) break;
        const size_t start = mark == std::string::npos ? 0 : mark + 1;
        absl::string_view line =
            absl::string_view(block).substr(start, stop - start);
        const bool ended = absl::ConsumeSuffix(&line, "\n");
        if (ended || whole) Look(line);
        whole = true;
        stop = start;
        StopIfFull({.file = file.mark(), .offset = begin + stop});
      }
      if (full_) return;
      if (stop == block.size()) {
        ++answer_.skipped;  // Longer than any line of ours.
        stop = 0;
      }
      end = begin + stop;
      if (read_ >= question_.read_limit && end > 0) {
        Stop({.file = file.mark(), .offset = end});
      }
    }
  }

  void Look(absl::string_view text) {
    const std::optional<int64_t> time = TimeOfLogLine(text);
    // Most lines are of another time; those are not read on.
    if (time.has_value() && !InSpan(*time)) return;
    std::optional<LogLine> line = DecodeLogLine(text);
    if (!line.has_value()) {
      ++answer_.skipped;
      return;
    }
    if (!Fits(*line)) return;
    found_ += BytesOf(*line);
    answer_.lines.push_back(*std::move(line));
  }

  bool InSpan(int64_t time_ms) const {
    return time_ms >= question_.from_ms &&
           (!question_.until_ms.has_value() || time_ms < *question_.until_ms);
  }

  bool HasText(absl::string_view value) const {
    return absl::StrContains(absl::AsciiStrToLower(value), text_);
  }

  bool Fits(const LogLine& line) const {
    if (!InSpan(line.time_ms) || line.severity < question_.least) return false;
    if (!question_.area.empty() && line.area != question_.area) return false;
    if (!question_.event.empty() && line.event != question_.event) return false;
    if (text_.empty() || HasText(line.event)) return true;
    return std::any_of(line.fields.begin(), line.fields.end(),
                       [this](const auto& field) {
                         return HasText(field.first) || HasText(field.second);
                       });
  }

  void StopIfFull(const LogPlace& place) {
    if (answer_.lines.size() >= question_.limit ||
        found_ >= question_.answer_limit) {
      Stop(place);
    }
  }

  void Stop(const LogPlace& place) {
    full_ = true;
    answer_.next = place;
  }

  const LogQuestion& question_;
  const std::string text_;  // In lower case.
  std::vector<LogFile> files_;
  LogAnswer answer_;
  uint64_t read_ = 0;
  size_t found_ = 0;
  bool full_ = false;
};

}  // namespace

LogAnswer SearchLog(absl::string_view folder, const LogQuestion& question) {
  return Search(question, OpenLogFiles(folder)).Run();
}

}  // namespace quorate::server

// The files of a kept log: "quorated.jsonl", which grows, and before it
// "quorated.1.jsonl", "quorated.2.jsonl" and so on, as spdlog's rotation names
// them.

#ifndef QUORATE_SERVER_LOGS_LOG_FILES_H_
#define QUORATE_SERVER_LOGS_LOG_FILES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace quorate::server {

// The one that grows among them. More than a person looks through, and few
// enough to hold open while one page is searched.
inline constexpr int kMaxLogFiles = 32;

// Of one file. A page looks at less, so more would only be slower to leave.
inline constexpr int64_t kMaxLogFileMib = 64;

// Below a member's data directory.
std::string LogFolderOf(absl::string_view data_dir);

// The path of file `age`: 0 grows, 1 is the one before it.
std::string LogFilePath(absl::string_view folder, int age);

// An open file of a kept log; what it is called may change meanwhile, what it
// holds does not, but for what is added at the end of the one that grows.
// Thread-compatible.
class LogFile {
 public:
  // Bytes at its beginning, up to the first line's end, by which a file is
  // known again under another name.
  static constexpr size_t kMarkBytes = 512;

  LogFile(int descriptor, uint64_t size, uint64_t mark)
      : descriptor_(descriptor), size_(size), mark_(mark) {}

  ~LogFile();

  LogFile(LogFile&& other) noexcept;
  LogFile& operator=(LogFile&& other) noexcept;

  // When it was opened.
  uint64_t size() const { return size_; }

  // Never 0; the same for the same file as long as it is there.
  uint64_t mark() const { return mark_; }

  // The bytes of [begin, end), or those that can be read of them.
  std::string Read(uint64_t begin, uint64_t end) const;

 private:
  int descriptor_;
  uint64_t size_;
  uint64_t mark_;
};

// All files that are there, the newest first, each once, also where they are
// rotated meanwhile; a file without a whole line is left out. What cannot be
// opened is left out too.
std::vector<LogFile> OpenLogFiles(absl::string_view folder);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_LOGS_LOG_FILES_H_

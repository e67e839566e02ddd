#include "server/logs/log_files.h"

#include <algorithm>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <xxhash.h>

#include "absl/strings/str_cat.h"

namespace quorate::server {
namespace {

std::string ReadAt(int descriptor, uint64_t begin, uint64_t end) {
  std::string bytes(end - begin, '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got =
        pread(descriptor, bytes.data() + done, bytes.size() - done,
              static_cast<off_t>(begin + done));
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

// What a file is known by: its number on the disk, which is given again once
// it is deleted, and its beginning. None before it has a whole first line or so
// many bytes that more do not matter: until then it may still change.
std::optional<uint64_t> ReadMark(int descriptor, const struct stat& found) {
  std::string bytes =
      ReadAt(descriptor, 0,
             std::min<uint64_t>(static_cast<uint64_t>(found.st_size),
                                LogFile::kMarkBytes));
  const size_t end = bytes.find('\n');
  if (end != std::string::npos) {
    bytes.resize(end + 1);
  } else if (bytes.size() < LogFile::kMarkBytes) {
    return std::nullopt;
  }
  return std::max<uint64_t>(
      XXH3_64bits_withSeed(bytes.data(), bytes.size(), found.st_ino), 1);
}

}  // namespace

std::string LogFolderOf(absl::string_view data_dir) {
  return absl::StrCat(data_dir, "/logs");
}

std::string LogFilePath(absl::string_view folder, int age) {
  return age == 0 ? absl::StrCat(folder, "/quorated.jsonl")
                  : absl::StrCat(folder, "/quorated.", age, ".jsonl");
}

LogFile::~LogFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

LogFile::LogFile(LogFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_),
      mark_(other.mark_) {}

LogFile& LogFile::operator=(LogFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  std::swap(mark_, other.mark_);
  return *this;
}

std::string LogFile::Read(uint64_t begin, uint64_t end) const {
  end = std::min(end, size_);
  return begin < end ? ReadAt(descriptor_, begin, end) : std::string();
}

std::vector<LogFile> OpenLogFiles(absl::string_view folder) {
  std::vector<LogFile> files;
  std::vector<std::pair<dev_t, ino_t>> seen;
  // From the newest on: what is rotated meanwhile is met twice, never missed.
  for (int age = 0; age < kMaxLogFiles; ++age) {
    const int descriptor = open(LogFilePath(folder, age).c_str(),
                                O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0) continue;

    struct stat found {};

    std::optional<uint64_t> mark;
    if (fstat(descriptor, &found) == 0 && S_ISREG(found.st_mode) &&
        std::find(seen.begin(), seen.end(),
                  std::pair(found.st_dev, found.st_ino)) == seen.end()) {
      mark = ReadMark(descriptor, found);
    }
    if (!mark.has_value()) {
      close(descriptor);
      continue;
    }
    seen.emplace_back(found.st_dev, found.st_ino);
    files.emplace_back(descriptor, static_cast<uint64_t>(found.st_size), *mark);
  }
  return files;
}

}  // namespace quorate::server

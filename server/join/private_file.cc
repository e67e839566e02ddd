#include "server/join/private_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "absl/strings/str_cat.h"

#include "base/folder.h"

namespace quorate::server {
namespace {

// Keys and certificates have a few KiB.
constexpr size_t kMaxBytes = 1024 * 1024;

absl::Status Failed(const std::string& path, absl::string_view act, int error) {
  return absl::UnavailableError(absl::StrCat(
      path, ": cannot be ", act, ": ", std::generic_category().message(error)));
}

bool WriteAll(int descriptor, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return fsync(descriptor) == 0;
}

}  // namespace

absl::Status WritePrivateFile(const std::string& path,
                              absl::string_view bytes) {
  const std::string scratch = absl::StrCat(path, ".unfinished");
  std::remove(scratch.c_str());
  const int descriptor =
      open(scratch.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return Failed(path, "written", errno);
  const bool written = WriteAll(descriptor, bytes);
  const int error = errno;
  close(descriptor);
  if (!written) return Failed(path, "written", error);
  if (std::rename(scratch.c_str(), path.c_str()) != 0) {
    return Failed(path, "written", errno);
  }
  return SyncFolder(ParentOf(path));
}

absl::StatusOr<std::string> ReadPrivateFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": is not there"));
  std::string bytes(kMaxBytes + 1, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(file.gcount()));
  if (bytes.size() > kMaxBytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is too large"));
  }
  return bytes;
}

absl::Status MakePrivateDirectory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) {
    std::filesystem::permissions(path, std::filesystem::perms::owner_all,
                                 error);
  }
  if (!error) return absl::OkStatus();
  return Failed(path, "made", error.value());
}

}  // namespace quorate::server

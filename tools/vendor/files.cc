#include "tools/vendor/files.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "base/folder.h"
#include "base/random.h"
#include "base/status.h"
#include "trust/bounded_parse.h"

namespace quorate::vendor {
namespace {

absl::Status Failed(int error, absl::string_view doing,
                    absl::string_view path) {
  return absl::ErrnoToStatus(error, absl::StrCat("cannot ", doing, " ", path));
}

absl::Status WriteAll(int file, absl::string_view bytes,
                      const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return Failed(errno, "write", path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  if (fsync(file) != 0) return Failed(errno, "sync", path);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadDocument(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return Failed(errno, "read", path);
  const absl::Cleanup close_file = [file] { close(file); };
  struct stat state = {};
  if (fstat(file, &state) != 0) return Failed(errno, "read", path);
  if (!S_ISREG(state.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is not a regular file"));
  }
  // One byte more than a document may have, so that its check sees it.
  std::string bytes(trust::kMaxDocumentBytes + 1, '\0');
  size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t got = read(file, &bytes[size], bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed(errno, "read", path);
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > trust::kMaxDocumentBytes) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, " has more than ", trust::kMaxDocumentBytes, " bytes"));
  }
  bytes.resize(size);
  return bytes;
}

absl::Status CreateDocument(const std::string& path, absl::string_view bytes,
                            Readers readers) {
  const mode_t mode = readers == Readers::kOwner ? 0600 : 0644;
  const int file = open(
      path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
  if (file < 0) return Failed(errno, "create", path);
  absl::Status status = WriteAll(file, bytes, path);
  if (close(file) != 0 && status.ok()) status = Failed(errno, "close", path);
  if (status.ok()) status = SyncFolder(ParentOf(path));
  if (!status.ok()) unlink(path.c_str());
  return status;
}

absl::Status ReplaceDocument(const std::string& path, absl::string_view bytes) {
  const std::string temporary =
      absl::StrCat(path, ".tmp-", absl::BytesToHexString(SystemRandomBytes(8)));
  QUORATE_RETURN_IF_ERROR(CreateDocument(temporary, bytes, Readers::kAll));
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(temporary.c_str());
    return Failed(error, "write", path);
  }
  return SyncFolder(ParentOf(path));
}

absl::Status EnsureFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0) return absl::OkStatus();
  if (errno != EEXIST) return Failed(errno, "create the folder", path);
  struct stat state = {};
  if (stat(path.c_str(), &state) != 0) return Failed(errno, "open", path);
  if (!S_ISDIR(state.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is there and is no folder"));
  }
  return absl::OkStatus();
}

bool Exists(const std::string& path) {
  struct stat state = {};
  return lstat(path.c_str(), &state) == 0;
}

bool OthersMayRead(const std::string& path) {
  struct stat state = {};
  return stat(path.c_str(), &state) == 0 && (state.st_mode & 0077) != 0;
}

}  // namespace quorate::vendor

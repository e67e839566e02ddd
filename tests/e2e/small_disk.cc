#include "tests/e2e/small_disk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

#include "base/check.h"
#include "base/status.h"

namespace quorate::e2e {
namespace {

constexpr char kBallast[] = "/ballast";

absl::Status Failed(absl::string_view what) {
  return absl::InternalError(absl::StrCat(what, ": ", std::strerror(errno)));
}

// Files of the kernel take their text in one write.
absl::Status WriteText(const std::string& path, const std::string& text) {
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return Failed(path);
  const bool written = write(file, text.data(), text.size()) ==
                       static_cast<ssize_t>(text.size());
  const absl::Status status = written ? absl::OkStatus() : Failed(path);
  close(file);
  return status;
}

}  // namespace

absl::Status EnterMountNamespace() {
  const uid_t user = geteuid();
  const gid_t group = getegid();
  if (unshare(user == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    return Failed(
        "a test with file systems of its own needs root, or unprivileged user "
        "namespaces (kernel.unprivileged_userns_clone); unshare");
  }
  if (user != 0) {
    QUORATE_RETURN_IF_ERROR(WriteText("/proc/self/setgroups", "deny"));
    QUORATE_RETURN_IF_ERROR(
        WriteText("/proc/self/uid_map", absl::StrCat("0 ", user, " 1")));
    QUORATE_RETURN_IF_ERROR(
        WriteText("/proc/self/gid_map", absl::StrCat("0 ", group, " 1")));
  }
  // Else the system would see ours.
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return Failed("mount --make-rprivate /");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<SmallDisk>> SmallDisk::Mount(
    const std::string& folder, uint64_t bytes) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return absl::InternalError(error.message());
  const std::string options = absl::StrCat("size=", bytes, ",mode=0700");
  if (mount("tmpfs", folder.c_str(), "tmpfs", 0, options.c_str()) != 0) {
    return Failed(absl::StrCat("mount on ", folder));
  }
  return std::unique_ptr<SmallDisk>(new SmallDisk(folder));
}

SmallDisk::~SmallDisk() {
  umount2(folder_.c_str(), MNT_DETACH);
  // What the mount kept others from removing: empty folders.
  std::filesystem::path left(folder_);
  constexpr int kLevels = 3;  // data, the member's folder, the cluster's.
  for (int level = 0; level < kLevels; ++level, left = left.parent_path()) {
    if (rmdir(left.c_str()) != 0) break;
  }
}

uint64_t SmallDisk::FreeBytes() const {
  struct statvfs found;
  QUORATE_CHECK(statvfs(folder_.c_str(), &found) == 0);
  return uint64_t{found.f_bavail} * found.f_frsize;
}

void SmallDisk::FillUpTo(uint64_t leave) {
  const uint64_t free = FreeBytes();
  if (free <= leave) return;
  const int file = open(absl::StrCat(folder_, kBallast).c_str(),
                        O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  QUORATE_CHECK(file >= 0);
  struct stat found;
  QUORATE_CHECK(fstat(file, &found) == 0);
  uint64_t step = free - leave;
  off_t end = found.st_size;
  // The member writes at the same time, so what was free may be gone.
  while (step >= 4096) {
    if (posix_fallocate(file, end, static_cast<off_t>(step)) == 0) break;
    step /= 2;
  }
  close(file);
}

void SmallDisk::Empty() {
  unlink(absl::StrCat(folder_, kBallast).c_str());
}

}  // namespace quorate::e2e

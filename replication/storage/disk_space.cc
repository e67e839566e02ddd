#include "replication/storage/disk_space.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/check.h"
#include "base/log.h"

namespace quorate::replication {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kLeastLow = 16 * kMiB;
constexpr uint64_t kMostLow = 1024 * kMiB;
constexpr char kReserveName[] = "reserve";

absl::Status FromErrno(int error, const std::string& path) {
  const std::string text = absl::StrCat(path, ": ", std::strerror(error));
  if (error == ENOSPC || error == EDQUOT) {
    return absl::ResourceExhaustedError(text);
  }
  return absl::UnavailableError(text);
}

}  // namespace

absl::StatusOr<DiskUsage> ReadStatvfs(const std::string& path) {
  struct statvfs found;
  if (statvfs(path.c_str(), &found) != 0) return FromErrno(errno, path);
  return DiskUsage{.free_bytes = uint64_t{found.f_bavail} * found.f_frsize,
                   .total_bytes = uint64_t{found.f_blocks} * found.f_frsize};
}

DiskLimits DefaultDiskLimits(uint64_t total_bytes) {
  const uint64_t low = std::min(
      std::clamp(total_bytes / 20, kLeastLow, kMostLow), total_bytes / 4);
  return {.low_bytes = low,
          .recover_bytes = low + low / 4,
          .last_bytes = low / 4,
          .reserve_bytes = low / 4};
}

const char* DiskStateName(DiskState state) {
  switch (state) {
    case DiskState::kPlenty:
      return "plenty";
    case DiskState::kLow:
      return "low";
    case DiskState::kReserve:
      return "reserve";
  }
  return "unknown";
}

// A member that starts without its reserve had let it go, or is new; the first
// reading says.
DiskPolicy::DiskPolicy(const DiskLimits& limits, bool reserve_held)
    : limits_(limits),
      state_(reserve_held ? DiskState::kPlenty : DiskState::kReserve) {
  QUORATE_CHECK(limits.last_bytes <= limits.low_bytes);
  QUORATE_CHECK(limits.low_bytes <= limits.recover_bytes);
}

DiskState DiskPolicy::Update(uint64_t free_bytes) {
  if (state_ == DiskState::kReserve) {
    // What is free now holds the room that the reserve takes again.
    if (free_bytes < limits_.reserve_bytes) return state_;
    free_bytes -= limits_.reserve_bytes;
    if (free_bytes < limits_.low_bytes) return state_;
    state_ = DiskState::kLow;
  }
  if (free_bytes < limits_.last_bytes) {
    state_ = DiskState::kReserve;
  } else if (free_bytes < limits_.low_bytes) {
    state_ = DiskState::kLow;
  } else if (free_bytes >= limits_.recover_bytes) {
    state_ = DiskState::kPlenty;
  }
  return state_;
}

ReserveFile::ReserveFile(std::string path, uint64_t bytes)
    : path_(std::move(path)), bytes_(bytes) {}

bool ReserveFile::Held() const {
  struct stat found;
  return stat(path_.c_str(), &found) == 0 &&
         static_cast<uint64_t>(found.st_size) >= bytes_;
}

absl::Status ReserveFile::Hold() {
  if (bytes_ == 0 || Held()) return absl::OkStatus();
  const int file = open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return FromErrno(errno, path_);
  // Blocks, not a hole; it writes them where the file system cannot do better.
  int error = posix_fallocate(file, 0, static_cast<off_t>(bytes_));
  if (error == 0 && fsync(file) != 0) error = errno;
  close(file);
  if (error == 0) return absl::OkStatus();
  unlink(path_.c_str());
  return FromErrno(error, path_);
}

absl::Status ReserveFile::LetGo() {
  if (unlink(path_.c_str()) != 0 && errno != ENOENT) {
    return FromErrno(errno, path_);
  }
  return absl::OkStatus();
}

DiskWatch::DiskWatch(const std::string& data_dir, const DiskLimits& limits,
                     ReadDiskUsage read)
    : data_dir_(data_dir),
      read_(std::move(read)),
      reserve_(absl::StrCat(data_dir, "/", kReserveName), limits.reserve_bytes),
      policy_(limits, reserve_.Held()) {}

DiskState DiskWatch::Check() {
  const absl::StatusOr<DiskUsage> usage = read_(data_dir_);
  if (!usage.ok()) return policy_.state();
  const DiskState before = policy_.state();
  const DiskState state = policy_.Update(usage->free_bytes);
  const absl::Status status =
      state == DiskState::kReserve ? reserve_.LetGo() : reserve_.Hold();
  if (state != before) {
    LogWarn("storage", "disk_space",
            {{"state", DiskStateName(state)},
             {"free_bytes", absl::StrCat(usage->free_bytes)},
             {"reserve", status.ToString()}});
  }
  return state;
}

}  // namespace quorate::replication

#include "server/disk_room.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/log.h"

namespace quorate::server {
namespace {

constexpr absl::Duration kLook = absl::Seconds(1);

// Where the system does not say how large the disk is.
constexpr uint64_t kUsualDiskBytes = uint64_t{64} << 30;

// RocksDB takes no less. The most are what the stores take by themselves.
constexpr size_t kLeastBuffer = size_t{256} << 10;
constexpr size_t kMostLogBuffer = size_t{8} << 20;
constexpr size_t kMostStateBuffer = size_t{32} << 20;

// A buffer that is written out, and the write-ahead file before it, are to fit
// into the reserve of a small disk (a sixteenth of it) several times.
constexpr uint64_t kLogShare = 128;
constexpr uint64_t kStateShare = 64;

// The folder may not be there yet; the disk is that of its parent then.
std::string Existing(const std::string& data_dir) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::absolute(data_dir, error);
  while (!std::filesystem::exists(path, error) && path.has_relative_path()) {
    path = path.parent_path();
  }
  return path.string();
}

uint64_t TotalBytes(const std::string& data_dir,
                    const replication::ReadDiskUsage& read) {
  const auto usage = read(Existing(data_dir));
  return usage.ok() ? usage->total_bytes : kUsualDiskBytes;
}

replication::DiskLimits LimitsOf(const Config& config, uint64_t total_bytes) {
  replication::DiskLimits limits = replication::DefaultDiskLimits(total_bytes);
  if (config.disk_low_mib > 0) {
    limits.low_bytes = config.disk_low_mib << 20;
    limits.recover_bytes = limits.low_bytes + limits.low_bytes / 4;
    limits.last_bytes = limits.reserve_bytes = limits.low_bytes / 4;
  }
  if (config.disk_reserve_mib > 0) {
    limits.reserve_bytes = config.disk_reserve_mib << 20;
    limits.last_bytes = std::min(limits.reserve_bytes, limits.low_bytes);
  }
  return limits;
}

}  // namespace

DiskRoom::DiskRoom(const Config& config, replication::ReadDiskUsage read)
    : data_dir_(config.data_dir),
      read_(std::move(read)),
      limits_(LimitsOf(config, TotalBytes(config.data_dir, read_))),
      total_bytes_(TotalBytes(config.data_dir, read_)),
      watch_(config.data_dir, limits_, read_),
      wanted_bytes_(limits_.last_bytes) {}

WriteBuffers DiskRoom::Buffers() const {
  const auto share = [this](uint64_t parts, size_t most) {
    return std::clamp(static_cast<size_t>(total_bytes_ / parts), kLeastBuffer,
                      most);
  };
  return {.log_bytes = share(kLogShare, kMostLogBuffer),
          .state_bytes = share(kStateShare, kMostStateBuffer)};
}

bool DiskRoom::WaitForRoom(const Pause& pause) {
  const replication::ReserveFile reserve(absl::StrCat(data_dir_, "/reserve"),
                                         limits_.reserve_bytes);
  bool logged = false;
  while (true) {
    const auto usage = read_(data_dir_);
    // A disk that does not say is found out when it is opened.
    if (!usage.ok()) return true;
    last_free_bytes_ =
        usage->free_bytes + (reserve.Held() ? limits_.reserve_bytes : 0);
    if (last_free_bytes_ >= wanted_bytes_) break;
    if (!logged) {
      LogError("server", "waits_for_disk_space",
               {{"data_dir", data_dir_},
                {"free_bytes", absl::StrCat(usage->free_bytes)},
                {"wanted_bytes", absl::StrCat(wanted_bytes_)}});
    }
    logged = true;
    if (!pause(kLook)) return false;
  }
  if (logged) LogInfo("server", "disk_has_space_again");
  // Lets go of the reserve where opening needs it.
  watch_.Check();
  return true;
}

void DiskRoom::WantMore() {
  wanted_bytes_ = last_free_bytes_ + limits_.last_bytes;
}

bool DiskRoom::IsLow() {
  return watch_.Check() != replication::DiskState::kPlenty;
}

}  // namespace quorate::server

// What a member does as its disk fills up.
//
// A full disk ends the process (fatal.h), and one that starts again on a full
// disk ends again. So a member stops taking new work long before, and keeps a
// file in reserve: what holders of seats must still be able to do, give back
// and renew, finds room when that file is let go (security.md, §5.3).

#ifndef QUORATE_REPLICATION_STORAGE_DISK_SPACE_H_
#define QUORATE_REPLICATION_STORAGE_DISK_SPACE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace quorate::replication {

struct DiskUsage {
  uint64_t free_bytes = 0;  // What this user may still write.
  uint64_t total_bytes = 0;
};

// By the folder that the disk is mounted on, or any in it. UNAVAILABLE where
// the system does not say.
using ReadDiskUsage =
    std::function<absl::StatusOr<DiskUsage>(const std::string& path)>;

// statvfs(3).
absl::StatusOr<DiskUsage> ReadStatvfs(const std::string& path);

struct DiskLimits {
  uint64_t low_bytes = 0;      // Below: no new work.
  uint64_t recover_bytes = 0;  // From here on again; above low_bytes.
  uint64_t last_bytes = 0;     // Below: the reserve is let go; <= low_bytes.
  uint64_t reserve_bytes = 0;  // Size of the reserve file.
};

// One twentieth of the disk, between 16 MiB and 1 GiB (but a quarter of a small
// disk at most), is low; the reserve has a quarter of that.
DiskLimits DefaultDiskLimits(uint64_t total_bytes);

enum class DiskState {
  kPlenty,
  kLow,      // New checkouts are refused, leadership is handed over.
  kReserve,  // The reserve was let go: only what must be written is.
};

// "plenty", "low", "reserve".
const char* DiskStateName(DiskState state);

// What state follows from what is free. Each state is left only when there is
// clearly more, so that a member does not waver at a limit. Pure; thread-
// compatible.
class DiskPolicy {
 public:
  // `reserve_held`: whether the reserve file was there at the start.
  DiskPolicy(const DiskLimits& limits, bool reserve_held);

  // To be called with every reading. Where it returns kReserve the reserve file
  // is to be removed, else it is to be there.
  DiskState Update(uint64_t free_bytes);

  DiskState state() const { return state_; }

 private:
  const DiskLimits limits_;
  DiskState state_;
};

// A file that only takes room. Thread-compatible. Real files only: simulations
// have no need of it.
class ReserveFile {
 public:
  ReserveFile(std::string path, uint64_t bytes);

  bool Held() const;

  // Makes it where it is missing or too small. RESOURCE_EXHAUSTED where there
  // is no room for it, and then it is not there.
  absl::Status Hold();

  // Removes it. OK where it is not there.
  absl::Status LetGo();

 private:
  const std::string path_;
  const uint64_t bytes_;
};

// Reads, decides and acts. Thread-compatible: the caller has a timer; once a
// second is often enough, since a disk takes longer to fill its last twentieth.
class DiskWatch {
 public:
  // Watches the disk of `data_dir`, where the reserve file lies.
  DiskWatch(const std::string& data_dir, const DiskLimits& limits,
            ReadDiskUsage read);

  // The state now. A reading that fails leaves the last one: a disk that cannot
  // be asked is found out by its writes.
  DiskState Check();

 private:
  const std::string data_dir_;
  const ReadDiskUsage read_;
  ReserveFile reserve_;
  DiskPolicy policy_;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_DISK_SPACE_H_

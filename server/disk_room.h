// The room on a member's disk: how much there must be, and who is told.

#ifndef QUORATE_SERVER_DISK_ROOM_H_
#define QUORATE_SERVER_DISK_ROOM_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/time/time.h"

#include "replication/storage/disk_space.h"
#include "server/config.h"

namespace quorate::server {

// What the databases may hold back in memory. What is in there is written to a
// table in one go, so on a small disk it is little.
struct WriteBuffers {
  size_t log_bytes = 0;
  size_t state_bytes = 0;
};

// Watches one disk, from before the data is opened. A member that found no room
// at its start would end, be started again and end again: so it waits in place
// of that. Thread-compatible.
class DiskRoom {
 public:
  // Waits for `time`; false where the process is to end.
  using Pause = std::function<bool(absl::Duration time)>;

  DiskRoom(const Config& config, replication::ReadDiskUsage read);

  WriteBuffers Buffers() const;

  // So much is left free by what can wait, as a snapshot from a peer can: with
  // less, what must be written found no room. Not more than that, since a
  // member that lags has no other way back, and frees its older state by it.
  uint64_t LeastFreeBytes() const { return limits_.last_bytes; }

  // Returns when there is enough room to open the data and to write what must
  // be written for a while. Logs once where it has to wait. False where `pause`
  // says so.
  bool WaitForRoom(const Pause& pause);

  // Opening failed for want of room, though there seemed to be enough: the next
  // WaitForRoom wants more than there was then.
  void WantMore();

  // Looks, holds or lets go of the reserve, and says whether the disk is
  // nearly full.
  bool IsLow();

 private:
  const std::string data_dir_;
  const replication::ReadDiskUsage read_;
  const replication::DiskLimits limits_;
  const uint64_t total_bytes_;
  replication::DiskWatch watch_;
  uint64_t wanted_bytes_;
  uint64_t last_free_bytes_ = 0;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_DISK_ROOM_H_

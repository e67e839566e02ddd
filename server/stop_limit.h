// The end of a member's orderly end, where it does not come by itself.

#ifndef QUORATE_SERVER_STOP_LIMIT_H_
#define QUORATE_SERVER_STOP_LIMIT_H_

#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "base/mutex.h"

namespace quorate::server {

// A stop waits for threads that write files: of the log that counts, of the
// kept log, of RocksDB. A disk that hangs keeps them for ever, and a second
// SIGTERM does no more than the first. Nothing is lost by an end without them,
// as by kill -9: what was acknowledged is on the disk.
//
// Thread-compatible.
class StopLimit {
 public:
  // Longer than any stop on a disk that answers (some seconds), shorter than
  // service managers wait until they kill (90 s, systemd).
  static constexpr absl::Duration kLimit = absl::Seconds(30);

  // `clock` is not owned.
  StopLimit(const Clock* clock, absl::Duration limit)
      : clock_(clock), limit_(limit) {}

  // The stop has ended.
  ~StopLimit();

  StopLimit(const StopLimit&) = delete;
  StopLimit& operator=(const StopLimit&) = delete;

  // A stop begins: from now on this object has to go within the limit, or the
  // process ends with kExitDisk, and says so on standard error. Idempotent.
  void Begin();

 private:
  void Run();

  const Clock* const clock_;
  const absl::Duration limit_;

  Mutex mu_;
  CondVar ended_changed_;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_STOP_LIMIT_H_

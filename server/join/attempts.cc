#include "server/join/attempts.h"

#include "base/mutex.h"

namespace quorate::server {

absl::Status RepeatWhileUnavailable(
    const Clock& clock, absl::Duration timeout,
    const std::function<absl::Status()>& round) {
  const absl::Duration deadline = clock.SinceBoot() + timeout;
  Mutex mu;
  CondVar never;
  while (true) {
    absl::Status status = round();
    if (!absl::IsUnavailable(status) ||
        clock.SinceBoot() + kAttemptPause > deadline) {
      return status;
    }
    MutexLock lock(&mu);
    never.WaitFor(&mu, kAttemptPause);
  }
}

}  // namespace quorate::server

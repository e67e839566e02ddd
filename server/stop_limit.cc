#include "server/stop_limit.h"

#include <cstdio>
#include <unistd.h>

#include "server/exit_code.h"

namespace quorate::server {

StopLimit::~StopLimit() {
  {
    MutexLock lock(&mu_);
    ended_ = true;
  }
  ended_changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void StopLimit::Begin() {
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
}

void StopLimit::Run() {
  const absl::Duration end = clock_->SinceBoot() + limit_;
  {
    MutexLock lock(&mu_);
    while (!ended_) {
      const absl::Duration left = end - clock_->SinceBoot();
      if (left <= absl::ZeroDuration()) break;
      ended_changed_.WaitFor(&mu_, left);
    }
    if (ended_) return;
  }
  // Not by the log: its files may be what hangs.
  std::fprintf(stderr,
               "quorated: the stop takes longer than %s, as where a disk "
               "hangs; ended without it. Nothing acknowledged is lost.\n",
               absl::FormatDuration(limit_).c_str());
  _exit(kExitDisk);
}

}  // namespace quorate::server

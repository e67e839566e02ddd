#include "server/periodic_work.h"

#include <utility>

namespace quorate::server {

PeriodicWork::PeriodicWork(absl::Duration period, std::function<void()> work)
    : period_(period), work_(std::move(work)), thread_([this] { Run(); }) {}

PeriodicWork::~PeriodicWork() {
  Stop();
}

void PeriodicWork::Stop() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void PeriodicWork::Run() {
  while (true) {
    {
      MutexLock lock(&mu_);
      // A wake-up without a reason only makes one period shorter.
      if (!stopping_) wake_.WaitFor(&mu_, period_);
      if (stopping_) return;
    }
    work_();
  }
}

}  // namespace quorate::server

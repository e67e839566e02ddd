// One thread for what a member does a few times a second.

#ifndef QUORATE_SERVER_PERIODIC_WORK_H_
#define QUORATE_SERVER_PERIODIC_WORK_H_

#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "base/mutex.h"

namespace quorate::server {

// Calls `work` every `period`, counted from the end of the call before.
// Thread-safe.
class PeriodicWork {
 public:
  PeriodicWork(absl::Duration period, std::function<void()> work);
  ~PeriodicWork();

  PeriodicWork(const PeriodicWork&) = delete;
  PeriodicWork& operator=(const PeriodicWork&) = delete;

  // No call is under way, or begins, after it returns. Idempotent; not from
  // `work`.
  void Stop();

 private:
  void Run();

  const absl::Duration period_;
  const std::function<void()> work_;

  Mutex mu_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_PERIODIC_WORK_H_

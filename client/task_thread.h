// A thread for what must not be done on the thread that asks for it.

#ifndef QUORATE_CLIENT_TASK_THREAD_H_
#define QUORATE_CLIENT_TASK_THREAD_H_

#include <deque>
#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "base/mutex.h"

namespace quorate {

// Runs tasks one after another, in order. The thread begins with the first
// task: a program that never needs one has none. Thread-safe.
class TaskThread {
 public:
  // At most so many tasks wait: far over what a program has seats, and a bound
  // for one that leaks them while the cluster is away.
  static constexpr size_t kMaxTasks = 65536;

  explicit TaskThread(const Clock* clock) : clock_(clock) {}

  ~TaskThread();

  TaskThread(const TaskThread&) = delete;
  TaskThread& operator=(const TaskThread&) = delete;

  // False, and the task is dropped, where too many wait or after Stop.
  bool Push(std::function<void()> task);

  // Waits until nothing is left to do; false where `timeout` passed before.
  bool Drain(absl::Duration timeout);

  // Drops the tasks that wait, and waits for the one that runs. Not to be
  // called from a task.
  void Stop();

 private:
  void Loop();

  const Clock* const clock_;  // Not owned.

  Mutex mu_;
  CondVar changed_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mu_);
  bool running_ ABSL_GUARDED_BY(mu_) = false;
  bool started_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // Begun under mu_, joined by Stop alone.
};

}  // namespace quorate

#endif  // QUORATE_CLIENT_TASK_THREAD_H_

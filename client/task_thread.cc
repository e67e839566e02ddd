#include "client/task_thread.h"

#include <utility>

#include "base/check.h"

namespace quorate {

TaskThread::~TaskThread() {
  Stop();
}

bool TaskThread::Push(std::function<void()> task) {
  MutexLock lock(&mu_);
  if (stopping_ || tasks_.size() >= kMaxTasks) return false;
  tasks_.push_back(std::move(task));
  if (!started_) {
    started_ = true;
    thread_ = std::thread([this] { Loop(); });
  }
  changed_.NotifyAll();
  return true;
}

bool TaskThread::Drain(absl::Duration timeout) {
  const absl::Duration end = clock_->SinceBoot() + timeout;
  MutexLock lock(&mu_);
  while (running_ || !tasks_.empty()) {
    const absl::Duration left = end - clock_->SinceBoot();
    if (left <= absl::ZeroDuration()) return false;
    changed_.WaitFor(&mu_, left);
  }
  return true;
}

void TaskThread::Stop() {
  bool join = false;
  {
    MutexLock lock(&mu_);
    join = started_ && !stopping_;
    stopping_ = true;
    changed_.NotifyAll();
  }
  if (!join) return;
  QUORATE_CHECK(thread_.get_id() != std::this_thread::get_id());
  thread_.join();
  MutexLock lock(&mu_);
  tasks_.clear();
}

void TaskThread::Loop() {
  while (true) {
    std::function<void()> task;
    {
      MutexLock lock(&mu_);
      running_ = false;
      changed_.NotifyAll();
      while (!stopping_ && tasks_.empty()) {
        changed_.Wait(&mu_);
      }
      if (stopping_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
      running_ = true;
    }
    task();
  }
}

}  // namespace quorate

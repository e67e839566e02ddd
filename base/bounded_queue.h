// A queue with a limit between one kind of thread and another.

#ifndef QUORATE_BASE_BOUNDED_QUEUE_H_
#define QUORATE_BASE_BOUNDED_QUEUE_H_

#include <cstddef>
#include <deque>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "base/mutex.h"

namespace quorate {

// First in, first out; any number of producers and consumers. Closing wakes
// everyone: pushes are refused from then on, what is inside can still be
// taken. Thread-safe.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

  BoundedQueue(const BoundedQueue&) = delete;
  BoundedQueue& operator=(const BoundedQueue&) = delete;

  // Returns false, and leaves `item` untouched, where the queue is full or
  // closed. Never waits.
  [[nodiscard]] bool TryPush(T&& item) {
    {
      MutexLock lock(&mu_);
      if (closed_ || items_.size() >= capacity_) return false;
      items_.push_back(std::move(item));
    }
    not_empty_.NotifyOne();
    return true;
  }

  // Takes all that is inside; waits up to `timeout` for something to be there.
  // Empty where the time passed, or where the queue is closed and empty.
  std::vector<T> TakeAll(absl::Duration timeout) {
    std::deque<T> all;
    {
      MutexLock lock(&mu_);
      if (items_.empty() && !closed_ && timeout > absl::ZeroDuration()) {
        not_empty_.WaitFor(&mu_, timeout);
      }
      all.swap(items_);
    }
    // Without the lock: thousands of items take milliseconds to move, for which
    // no producer shall wait.
    return std::vector<T>(std::make_move_iterator(all.begin()),
                          std::make_move_iterator(all.end()));
  }

  void Close() {
    {
      MutexLock lock(&mu_);
      closed_ = true;
    }
    not_empty_.NotifyAll();
  }

  bool closed() const {
    MutexLock lock(&mu_);
    return closed_;
  }

  size_t size() const {
    MutexLock lock(&mu_);
    return items_.size();
  }

  size_t capacity() const { return capacity_; }

 private:
  // Constant after construction.
  const size_t capacity_;

  mutable Mutex mu_;
  CondVar not_empty_;
  std::deque<T> items_ ABSL_GUARDED_BY(mu_);
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace quorate

#endif  // QUORATE_BASE_BOUNDED_QUEUE_H_

// Sixteen clients that write one after another, and when their writes were
// acknowledged.

#ifndef QUORATE_TESTS_BENCH_FAILOVER_WRITERS_H_
#define QUORATE_TESTS_BENCH_FAILOVER_WRITERS_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "tests/bench/cluster_access.h"

namespace quorate::bench {

// What one client writes; a retry is the same write. Thread-compatible: each
// belongs to one client's thread.
class FailoverWrite {
 public:
  virtual ~FailoverWrite() = default;

  // One attempt at the present write by that member, within `limit`. After
  // success the next call is the next write.
  virtual absl::Status Attempt(size_t member, absl::Duration limit) = 0;
};

// Each client has a connection of its own to each member, begins with the
// member of its number, and goes on to the next one when an attempt fails or
// is not answered within a second. Thread-compatible.
class FailoverWriters {
 public:
  static constexpr size_t kWriters = 16;

  // `writes` has kWriters elements; there are `members` members.
  FailoverWriters(std::vector<std::unique_ptr<FailoverWrite>> writes,
                  size_t members, const Clock* clock);
  ~FailoverWriters();

  void Start();
  void Stop();

  // Waits until each client had a write acknowledged that began after
  // `moment`; false where that takes longer than `limit`.
  bool WaitForAll(absl::Duration moment, absl::Duration limit);

  // How long after `moment` the first write that began after it was
  // acknowledged. After WaitForAll(moment) said true.
  absl::Duration FirstAfter(absl::Duration moment) const;

  // The longest time from `moment` on that each client went without an
  // acknowledgement.
  std::vector<absl::Duration> LongestPauses(absl::Duration moment) const;

  // Calls that failed since Start.
  uint64_t failed_attempts() const { return failed_attempts_; }

 private:
  struct Acknowledgement {
    absl::Duration began;
    absl::Duration ended;
  };

  void Run(size_t number);
  void Note(size_t number, const Acknowledgement& acknowledgement);
  bool AllAfterLocked(absl::Duration moment) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void PauseAfterFailures();

  const size_t members_;
  const Clock* const clock_;  // Not owned.
  const std::vector<std::unique_ptr<FailoverWrite>> writes_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> failed_attempts_ = 0;

  mutable Mutex mu_;
  CondVar changed_;
  // Of this round, by client. A round is short and a client waits for each
  // answer, so that these stay small; Start forgets them.
  std::vector<std::vector<Acknowledgement>> acknowledged_ ABSL_GUARDED_BY(mu_);
};

}  // namespace quorate::bench

#endif  // QUORATE_TESTS_BENCH_FAILOVER_WRITERS_H_

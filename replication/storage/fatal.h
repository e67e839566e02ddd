// What happens when a member's disk fails under it.

#ifndef QUORATE_REPLICATION_STORAGE_FATAL_H_
#define QUORATE_REPLICATION_STORAGE_FATAL_H_

#include <atomic>
#include <functional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "base/mutex.h"

namespace quorate::replication {

// `event` is constant text ("log_write_failed"). In a program it must not
// return. In a test it may; the store that called it is then dead: it writes
// nothing more, and whoever uses it must send nothing that depended on it.
using FatalFunction =
    std::function<void(absl::string_view event, const absl::Status& status)>;

// Logs one line and ends the process with status 70 (EX_SOFTWARE), without
// running destructors: they would write to a disk of which nothing is known.
// After a failed fsync the kernel may have dropped the dirty pages, so trying
// again can report a success that is none (pitfall 8).
[[noreturn]] void ExitOnStorageFailure(absl::string_view event,
                                       const absl::Status& status);

// Calls a FatalFunction at most once, from whichever thread is first (the
// writer, or RocksDB's own by OnBackgroundError). Ending the process takes a
// while, since the log is flushed before: any other thread that meets a dead
// store is kept until the function returns, and in a program it never does. One
// that went on would take what was not written for durable, and say so to other
// members. Thread-safe, but not to be called from within the function.
class FatalLatch {
 public:
  // An empty function means ExitOnStorageFailure.
  explicit FatalLatch(FatalFunction fatal);

  // Returns where the function does.
  void Trip(absl::string_view event, const absl::Status& status);

  // False where nothing failed. True, in a test, once the function returned.
  bool Dead();

 private:
  void AwaitReturn();

  const FatalFunction fatal_;
  std::atomic<bool> tripped_ = false;

  Mutex mu_;
  CondVar returned_changed_;
  bool returned_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_FATAL_H_

// A closed loop: so many calls are outstanding at any time, and the next one
// begins when one is answered.

#ifndef QUORATE_TESTS_BENCH_LOAD_LOOP_H_
#define QUORATE_TESTS_BENCH_LOAD_LOOP_H_

#include <cstdint>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/completion_queue.h"

#include "base/clock.h"
#include "tests/bench/latency_histogram.h"

namespace quorate::bench {

enum class SlotStep {
  kDone,    // The operation is acknowledged.
  kAgain,   // It needs one more call; its time goes on.
  kFailed,  // It was refused; see failure().
};

// One of the outstanding calls. Thread-compatible: the loop has one thread.
class Slot {
 public:
  virtual ~Slot() = default;

  // Begins a call; `tag` comes back through `queue` once.
  virtual void Begin(grpc::CompletionQueue* queue, void* tag) = 0;

  // What Begin asked for is there.
  virtual SlotStep End(bool ok) = 0;

  // False while it holds something that one more operation gives back.
  virtual bool AtRest() const { return true; }

  // Ends a stream; true where the tag comes back once more.
  virtual bool Close(void* /*tag*/) { return false; }

  const absl::Status& failure() const { return failure_; }

 protected:
  absl::Status failure_;
};

struct LoadOptions {
  absl::Duration warmup;    // Calls are made, and not counted.
  absl::Duration measured;  // From its end.
  // The processes of the measured system, whose processor time is taken.
  std::vector<pid_t> servers;
};

struct LoadResult {
  LatencyHistogram latency;  // One record for each operation.
  uint64_t failures = 0;     // In the whole run, the warmup included.
  absl::Status first_failure;
  absl::Duration measured;  // Without the time that a late loop was late by.
  absl::Duration server_cpu;
  absl::Duration client_cpu;  // Of this process.
};

// Runs all slots until the time is over and they are at rest. One thread makes
// and takes all calls.
LoadResult RunLoad(std::vector<std::unique_ptr<Slot>> slots,
                   const LoadOptions& options, const Clock& clock);

}  // namespace quorate::bench

#endif  // QUORATE_TESTS_BENCH_LOAD_LOOP_H_

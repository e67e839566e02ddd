// Latencies in a fixed number of buckets, so that a run of any length takes
// the same memory and a record costs an increment.

#ifndef QUORATE_TESTS_BENCH_LATENCY_HISTOGRAM_H_
#define QUORATE_TESTS_BENCH_LATENCY_HISTOGRAM_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace quorate::bench {

// Buckets grow with what they hold: each power of two of nanoseconds is cut
// into 64, so that a quantile is at most 1/64 above the true one. What is
// longer than about 18 minutes counts as that. Thread-compatible.
class LatencyHistogram {
 public:
  void Record(absl::Duration latency);

  uint64_t count() const { return count_; }

  // The smallest bound that at least this part of the latencies does not
  // exceed; zero where there are none. 0 < `part` <= 1.
  absl::Duration Quantile(double part) const;

  // Exact.
  absl::Duration max() const { return absl::Nanoseconds(max_ns_); }

 private:
  static constexpr int kSubBits = 6;
  static constexpr uint64_t kSub = uint64_t{1} << kSubBits;
  static constexpr int kMostBits = 40;
  static constexpr size_t kBuckets = (kMostBits - kSubBits + 1) * kSub;

  static size_t BucketOf(uint64_t ns);
  static uint64_t UpperBoundOf(size_t bucket);

  std::array<uint64_t, kBuckets> buckets_ = {};
  uint64_t count_ = 0;
  int64_t max_ns_ = 0;
};

}  // namespace quorate::bench

#endif  // QUORATE_TESTS_BENCH_LATENCY_HISTOGRAM_H_

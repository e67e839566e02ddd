// How long things took: counts on a logarithmic scale, of fixed size.

#ifndef QUORATE_BASE_LATENCY_HISTOGRAM_H_
#define QUORATE_BASE_LATENCY_HISTOGRAM_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace quorate {

// Eight buckets for each doubling, from a microsecond to two minutes; what is
// longer counts in the last one. So a quantile is never too low and at most an
// eighth (and a microsecond) too high, and histograms are added up without
// loss: the quantiles of a sum are those of all spans together, which means of
// quantiles are not. Thread-compatible.
class LatencyHistogram {
 public:
  static constexpr size_t kBuckets = 200;

  // The bucket of a span; that of zero where it is negative.
  static size_t BucketOf(absl::Duration span);

  // The longest span of a bucket.
  static absl::Duration EndOf(size_t bucket);

  void Add(absl::Duration span) { AddCount(BucketOf(span), 1, span); }

  // `count` spans of one bucket, none longer than `longest`.
  void AddCount(size_t bucket, uint64_t count, absl::Duration longest);

  void Merge(const LatencyHistogram& other);

  uint64_t count() const { return count_; }

  // Exact.
  absl::Duration longest() const { return longest_; }

  // The span that at least `fraction` (0 to 1) of all do not exceed; zero
  // without any.
  absl::Duration Quantile(double fraction) const;

 private:
  std::array<uint64_t, kBuckets> counts_ = {};
  uint64_t count_ = 0;
  absl::Duration longest_;
};

}  // namespace quorate

#endif  // QUORATE_BASE_LATENCY_HISTOGRAM_H_

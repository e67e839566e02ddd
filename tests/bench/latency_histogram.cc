#include "tests/bench/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace quorate::bench {

size_t LatencyHistogram::BucketOf(uint64_t ns) {
  // Below 2^kSubBits a bucket holds one value; above, the leading bits count.
  const int bits = std::bit_width(ns);
  if (bits <= kSubBits) return ns;
  const int shift = bits - kSubBits - 1;
  return static_cast<size_t>(shift) * kSub + (ns >> shift);
}

uint64_t LatencyHistogram::UpperBoundOf(size_t bucket) {
  if (bucket < 2 * kSub) return bucket;
  const size_t shift = bucket / kSub - 1;
  const uint64_t leading = bucket - shift * kSub;
  return ((leading + 1) << shift) - 1;
}

void LatencyHistogram::Record(absl::Duration latency) {
  const int64_t most = (int64_t{1} << kMostBits) - 1;
  const int64_t ns =
      std::clamp<int64_t>(absl::ToInt64Nanoseconds(latency), 0, most);
  ++buckets_[BucketOf(static_cast<uint64_t>(ns))];
  ++count_;
  max_ns_ = std::max(max_ns_, ns);
}

absl::Duration LatencyHistogram::Quantile(double part) const {
  const auto wanted =
      static_cast<uint64_t>(std::ceil(part * static_cast<double>(count_)));
  uint64_t seen = 0;
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += buckets_[bucket];
    if (seen >= wanted && seen > 0) {
      return std::min(
          absl::Nanoseconds(static_cast<int64_t>(UpperBoundOf(bucket))), max());
    }
  }
  return absl::ZeroDuration();
}

}  // namespace quorate::bench

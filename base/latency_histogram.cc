#include "base/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace quorate {
namespace {

// Buckets of one doubling, and their number's logarithm.
constexpr int kPartsShift = 3;
constexpr uint64_t kParts = uint64_t{1} << kPartsShift;

// The last microsecond of the last bucket.
constexpr uint64_t kMostUs = (uint64_t{1} << 27) - 1;

}  // namespace

size_t LatencyHistogram::BucketOf(absl::Duration span) {
  const int64_t signed_us = absl::ToInt64Microseconds(span);
  if (signed_us <= 0) return 0;
  const uint64_t us = std::min(static_cast<uint64_t>(signed_us), kMostUs);
  if (us < kParts) return us;
  const int shift = std::bit_width(us) - 1 - kPartsShift;
  return (static_cast<size_t>(shift) << kPartsShift) + (us >> shift);
}

absl::Duration LatencyHistogram::EndOf(size_t bucket) {
  // Spans are cut to whole microseconds: those of bucket 5 are below 6 µs.
  if (bucket < kParts) {
    return absl::Microseconds(static_cast<int64_t>(bucket) + 1);
  }
  const size_t shift = (bucket >> kPartsShift) - 1;
  const uint64_t part = bucket - (shift << kPartsShift);
  return absl::Microseconds(static_cast<int64_t>((part + 1) << shift));
}

void LatencyHistogram::AddCount(size_t bucket, uint64_t count,
                                absl::Duration longest) {
  counts_[bucket] += count;
  count_ += count;
  longest_ = std::max(longest_, longest);
}

void LatencyHistogram::Merge(const LatencyHistogram& other) {
  for (size_t i = 0; i < kBuckets; ++i)
    counts_[i] += other.counts_[i];
  count_ += other.count_;
  longest_ = std::max(longest_, other.longest_);
}

absl::Duration LatencyHistogram::Quantile(double fraction) const {
  const auto wanted = std::max<uint64_t>(
      static_cast<uint64_t>(std::ceil(fraction * static_cast<double>(count_))),
      1);
  uint64_t below = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    below += counts_[i];
    if (below < wanted) continue;
    // Of the last bucket the end is not known.
    return i + 1 == kBuckets ? longest_ : std::min(EndOf(i), longest_);
  }
  return absl::ZeroDuration();
}

}  // namespace quorate

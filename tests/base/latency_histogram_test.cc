// Quantiles are never too low and at most an eighth too high, of one histogram
// and of the sum of several. Random spans against a twin that keeps all of
// them.

#include "base/latency_histogram.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/random.h"

namespace quorate {
namespace {

// Spread over all magnitudes, with many alike.
absl::Duration RandomSpan(Random* random) {
  if (random->OneIn(10)) return absl::Milliseconds(random->Below(3));
  const auto magnitude = static_cast<int>(random->Below(37));
  return absl::Nanoseconds(
      static_cast<int64_t>(random->Below(uint64_t{1} << magnitude)));
}

TEST(LatencyHistogramTest, BucketsFollowOneAnother) {
  absl::Duration end = absl::ZeroDuration();
  for (size_t i = 0; i + 1 < LatencyHistogram::kBuckets; ++i) {
    // From the end of the one before, to a microsecond before its own.
    ASSERT_EQ(LatencyHistogram::BucketOf(end), i);
    const absl::Duration next = LatencyHistogram::EndOf(i);
    ASSERT_EQ(LatencyHistogram::BucketOf(next - absl::Nanoseconds(1)), i);
    ASSERT_LE(next - end, end / 8 + absl::Microseconds(1));
    end = next;
  }
  EXPECT_EQ(LatencyHistogram::BucketOf(absl::Hours(1'000'000)),
            LatencyHistogram::kBuckets - 1);
  EXPECT_EQ(LatencyHistogram::BucketOf(absl::InfiniteDuration()),
            LatencyHistogram::kBuckets - 1);
  EXPECT_EQ(LatencyHistogram::BucketOf(-absl::Seconds(1)), 0U);
}

TEST(LatencyHistogramTest, SumsHaveTheQuantilesOfAllSpansTogether) {
  const uint64_t seed = SystemRandomId();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  Random random(seed);
  for (int round = 0; round < 200; ++round) {
    std::vector<absl::Duration> all;
    LatencyHistogram sum;
    const uint64_t parts = random.Below(6);
    for (uint64_t part = 0; part < parts; ++part) {
      LatencyHistogram histogram;
      const uint64_t count = random.Below(random.OneIn(3) ? 3 : 400);
      for (uint64_t i = 0; i < count; ++i) {
        const absl::Duration span = RandomSpan(&random);
        histogram.Add(span);
        all.push_back(span);
      }
      sum.Merge(histogram);
    }
    std::sort(all.begin(), all.end());
    ASSERT_EQ(sum.count(), all.size());
    ASSERT_EQ(sum.longest(), all.empty() ? absl::ZeroDuration() : all.back());
    for (const double fraction : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      const absl::Duration said = sum.Quantile(fraction);
      if (all.empty()) {
        ASSERT_EQ(said, absl::ZeroDuration());
        continue;
      }
      const auto rank = static_cast<size_t>(
          std::max(std::ceil(fraction * static_cast<double>(all.size())), 1.0));
      const absl::Duration exact = all[rank - 1];
      ASSERT_GE(said, exact) << fraction;
      ASSERT_LE(said, exact * 1.125 + absl::Microseconds(1)) << fraction;
    }
  }
}

TEST(LatencyHistogramTest, TheLastBucketSaysItsLongest) {
  LatencyHistogram histogram;
  histogram.Add(absl::Minutes(10));
  EXPECT_EQ(histogram.Quantile(0.5), absl::Minutes(10));
}

}  // namespace
}  // namespace quorate

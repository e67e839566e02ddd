// Property: a quantile is at most one part in 64 above the true one, and the
// maximum is exact.
// Method: random latencies of all magnitudes against a sorted list of them.

#include "tests/bench/latency_histogram.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "gtest/gtest.h"

#include "base/random.h"
#include "tests/support/seed.h"

namespace quorate::bench {
namespace {

TEST(LatencyHistogramTest, QuantilesAreCloseToTheSortedList) {
  for (const uint64_t seed : TestSeeds(1, 50)) {
    SCOPED_TRACE(ReplayLine(seed, "latency_histogram_test", "*SortedList"));
    Random random(seed);
    LatencyHistogram histogram;
    std::vector<int64_t> sorted;
    const uint64_t count = random.Between(1, 2000);
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t magnitude = random.Between(0, 39);
      const auto ns =
          static_cast<int64_t>(random.Below((uint64_t{2} << magnitude) - 1));
      histogram.Record(absl::Nanoseconds(ns));
      sorted.push_back(ns);
    }
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(histogram.count(), sorted.size());
    EXPECT_EQ(absl::ToInt64Nanoseconds(histogram.max()), sorted.back());
    for (const double part : {0.001, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      const auto rank = static_cast<size_t>(
          std::ceil(part * static_cast<double>(sorted.size())));
      const int64_t exact = sorted[rank - 1];
      const int64_t got = absl::ToInt64Nanoseconds(histogram.Quantile(part));
      EXPECT_GE(got, exact) << part;
      EXPECT_LE(got, exact + exact / 64) << part;
    }
  }
}

TEST(LatencyHistogramTest, NothingAndTooMuch) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.Quantile(0.5), absl::ZeroDuration());
  histogram.Record(-absl::Seconds(1));
  EXPECT_EQ(histogram.Quantile(1), absl::ZeroDuration());
  histogram.Record(absl::Hours(100));
  EXPECT_GT(histogram.Quantile(1), absl::Minutes(18));
}

}  // namespace
}  // namespace quorate::bench

#include "tests/e2e/failover_report.h"

#include <algorithm>
#include <cstdio>

#include "gtest/gtest.h"

#include "base/clock.h"

namespace quorate::e2e {

void PrintDistribution(std::vector<absl::Duration> gaps) {
  std::sort(gaps.begin(), gaps.end());
  std::printf("time until the next acknowledged checkout, %zu rounds:\n ",
              gaps.size());
  for (const absl::Duration gap : gaps) {
    std::printf(" %.0f", absl::ToDoubleMilliseconds(gap));
  }
  std::printf(" ms\n  min %.0f, median %.0f, max %.0f ms\n",
              absl::ToDoubleMilliseconds(gaps.front()),
              absl::ToDoubleMilliseconds(gaps[gaps.size() / 2]),
              absl::ToDoubleMilliseconds(gaps.back()));
}

void PrintTotals(const WriterTotals& totals) {
  std::printf(
      "acknowledged checkouts %llu, pool empty %llu\n"
      "acknowledged checkouts lost: %llu\n"
      "seats over the total: %llu\n"
      "request ids with two effects: %llu\n"
      "other failures: %llu\n",
      static_cast<unsigned long long>(totals.checkouts),
      static_cast<unsigned long long>(totals.exhausted),
      static_cast<unsigned long long>(totals.lost),
      static_cast<unsigned long long>(totals.over_total),
      static_cast<unsigned long long>(totals.doubled),
      static_cast<unsigned long long>(totals.failures));
}

void ExpectZeros(const WriterTotals& totals) {
  EXPECT_EQ(totals.lost, 0u);
  EXPECT_EQ(totals.over_total, 0u);
  EXPECT_EQ(totals.doubled, 0u);
  EXPECT_EQ(totals.failures, 0u);
  EXPECT_GT(totals.checkouts, 0u);
}

bool WaitForService(const TestCluster& cluster, const std::string& name,
                    absl::Duration limit) {
  const Environment environment =
      cluster.EnvironmentWith(cluster.Member(name).endpoint);
  const absl::Duration end = SystemClock().SinceBoot() + limit;
  while (SystemClock().SinceBoot() < end) {
    // Unlike the status, what is fresh needs a member that has caught up.
    if (cluster.Quorate({"pools"}, environment).exit_code == 0) return true;
  }
  return false;
}

std::string WaitForLeader(const TestCluster& cluster) {
  const absl::Duration end = SystemClock().SinceBoot() + absl::Seconds(30);
  while (SystemClock().SinceBoot() < end) {
    const std::string leader = cluster.Leader();
    if (!leader.empty()) return leader;
  }
  return "";
}

}  // namespace quorate::e2e

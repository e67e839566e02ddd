// Property: killing the leader loses no acknowledged checkout, grants none
// twice, never exceeds a pool, and stops service for a second or two only.
// Method: three real processes, sixteen writers over all of them, kill -9 and
// restart, thirty rounds; then every seat is compared with the cluster's list.

#include <algorithm>
#include <cstdio>
#include <signal.h>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "base/clock.h"
#include "tests/e2e/api.h"
#include "tests/e2e/failover_report.h"
#include "tests/e2e/test_cluster.h"
#include "tests/e2e/writers.h"

namespace quorate::e2e {
namespace {

constexpr int kRounds = 30;
constexpr absl::Duration kLimit = absl::Seconds(15);

TEST(FailoverTest, KillingTheLeaderThirtyTimesLosesNothing) {
  auto cluster = TestCluster::Start();
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  Writers writers(cluster->get());
  ASSERT_TRUE(writers.Start().ok());
  std::vector<absl::Duration> gaps;
  for (int round = 0; round < kRounds; ++round) {
    const std::string leader = WaitForLeader(**cluster);
    ASSERT_FALSE(leader.empty());
    // Load is on before the kill.
    ASSERT_LT(writers.NextAcknowledged(SystemClock().SinceBoot(), kLimit),
              kLimit);
    (*cluster)->Signal(leader, SIGKILL);
    const absl::Duration killed = SystemClock().SinceBoot();
    gaps.push_back(writers.NextAcknowledged(killed, kLimit));
    const absl::Status restarted = (*cluster)->Restart(leader);
    ASSERT_TRUE(restarted.ok()) << restarted;
  }
  writers.Stop();
  Api api((*cluster)->Members()[0].endpoint, (*cluster)->environment());
  const WriterTotals totals = writers.Audit(&api);
  PrintDistribution(gaps);
  PrintTotals(totals);
  ExpectZeros(totals);
  std::sort(gaps.begin(), gaps.end());
  // What step 1 promises on the machine that it is shown on is 1.5 s and 3 s;
  // a loaded machine may be a few times slower.
  EXPECT_LE(gaps[gaps.size() / 2], absl::Seconds(6));
  EXPECT_LT(gaps.back(), kLimit);
}

}  // namespace
}  // namespace quorate::e2e

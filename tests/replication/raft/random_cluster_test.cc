// Property: Raft's Figure 3 holds, majorities of successive configurations
// meet and reads are not stale, whatever network, disks, crashes and changes of
// the membership do; and when they stop, progress comes. Method: one to six
// cores, every step drawn from a seed (random_cluster.h).

#include "tests/replication/raft/random_cluster.h"

#include <cstdint>
#include <cstdio>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "tests/support/seed.h"

namespace quorate::raft {
namespace {

TEST(RandomClusterTest, Figure3HoldsInEveryWeather) {
  uint64_t committed = 0;
  uint64_t configurations = 0;
  uint64_t reads = 0;
  uint64_t crashes = 0;
  uint64_t terms = 0;
  uint64_t installs = 0;
  uint64_t transfers = 0;
  const std::vector<uint64_t> seeds = TestSeeds(1, 200);
  for (const uint64_t seed : seeds) {
    // Printed before, since a broken invariant of the core ends the process.
    std::printf("%s\n", ReplayLine(seed, "random_cluster_test", "*").c_str());
    std::fflush(stdout);
    RandomCluster cluster(seed);
    cluster.Storm(6000);
    EXPECT_TRUE(cluster.checker().complaints().empty())
        << cluster.checker().complaints().front();
    EXPECT_TRUE(cluster.Calm()) << "no progress after the storm\n"
                                << cluster.Portrait();
    EXPECT_TRUE(cluster.checker().complaints().empty());
    if (testing::Test::HasFailure()) return;
    committed += cluster.checker().committed().value();
    configurations += cluster.checker().configurations();
    reads += cluster.checker().reads_answered();
    crashes += cluster.crashes();
    terms += cluster.checker().terms_led();
    installs += cluster.installs();
    transfers += cluster.transfers();
  }
  // The weather must not be so bad that nothing happens.
  std::printf("%s\n",
              absl::StrCat(committed, " committed, ", configurations,
                           " configurations, ", installs, " installed, ", reads,
                           " reads, ", crashes, " crashes, ", transfers,
                           " transfers, ", terms, " terms with a leader")
                  .c_str());
  EXPECT_GT(committed, 20 * seeds.size());
  EXPECT_GT(reads, seeds.size());
  EXPECT_GT(terms, 3 * seeds.size());
  EXPECT_GT(configurations, 3 * seeds.size());
  EXPECT_GT(2 * installs, seeds.size());
}

}  // namespace
}  // namespace quorate::raft

// A seed gives the same numbers everywhere, ranges are kept and covered, and
// the system's identities differ. Known values and counts of many draws.

#include "base/random.h"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace quorate {
namespace {

// From the reference program of SplitMix64 with seed 1234567.
TEST(RandomTest, GivesTheReferenceNumbers) {
  Random random(1234567);
  EXPECT_EQ(random.Next(), 6457827717110365317u);
  EXPECT_EQ(random.Next(), 3203168211198807973u);
  EXPECT_EQ(random.Next(), 9817491932198370423u);
}

TEST(RandomTest, CoversARangeAndNothingElse) {
  Random random(3);
  std::vector<int> counts(7, 0);
  constexpr int kDraws = 7'000;
  for (int i = 0; i < kDraws; ++i) {
    const uint64_t number = random.Between(10, 16);
    ASSERT_GE(number, 10u);
    ASSERT_LE(number, 16u);
    ++counts[number - 10];
  }
  // Each is expected 1000 times; 8 standard deviations are about 235.
  for (const int count : counts) {
    EXPECT_GT(count, 765);
    EXPECT_LT(count, 1235);
  }
}

TEST(RandomTest, KeepsTheEdges) {
  Random random(5);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(random.Below(1), 0u);
    EXPECT_EQ(random.Between(9, 9), 9u);
    EXPECT_TRUE(random.OneIn(1));
    EXPECT_FALSE(random.Chance(0, 10));
    EXPECT_TRUE(random.Chance(10, 10));
  }
}

TEST(SystemRandomTest, GivesDifferentBytesAndIds) {
  std::set<std::string> seen;
  std::set<uint64_t> ids;
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_TRUE(seen.insert(SystemRandomBytes(16)).second);
    EXPECT_TRUE(ids.insert(SystemRandomId()).second);
  }
  EXPECT_EQ(ids.count(0), 0u);
  EXPECT_EQ(SystemRandomBytes(0), "");
  // More than getrandom gives in one piece after a signal.
  EXPECT_EQ(SystemRandomBytes(100'000).size(), 100'000u);
}

}  // namespace
}  // namespace quorate

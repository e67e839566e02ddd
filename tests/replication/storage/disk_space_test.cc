// A disk that fills up and empties leads through the states once each way, and
// the reserve is there or given back as they say. The policy is fed numbers;
// the reserve is a real file.

#include "replication/storage/disk_space.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/random.h"
#include "tests/support/seed.h"

namespace quorate::replication {
namespace {

constexpr DiskLimits kLimits = {.low_bytes = 1000,
                                .recover_bytes = 1250,
                                .last_bytes = 250,
                                .reserve_bytes = 200};

TEST(DiskPolicyTest, AFillingDiskLosesNewWorkFirstThenTheReserve) {
  DiskPolicy policy(kLimits, true);
  EXPECT_EQ(policy.Update(5000), DiskState::kPlenty);
  EXPECT_EQ(policy.Update(1000), DiskState::kPlenty);
  EXPECT_EQ(policy.Update(999), DiskState::kLow);
  EXPECT_EQ(policy.Update(250), DiskState::kLow);
  EXPECT_EQ(policy.Update(249), DiskState::kReserve);
  // The reserve is free now, which is no recovery.
  EXPECT_EQ(policy.Update(449), DiskState::kReserve);
}

TEST(DiskPolicyTest, AStateIsLeftOnlyWhenThereIsClearlyMore) {
  DiskPolicy policy(kLimits, true);
  policy.Update(999);
  EXPECT_EQ(policy.Update(1249), DiskState::kLow);
  EXPECT_EQ(policy.Update(1250), DiskState::kPlenty);
  policy.Update(100);
  EXPECT_EQ(policy.Update(1199), DiskState::kReserve);
  EXPECT_EQ(policy.Update(1200), DiskState::kLow);
  policy.Update(100);
  EXPECT_EQ(policy.Update(1450), DiskState::kPlenty);
}

TEST(DiskPolicyTest, AStartWithoutTheReserveLooksFirst) {
  EXPECT_EQ(DiskPolicy(kLimits, false).Update(100), DiskState::kReserve);
  EXPECT_EQ(DiskPolicy(kLimits, false).Update(1300), DiskState::kLow);
  EXPECT_EQ(DiskPolicy(kLimits, false).Update(5000), DiskState::kPlenty);
}

// Whatever the readings: no new work below the low mark, and nothing wavers
// between two readings that are close to each other.
TEST(DiskPolicyTest, BelowTheMarksThereIsNeverNewWork) {
  for (const uint64_t seed : TestSeeds(1, 200)) {
    SCOPED_TRACE(ReplayLine(seed, "disk_space_test", "*NewWork"));
    Random random(seed);
    DiskPolicy policy(kLimits, random.OneIn(2));
    for (int step = 0; step < 200; ++step) {
      const uint64_t free = random.Below(2000);
      const DiskState state = policy.Update(free);
      if (free < kLimits.low_bytes) EXPECT_NE(state, DiskState::kPlenty);
      if (free < kLimits.last_bytes) EXPECT_EQ(state, DiskState::kReserve);
      if (free >= kLimits.recover_bytes + kLimits.reserve_bytes) {
        EXPECT_EQ(state, DiskState::kPlenty);
      }
    }
  }
}

TEST(DiskLimitsTest, LimitsFitDisksOfEverySize) {
  for (uint64_t total = 1 << 20; total < uint64_t{1} << 45; total *= 3) {
    const DiskLimits limits = DefaultDiskLimits(total);
    EXPECT_LE(limits.low_bytes, total / 4);
    EXPECT_LT(limits.low_bytes, limits.recover_bytes);
    EXPECT_LE(limits.last_bytes, limits.low_bytes);
    EXPECT_LE(limits.reserve_bytes, uint64_t{256} << 20);
    EXPECT_GT(limits.reserve_bytes, 0u);
  }
}

class DiskWatchTest : public testing::Test {
 protected:
  DiskWatchTest() { std::filesystem::create_directories(folder_); }

  ~DiskWatchTest() override { std::filesystem::remove_all(folder_); }

  bool Held() const {
    return std::filesystem::exists(folder_ + "/reserve") &&
           std::filesystem::file_size(folder_ + "/reserve") == 200;
  }

  const std::string folder_ =
      absl::StrCat(testing::TempDir(), "/quorate_disk_", SystemRandomId());
};

TEST_F(DiskWatchTest, TheReserveIsHeldLetGoAndHeldAgain) {
  absl::StatusOr<DiskUsage> usage = DiskUsage{.free_bytes = 5000};
  DiskWatch watch(folder_, kLimits,
                  [&usage](const std::string&) { return usage; });
  EXPECT_EQ(watch.Check(), DiskState::kPlenty);
  EXPECT_TRUE(Held());
  usage->free_bytes = 500;
  EXPECT_EQ(watch.Check(), DiskState::kLow);
  EXPECT_TRUE(Held());
  usage->free_bytes = 10;
  EXPECT_EQ(watch.Check(), DiskState::kReserve);
  EXPECT_FALSE(Held());
  usage = absl::UnavailableError("no answer");
  EXPECT_EQ(watch.Check(), DiskState::kReserve);
  usage = DiskUsage{.free_bytes = 5000};
  EXPECT_EQ(watch.Check(), DiskState::kPlenty);
  EXPECT_TRUE(Held());
}

TEST_F(DiskWatchTest, ARealDiskSaysHowMuchIsFree) {
  const auto usage = ReadStatvfs(folder_);
  ASSERT_TRUE(usage.ok()) << usage.status();
  EXPECT_GT(usage->total_bytes, 0u);
  EXPECT_LE(usage->free_bytes, usage->total_bytes);
  EXPECT_FALSE(ReadStatvfs(folder_ + "/missing").ok());
}

TEST_F(DiskWatchTest, AReserveWithoutRoomIsNotHalfThere) {
  // More than any disk has.
  ReserveFile reserve(folder_ + "/reserve", uint64_t{1} << 60);
  EXPECT_FALSE(reserve.Hold().ok());
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/reserve"));
  EXPECT_EQ(reserve.LetGo(), absl::OkStatus());
}

}  // namespace
}  // namespace quorate::replication

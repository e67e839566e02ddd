// A member waits for room before it opens its data, and says so once; and its
// buffers fit its disk. A disk of the test's numbers in place of the system's.

#include "server/disk_room.h"

#include <filesystem>
#include <string>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace quorate::server {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

class DiskRoomTest : public testing::Test {
 protected:
  DiskRoomTest() {
    config_.data_dir = absl::StrCat(testing::TempDir(), "disk_room_", getpid());
    std::filesystem::remove_all(config_.data_dir);
    std::filesystem::create_directories(config_.data_dir);
  }

  ~DiskRoomTest() override { std::filesystem::remove_all(config_.data_dir); }

  DiskRoom Make() {
    return {config_, [this](const std::string&) {
              return replication::DiskUsage{.free_bytes = free_,
                                            .total_bytes = total_};
            }};
  }

  // Each pause gives this much back; how often it was waited is counted.
  DiskRoom::Pause Freeing(uint64_t bytes) {
    return [this, bytes](absl::Duration) {
      ++pauses_;
      free_ += bytes;
      return pauses_ < 100;
    };
  }

  Config config_;
  uint64_t total_ = 64 * kMiB;
  uint64_t free_ = 60 * kMiB;
  int pauses_ = 0;
};

TEST_F(DiskRoomTest, OpensAtOnceWhereThereIsRoom) {
  DiskRoom room = Make();
  EXPECT_TRUE(room.WaitForRoom(Freeing(0)));
  EXPECT_EQ(pauses_, 0);
  EXPECT_FALSE(room.IsLow());
}

TEST_F(DiskRoomTest, WaitsUntilThereIsRoom) {
  free_ = 0;
  DiskRoom room = Make();
  EXPECT_TRUE(room.WaitForRoom(Freeing(kMiB)));
  EXPECT_EQ(pauses_, 4);  // A sixteenth of 64 MiB.
  EXPECT_TRUE(room.IsLow());
}

TEST_F(DiskRoomTest, GivesUpWhenItIsToEnd) {
  free_ = 0;
  DiskRoom room = Make();
  EXPECT_FALSE(room.WaitForRoom(Freeing(0)));
  EXPECT_EQ(pauses_, 100);
}

TEST_F(DiskRoomTest, WantsMoreThanWasTooLittle) {
  free_ = 5 * kMiB;
  DiskRoom room = Make();
  EXPECT_TRUE(room.WaitForRoom(Freeing(kMiB)));
  EXPECT_EQ(pauses_, 0);
  room.WantMore();
  EXPECT_TRUE(room.WaitForRoom(Freeing(kMiB)));
  EXPECT_EQ(pauses_, 4);
}

TEST_F(DiskRoomTest, TheReserveCountsAsRoomAndIsLetGo) {
  DiskRoom before = Make();
  EXPECT_FALSE(before.IsLow());  // Makes the reserve.
  const std::string reserve = config_.data_dir + "/reserve";
  ASSERT_TRUE(std::filesystem::exists(reserve));
  free_ = 0;
  DiskRoom room = Make();
  EXPECT_TRUE(room.WaitForRoom(Freeing(0)));
  EXPECT_EQ(pauses_, 0);
  EXPECT_FALSE(std::filesystem::exists(reserve));
}

TEST_F(DiskRoomTest, BuffersFitTheDisk) {
  EXPECT_EQ(Make().Buffers().log_bytes, kMiB / 2);
  EXPECT_EQ(Make().Buffers().state_bytes, kMiB);
  total_ = 1024 * 1024 * kMiB;
  EXPECT_EQ(Make().Buffers().log_bytes, 8 * kMiB);
  EXPECT_EQ(Make().Buffers().state_bytes, 32 * kMiB);
}

TEST_F(DiskRoomTest, ASmallDiskHasRoomForASnapshot) {
  EXPECT_LT(Make().LeastFreeBytes(), 10 * kMiB);
  config_.disk_low_mib = 4096;
  EXPECT_EQ(Make().LeastFreeBytes(), 1024 * kMiB);
}

TEST_F(DiskRoomTest, TheConfigurationMaySayWhatIsLow) {
  config_.disk_low_mib = 40;
  free_ = 39 * kMiB;
  DiskRoom room = Make();
  EXPECT_TRUE(room.IsLow());
}

}  // namespace
}  // namespace quorate::server

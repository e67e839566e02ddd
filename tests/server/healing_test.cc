// A member whose data is not to be used stays down where it may not, or cannot,
// come back by itself, and where it did so too often. Real folders; nothing is
// asked of other members here (e2e_bit_flip_test does that).

#include "server/healing.h"

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/random.h"
#include "server/quarantine.h"

namespace quorate::server {
namespace {

namespace fs = std::filesystem;

class HealingTest : public testing::Test {
 protected:
  HealingTest() {
    config_.data_dir =
        absl::StrCat(testing::TempDir(), "healing_", SystemRandomId());
    config_.members.resize(3);
    PutData();
  }

  ~HealingTest() override { fs::remove_all(config_.data_dir); }

  void PutData() const {
    fs::create_directories(absl::StrCat(config_.data_dir, "/raft"));
  }

  // What it says, where it is not to wait for anything.
  std::string StaysDown() {
    const absl::Status status =
        HealMember(config_, MemberFiles(), absl::DataLossError("damaged"),
                   SystemClock(), [](absl::Duration) { return false; });
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_TRUE(fs::exists(absl::StrCat(config_.data_dir, "/raft")));
    return std::string(status.message());
  }

  Config config_;
};

TEST_F(HealingTest, WhereItIsTurnedOff) {
  config_.heal = false;
  EXPECT_NE(StaysDown().find("storage.heal"), std::string::npos);
}

TEST_F(HealingTest, WhereNobodyElseHasTheData) {
  config_.members.resize(1);
  EXPECT_NE(StaysDown().find("no other member"), std::string::npos);
}

TEST_F(HealingTest, TheThirdTimeInTenMinutes) {
  const absl::Time now = SystemClock().Calendar();
  for (int time = 1; time < kMostQuarantines; ++time) {
    ASSERT_TRUE(QuarantineMember(config_.data_dir, now).ok());
    PutData();
  }
  EXPECT_NE(StaysDown().find("ten minutes"), std::string::npos);
}

TEST_F(HealingTest, NeededForDamageAndForAnInterruptedHealing) {
  EXPECT_TRUE(NeedsHealing(config_, absl::DataLossError("damaged")));
  EXPECT_FALSE(NeedsHealing(config_, absl::UnavailableError("in use")));
  EXPECT_FALSE(NeedsHealing(config_, absl::NotFoundError("never made")));
  ASSERT_TRUE(
      QuarantineMember(config_.data_dir, SystemClock().Calendar()).ok());
  EXPECT_TRUE(NeedsHealing(config_, absl::NotFoundError("put aside")));
}

}  // namespace
}  // namespace quorate::server

// Property: a leader whose disk hangs hands leadership over within about an
// election timeout, a follower whose disk hangs is in nobody's way, and both
// are as before when it hangs no more; nothing is lost. Method: real members
// under load whose syncs wait for a lock that the test takes and lets go.

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <map>
#include <memory>
#include <string>
#include <sys/file.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/check.h"
#include "base/clock.h"
#include "tests/e2e/api.h"
#include "tests/e2e/failover_report.h"
#include "tests/e2e/supervised_member.h"
#include "tests/e2e/test_cluster.h"
#include "tests/e2e/writers.h"

namespace quorate::e2e {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(60);

// server/exit_code.h
constexpr int kExitDisk = 70;

// Far more than a leader bears, far less than what makes calls fail.
constexpr absl::Duration kHangs = absl::Seconds(5);

// A leader steps down after three seconds whatever the others do; here it hands
// over after half a second.
constexpr absl::Duration kStepsDown = absl::Milliseconds(2500);

class HangingDiskTest : public testing::Test {
 protected:
  void SetUp() override {
    auto cluster = TestCluster::Start();
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = *std::move(cluster);
    for (const TestMember& member : cluster_->Members()) {
      const std::string path =
          absl::StrCat(cluster_->dir(), "/", member.name, "/hang");
      locks_[member.name] =
          open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
      ASSERT_GE(locks_[member.name], 0);
      members_[member.name] = std::make_unique<SupervisedMember>(
          cluster_.get(), member.name,
          Environment{{"LD_PRELOAD", QUORATE_HANGING_DISK},
                      {"QUORATE_TEST_HANG", path}});
    }
    for (const auto& [name, member] : members_) {
      ASSERT_TRUE(WaitForService(*cluster_, name, kLimit)) << name;
    }
    writers_ = std::make_unique<Writers>(cluster_.get());
    ASSERT_TRUE(writers_->Start().ok());
    AwaitCheckout();
  }

  ~HangingDiskTest() override {
    for (const auto& [name, file] : locks_)
      close(file);
  }

  void SetHangs(const std::string& name, bool hangs) {
    QUORATE_CHECK(flock(locks_[name], hangs ? LOCK_EX : LOCK_UN) == 0);
  }

  // The time until one that begins now is acknowledged.
  absl::Duration AwaitCheckout() {
    const absl::Duration gap =
        writers_->NextAcknowledged(SystemClock().SinceBoot(), kLimit);
    EXPECT_LT(gap, kLimit);
    return gap;
  }

  // The longest of all gaps until `end`.
  absl::Duration LongestGapUntil(absl::Duration end) {
    absl::Duration longest;
    while (SystemClock().SinceBoot() < end) {
      longest = std::max(longest, AwaitCheckout());
    }
    return longest;
  }

  void ExpectNothingLost(const std::string& started_again = "") {
    writers_->Stop();
    Api api(cluster_->Members()[0].endpoint, cluster_->environment());
    const WriterTotals totals = writers_->Audit(&api);
    PrintTotals(totals);
    ExpectZeros(totals);
    for (const auto& [name, member] : members_)
      EXPECT_EQ(member->starts(), name == started_again ? 2 : 1) << name;
  }

  std::unique_ptr<TestCluster> cluster_;
  std::map<std::string, int> locks_;
  std::map<std::string, std::unique_ptr<SupervisedMember>> members_;
  std::unique_ptr<Writers> writers_;
};

TEST_F(HangingDiskTest, TheLeaderHandsOver) {
  const std::string leader = WaitForLeader(*cluster_);
  const absl::Duration began = SystemClock().SinceBoot();
  SetHangs(leader, true);
  std::string next = leader;
  while ((next == leader || next.empty()) &&
         SystemClock().SinceBoot() < began + kHangs) {
    next = cluster_->Leader();
  }
  const absl::Duration moved = SystemClock().SinceBoot() - began;
  EXPECT_NE(next, leader);
  EXPECT_LT(moved, kStepsDown);
  const absl::Duration longest = LongestGapUntil(began + kHangs);
  EXPECT_EQ(cluster_->Leader(), next);
  SetHangs(leader, false);
  std::printf(
      "%s led and hung; %s was seen to lead after %.0f ms; longest gap then "
      "%.0f ms\n",
      leader.c_str(), next.c_str(), absl::ToDoubleMilliseconds(moved),
      absl::ToDoubleMilliseconds(longest));
  AwaitCheckout();
  ExpectNothingLost();
}

TEST_F(HangingDiskTest, AFollowerIsInNobodysWay) {
  const std::string leader = WaitForLeader(*cluster_);
  const std::string follower = leader == "m1" ? "m2" : "m1";
  const absl::Duration began = SystemClock().SinceBoot();
  SetHangs(follower, true);
  const absl::Duration longest = LongestGapUntil(began + kHangs);
  EXPECT_EQ(cluster_->Leader(), leader);
  SetHangs(follower, false);
  std::printf("%s hung; longest gap %.0f ms\n", follower.c_str(),
              absl::ToDoubleMilliseconds(longest));
  AwaitCheckout();
  ExpectNothingLost();
}

// A stop waits for the thread that writes the log, which waits for the disk.
TEST_F(HangingDiskTest, AStopEndsAllTheSame) {
  const std::string leader = WaitForLeader(*cluster_);
  const std::string follower = leader == "m1" ? "m2" : "m1";
  SupervisedMember& member = *members_[follower];
  member.Hold(true);
  SetHangs(follower, true);
  AwaitCheckout();
  member.Signal(SIGTERM);
  EXPECT_TRUE(member.AwaitExits(1, 2 * kLimit));
  EXPECT_THAT(member.exits(), testing::ElementsAre(kExitDisk));
  SetHangs(follower, false);
  member.Hold(false);
  ASSERT_TRUE(WaitForService(*cluster_, follower, kLimit));
  AwaitCheckout();
  ExpectNothingLost(follower);
}

}  // namespace
}  // namespace quorate::e2e

// Damaged data is put aside whole, and the folders of before stay few. Real
// folders with a file in each.

#include "server/quarantine.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/random.h"

namespace quorate::server {
namespace {

namespace fs = std::filesystem;

class QuarantineTest : public testing::Test {
 protected:
  QuarantineTest() { fs::create_directories(root_); }

  ~QuarantineTest() override { fs::remove_all(root_); }

  void Put(const std::string& folder, const std::string& text) {
    fs::create_directories(root_ / folder);
    std::ofstream(root_ / folder / "file") << text;
  }

  int Quarantines() const {
    int count = 0;
    for (const auto& item : fs::directory_iterator(root_)) {
      if (absl::StartsWith(item.path().filename().string(), "quarantine-")) {
        ++count;
      }
    }
    return count;
  }

  const fs::path root_ = fs::path(testing::TempDir()) /
                         absl::StrCat("quorate_quarantine_", SystemRandomId());
  const absl::Time now_ = absl::FromUnixSeconds(1'767'225'600);
};

TEST_F(QuarantineTest, AllDataIsMovedAndNothingElse) {
  for (const char* name : {"raft", "state", "snapshots"}) {
    Put(name, name);
  }
  Put("certificates", "kept");
  const auto folder = QuarantineMember(root_.string(), now_);
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_EQ(*folder, (root_ / "quarantine-20260101T000000Z-1").string());
  for (const char* name : {"raft", "state", "snapshots"}) {
    EXPECT_FALSE(fs::exists(root_ / name)) << name;
    EXPECT_TRUE(fs::exists(fs::path(*folder) / name / "file")) << name;
  }
  EXPECT_TRUE(fs::exists(root_ / "certificates" / "file"));
}

TEST_F(QuarantineTest, WhatIsMissingIsPassedOver) {
  Put("raft", "log");
  EXPECT_TRUE(QuarantineMember(root_.string(), now_).ok());
  EXPECT_TRUE(
      absl::IsNotFound(QuarantineMember(root_.string(), now_).status()));
  EXPECT_EQ(Quarantines(), 1);
}

TEST_F(QuarantineTest, OnlyTheLastTwoAreKept) {
  std::string last;
  for (int round = 0; round < 5; ++round) {
    Put("raft", absl::StrCat(round));
    // Two in each second.
    const auto folder =
        QuarantineMember(root_.string(), now_ + absl::Seconds(round / 2));
    ASSERT_TRUE(folder.ok()) << folder.status();
    EXPECT_LE(Quarantines(), 2);
    last = *folder;
  }
  std::ifstream file(fs::path(last) / "raft" / "file");
  std::string text;
  file >> text;
  EXPECT_EQ(text, "4");
}

TEST_F(QuarantineTest, CountsThoseOfLate) {
  const absl::Time first = absl::FromUnixSeconds(1'800'000'000);
  for (int minute = 0; minute < 2; ++minute) {
    Put("raft", "x");
    ASSERT_TRUE(
        QuarantineMember(root_.string(), first + absl::Minutes(minute)).ok());
  }
  const auto since = [&](absl::Time time) {
    return QuarantinesSince(root_.string(), time);
  };
  EXPECT_EQ(since(absl::InfinitePast()), 2);
  EXPECT_EQ(since(first), 1);
  EXPECT_EQ(since(first + absl::Minutes(5)), 0);
  EXPECT_EQ(QuarantinesSince("/nowhere", absl::InfinitePast()), 0);
}

}  // namespace
}  // namespace quorate::server

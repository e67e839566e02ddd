// A member is made neither over another nor among things that are not a
// member's, and one that heals itself is not held up by those. Real folders.

#include "server/member_folder.h"

#include <filesystem>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/random.h"

namespace quorate::server {
namespace {

namespace fs = std::filesystem;

class MemberFolderTest : public testing::Test {
 protected:
  ~MemberFolderTest() override { fs::remove_all(root_); }

  void Make(const std::string& name) { fs::create_directories(root_ / name); }

  std::string Refusal() const {
    const absl::Status status = CheckIsFree(root_.string(), "init");
    EXPECT_EQ(status.ok(), !absl::IsAlreadyExists(status)) << status;
    return std::string(status.message());
  }

  const fs::path root_ =
      fs::path(testing::TempDir()) /
      absl::StrCat("quorate_member_folder_", SystemRandomId());
};

TEST_F(MemberFolderTest, NothingIsFree) {
  EXPECT_FALSE(HoldsMember(root_.string()));
  EXPECT_EQ(Refusal(), "");
  Make(".");
  EXPECT_FALSE(HoldsMember(root_.string()));
  EXPECT_EQ(Refusal(), "");
}

TEST_F(MemberFolderTest, EachPartOfAMemberIsAMember) {
  for (const char* name : kMemberFolders) {
    Make(name);
    EXPECT_TRUE(HoldsMember(root_.string())) << name;
    EXPECT_TRUE(absl::StrContains(Refusal(), "never overwrites")) << name;
    fs::remove_all(root_ / name);
  }
}

TEST_F(MemberFolderTest, WhatAMemberLeavesAndADiskBringsIsNoMember) {
  for (const char* name : {"reserve", "raft.unfinished", "logs", "lost+found",
                           "quarantine-20260101T000000Z-1"}) {
    Make(name);
    EXPECT_FALSE(HoldsMember(root_.string())) << name;
    EXPECT_EQ(Refusal(), "") << name;
  }
}

TEST_F(MemberFolderTest, AmongOtherThingsNoneIsMade) {
  Make("lost+found");
  Make("thesis");
  EXPECT_TRUE(absl::StrContains(Refusal(), "there is thesis")) << Refusal();
  EXPECT_FALSE(HoldsMember(root_.string()));
}

TEST_F(MemberFolderTest, WhereOneWasOtherThingsAreInNobodysWay) {
  Make("thesis");
  Make("quarantine-20260101T000000Z-1");
  EXPECT_EQ(Refusal(), "");
  Make("raft");
  EXPECT_NE(Refusal(), "");
}

}  // namespace
}  // namespace quorate::server

// A data directory is made once, opened by its own member, and by nobody else.
// Real databases in a folder of the test.

#include "server/member_stores.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace quorate::server {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Config ConfigOf(const std::string& name) {
  Config config;
  config.cluster_id = "0123456789abcdef0123456789abcdef";
  config.members = {{raft::MemberId(7), "m1", "h1:1", "h1:2"},
                    {raft::MemberId(8), "m2", "h2:1", "h2:2"},
                    {raft::MemberId(9), "m3", "h3:1", "h3:2"}};
  config.self = config.members[0];
  config.data_dir =
      absl::StrCat(testing::TempDir(), "member_stores_", getpid(), "_", name);
  std::filesystem::remove_all(config.data_dir);
  return config;
}

TEST(MemberStoresTest, OpensWhatWasMade) {
  const Config config = ConfigOf("opens");
  ASSERT_TRUE(InitMember(config).ok());
  const auto stores = OpenMember(config);
  ASSERT_TRUE(stores.ok()) << stores.status();
  EXPECT_EQ(stores->log->identity().member_id, raft::MemberId(7));
  EXPECT_EQ(stores->log->LastIndex(), raft::Index(1));
  const auto configurations = stores->log->RestoredConfigurations();
  ASSERT_EQ(configurations.size(), 1U);
  EXPECT_EQ(configurations[0].configuration->addresses, config.members);
  EXPECT_EQ(stores->replica->AppliedIndex(), raft::Index(0));
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(config.data_dir).permissions() &
                (perms::group_all | perms::others_all),
            perms::none);
}

TEST(MemberStoresTest, NeverOverwrites) {
  const Config config = ConfigOf("twice");
  ASSERT_TRUE(InitMember(config).ok());
  const absl::Status again = InitMember(config);
  EXPECT_EQ(again.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(again.message()), HasSubstr("`quorated run`"));
  const Config other = ConfigOf("foreign_files");
  std::filesystem::create_directories(other.data_dir);
  std::ofstream(other.data_dir + "/thesis.txt") << "x";
  EXPECT_EQ(InitMember(other).code(), absl::StatusCode::kAlreadyExists);
}

TEST(MemberStoresTest, SaysWhatToDoWithoutADirectory) {
  const auto stores = OpenMember(ConfigOf("missing"));
  EXPECT_EQ(stores.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(
      std::string(stores.status().message()),
      AllOf(HasSubstr("`quorated rejoin`"), HasSubstr("`quorated join`"),
            HasSubstr("`quorated init`")));
}

TEST(MemberStoresTest, RefusesAnotherMembersDirectory) {
  Config config = ConfigOf("members");
  ASSERT_TRUE(InitMember(config).ok());
  config.self = config.members[1];
  const auto stores = OpenMember(config);
  EXPECT_EQ(stores.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(stores.status().message()),
              HasSubstr("it is m1's, and the configuration is m2's"));
}

TEST(MemberStoresTest, ADirectoryIsOfANameAndItsIdIsItsOwn) {
  Config config = ConfigOf("again");
  raft::Configuration members;
  members.membership.voters = {config.members[1].id};
  members.membership.learners = {raft::MemberId(99)};
  members.addresses = {config.members[1], config.members[0]};
  members.addresses[1].id = raft::MemberId(99);
  ASSERT_TRUE(MakeJoiningMember(config, raft::MemberId(99), members).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(
      MakeJoiningMember(config, raft::MemberId(98), members)));
  const auto stores = OpenMember(config);
  ASSERT_TRUE(stores.ok()) << stores.status();
  EXPECT_EQ(stores->log->identity().member_id, raft::MemberId(99));
}

TEST(MemberStoresTest, RefusesAnotherClustersDirectory) {
  Config config = ConfigOf("clusters");
  ASSERT_TRUE(InitMember(config).ok());
  config.cluster_id = "ffffffffffffffffffffffffffffffff";
  EXPECT_EQ(OpenMember(config).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace quorate::server

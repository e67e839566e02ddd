// The log says once that a member is not heard and once that it is again, also
// of one that never was. By statuses made by hand.

#include "replication/node/contact_log.h"

#include "gtest/gtest.h"

namespace quorate::replication {
namespace {

constexpr absl::Duration kNow = absl::Hours(1);

NodeStatus Heard(absl::Duration age) {
  NodeStatus status;
  status.contacts = {{.id = raft::MemberId(3), .age = age}};
  return status;
}

TEST(ContactLogTest, SaysOnceThatAMemberIsLostAndBack) {
  ContactLog log;
  const absl::Duration most = ContactLog::kSilence - absl::Milliseconds(1);
  EXPECT_TRUE(log.Follow(Heard(absl::ZeroDuration()), kNow).empty());
  EXPECT_TRUE(log.Follow(Heard(most), kNow + absl::Seconds(20)).empty());
  const auto lost =
      log.Follow(Heard(ContactLog::kSilence), kNow + absl::Seconds(21));
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_TRUE(lost[0].lost);
  EXPECT_EQ(lost[0].member, raft::MemberId(3));
  EXPECT_TRUE(
      log.Follow(Heard(absl::Seconds(9)), kNow + absl::Seconds(25)).empty());
  const auto back =
      log.Follow(Heard(absl::ZeroDuration()), kNow + absl::Seconds(26));
  ASSERT_EQ(back.size(), 1U);
  EXPECT_FALSE(back[0].lost);
  EXPECT_TRUE(log.Follow(Heard(most), kNow + absl::Seconds(30)).empty());
}

TEST(ContactLogTest, OneThatWasNeverHeardCountsFromTheStart) {
  ContactLog log;
  const NodeStatus never = Heard(absl::InfiniteDuration());
  EXPECT_TRUE(log.Follow(never, kNow).empty());
  EXPECT_TRUE(
      log.Follow(never, kNow + ContactLog::kSilence - absl::Milliseconds(1))
          .empty());
  EXPECT_EQ(log.Follow(never, kNow + ContactLog::kSilence).size(), 1U);
}

TEST(ContactLogTest, OneThatIsNoMemberAnyMoreIsForgotten) {
  ContactLog log;
  const NodeStatus silent = Heard(absl::Seconds(30));
  log.Follow(silent, kNow);
  EXPECT_EQ(log.Follow(silent, kNow + absl::Seconds(30)).size(), 1U);
  EXPECT_TRUE(log.Follow(NodeStatus(), kNow + absl::Seconds(31)).empty());
  EXPECT_EQ(log.Follow(silent, kNow + absl::Seconds(32)).size(), 1U);
}

}  // namespace
}  // namespace quorate::replication

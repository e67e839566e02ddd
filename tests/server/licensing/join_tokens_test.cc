// A join token lets one machine in, once, under one name, until its time is
// over; on every member alike. By commands at chosen times, and by restoring
// the table from its records after each.

#include "server/licensing/join_tokens.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;
using internal::v1::UseJoinToken;

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kNow = 1'000'000;

class JoinTokensTest : public testing::Test {
 protected:
  static std::string Id(int number) {
    const std::string digits = absl::StrCat(number);
    return std::string(16 - digits.size(), '0') + digits;
  }

  static Command CreateCommand(int number) {
    Command command;
    command.set_request_id(absl::StrCat("r", number));
    command.set_principal("admin");
    command.set_not_after_cluster_ms(kNow + 30'000);
    auto* body = command.mutable_create_join_token();
    body->set_token_id(Id(number));
    body->set_secret_sha256(std::string(32, 's'));
    body->set_name("m4");
    body->set_replaces_id(7);
    body->set_ttl_ms(kHourMs);
    body->set_stay_learner(true);
    return command;
  }

  static UseJoinToken UseOf(int number) {
    UseJoinToken use;
    use.set_token_id(Id(number));
    use.set_secret_sha256(std::string(32, 's'));
    use.set_name("m4");
    use.set_keys_sha256(std::string(32, 'k'));
    use.set_member_id(44);
    return use;
  }

  // Applies, writes the records, and goes on with a table made of them.
  JoinTokenAnswer Apply(const Command& command, int64_t now_ms = kNow) {
    JoinTokens::Changes changes;
    tokens_.MoveTime(now_ms, &changes);
    JoinTokenAnswer answer = tokens_.Apply(command, now_ms, &changes);
    Save(changes);
    return answer;
  }

  void Save(const JoinTokens::Changes& changes) {
    for (const RecordChange& change : changes) {
      EXPECT_TRUE(JoinTokens::HasKey(change.key));
      if (change.value.has_value()) {
        records_[change.key] = *change.value;
      } else {
        EXPECT_EQ(records_.erase(change.key), 1U);
      }
    }
    JoinTokens restored;
    for (const auto& [key, value] : records_) {
      EXPECT_TRUE(restored.RestoreRecord(key, value).ok());
    }
    EXPECT_EQ(restored.size(), tokens_.size());
    tokens_ = std::move(restored);
  }

  JoinTokenAnswer Use(const UseJoinToken& use, int64_t now_ms = kNow) {
    Command command;
    *command.mutable_use_join_token() = use;
    return Apply(command, now_ms);
  }

  JoinTokens tokens_;
  std::map<std::string, std::string> records_;
};

TEST_F(JoinTokensTest, LetsOneMachineInAndItsRepeats) {
  ASSERT_TRUE(Apply(CreateCommand(1)).answer.ok());
  const JoinTokenAnswer first = Use(UseOf(1));
  ASSERT_TRUE(first.answer.ok());
  EXPECT_FALSE(first.answer.repeated);
  EXPECT_EQ(first.grant.name, "m4");
  EXPECT_EQ(first.grant.replaces_id, 7U);
  EXPECT_TRUE(first.grant.stay_learner);
  const JoinTokenAnswer again = Use(UseOf(1));
  ASSERT_TRUE(again.answer.ok());
  EXPECT_TRUE(again.answer.repeated);
  EXPECT_EQ(again.grant.name, "m4");
  UseJoinToken other_keys = UseOf(1);
  other_keys.set_keys_sha256(std::string(32, 'x'));
  EXPECT_EQ(Use(other_keys).answer.reason,
            type::v1::ERROR_REASON_JOIN_TOKEN_USED);
  UseJoinToken other_id = UseOf(1);
  other_id.set_member_id(45);
  EXPECT_EQ(Use(other_id).answer.reason,
            type::v1::ERROR_REASON_JOIN_TOKEN_USED);
}

TEST_F(JoinTokensTest, TellsNobodyWhichPartIsWrong) {
  ASSERT_TRUE(Apply(CreateCommand(1)).answer.ok());
  const size_t before = records_.size();
  UseJoinToken unknown = UseOf(2);
  UseJoinToken wrong = UseOf(1);
  wrong.mutable_secret_sha256()->back() = 'x';
  UseJoinToken shorter = UseOf(1);
  shorter.mutable_secret_sha256()->pop_back();
  UseJoinToken renamed = UseOf(1);
  renamed.set_name("m5");
  for (const UseJoinToken& use : {unknown, wrong, shorter, renamed}) {
    EXPECT_EQ(Use(use).answer.reason,
              type::v1::ERROR_REASON_JOIN_TOKEN_INVALID);
    EXPECT_EQ(tokens_.Check(use, kNow).answer.reason,
              type::v1::ERROR_REASON_JOIN_TOKEN_INVALID);
  }
  EXPECT_EQ(records_.size(), before);
  // It was not used up by that.
  EXPECT_TRUE(Use(UseOf(1)).answer.ok());
}

TEST_F(JoinTokensTest, CheckUsesNothing) {
  ASSERT_TRUE(Apply(CreateCommand(1)).answer.ok());
  EXPECT_TRUE(tokens_.Check(UseOf(1), kNow).answer.ok());
  UseJoinToken other = UseOf(1);
  other.set_member_id(45);
  EXPECT_TRUE(tokens_.Check(other, kNow).answer.ok());
  EXPECT_TRUE(Use(other).answer.ok());
}

TEST_F(JoinTokensTest, EndsByClusterTimeAndIsForgottenLater) {
  ASSERT_TRUE(Apply(CreateCommand(1)).answer.ok());
  EXPECT_EQ(tokens_.NextDueClusterMs(), kNow + 2 * kHourMs);
  EXPECT_TRUE(Use(UseOf(1), kNow + kHourMs - 1).answer.ok());
  EXPECT_EQ(Use(UseOf(1), kNow + kHourMs).answer.reason,
            type::v1::ERROR_REASON_JOIN_TOKEN_EXPIRED);
  EXPECT_EQ(Use(UseOf(1), kNow + 2 * kHourMs - 1).answer.reason,
            type::v1::ERROR_REASON_JOIN_TOKEN_EXPIRED);
  EXPECT_EQ(Use(UseOf(1), kNow + 2 * kHourMs).answer.reason,
            type::v1::ERROR_REASON_JOIN_TOKEN_INVALID);
  EXPECT_TRUE(records_.empty());
  EXPECT_EQ(tokens_.NextDueClusterMs(), std::nullopt);
}

TEST_F(JoinTokensTest, ARepeatedRequestEndsTheTokenWhoseSecretWasLost) {
  ASSERT_TRUE(Apply(CreateCommand(1)).answer.ok());
  Command second = CreateCommand(2);
  second.set_request_id("r1");
  ASSERT_TRUE(Apply(second).answer.ok());
  EXPECT_EQ(tokens_.size(), 1U);
  EXPECT_EQ(Use(UseOf(1)).answer.reason,
            type::v1::ERROR_REASON_JOIN_TOKEN_INVALID);
  ASSERT_TRUE(Use(UseOf(2)).answer.ok());
  // One that was used stays.
  Command third = CreateCommand(3);
  third.set_request_id("r1");
  ASSERT_TRUE(Apply(third).answer.ok());
  EXPECT_TRUE(Use(UseOf(2)).answer.ok());
  // Another's request of the same id is another request.
  Command foreign = CreateCommand(4);
  foreign.set_request_id("r1");
  foreign.set_principal("other");
  ASSERT_TRUE(Apply(foreign).answer.ok());
  EXPECT_EQ(tokens_.size(), 3U);
}

TEST_F(JoinTokensTest, TheSameCommandTwiceIsOneToken) {
  ASSERT_TRUE(Apply(CreateCommand(1)).answer.ok());
  ASSERT_TRUE(Use(UseOf(1)).answer.ok());
  EXPECT_TRUE(Apply(CreateCommand(1)).answer.ok());
  EXPECT_EQ(tokens_.size(), 1U);
  UseJoinToken other = UseOf(1);
  other.set_member_id(45);
  EXPECT_EQ(Use(other).answer.reason, type::v1::ERROR_REASON_JOIN_TOKEN_USED);
  // Nor does a late copy bring back what is forgotten.
  EXPECT_EQ(Apply(CreateCommand(1), kNow + 3 * kHourMs).answer.reason,
            type::v1::ERROR_REASON_REQUEST_EXPIRED);
}

TEST_F(JoinTokensTest, RefusesMalformedTokens) {
  const auto refused = [this](Command command) {
    return Apply(command).answer.reason == type::v1::ERROR_REASON_BAD_REQUEST;
  };
  Command command = CreateCommand(1);
  command.clear_request_id();
  EXPECT_TRUE(refused(command));
  command = CreateCommand(1);
  command.clear_principal();
  EXPECT_TRUE(refused(command));
  command = CreateCommand(1);
  command.mutable_create_join_token()->set_token_id("1");
  EXPECT_TRUE(refused(command));
  command = CreateCommand(1);
  command.mutable_create_join_token()->set_secret_sha256("short");
  EXPECT_TRUE(refused(command));
  command = CreateCommand(1);
  command.mutable_create_join_token()->set_name("m 4");
  EXPECT_TRUE(refused(command));
  for (const int64_t ttl : {int64_t{0}, int64_t{-1}, kMinJoinTokenTtlMs - 1,
                            kMaxJoinTokenTtlMs + 1}) {
    command = CreateCommand(1);
    command.mutable_create_join_token()->set_ttl_ms(ttl);
    EXPECT_TRUE(refused(command)) << ttl;
  }
  EXPECT_TRUE(records_.empty());
}

TEST_F(JoinTokensTest, TheTableIsBounded) {
  for (int number = 1; number <= static_cast<int>(kMaxJoinTokens); ++number) {
    ASSERT_TRUE(Apply(CreateCommand(number)).answer.ok()) << number;
  }
  EXPECT_EQ(Apply(CreateCommand(1000)).answer.reason,
            type::v1::ERROR_REASON_LIMIT_REACHED);
  // Those that ended make room before they are forgotten.
  Command later = CreateCommand(1000);
  later.set_not_after_cluster_ms(kNow + 2 * kHourMs);
  EXPECT_TRUE(Apply(later, kNow + kHourMs).answer.ok());
  EXPECT_EQ(tokens_.size(), kMaxJoinTokens);
}

TEST_F(JoinTokensTest, TrustsNoDamagedRecord) {
  ASSERT_TRUE(Apply(CreateCommand(1)).answer.ok());
  const auto [key, value] = *records_.begin();
  JoinTokens table;
  EXPECT_TRUE(absl::IsDataLoss(table.RestoreRecord(key, "\xff\xff")));
  EXPECT_TRUE(absl::IsDataLoss(table.RestoreRecord(key + "0", value)));
  internal::v1::JoinTokenRecord record;
  ASSERT_TRUE(record.ParseFromString(value));
  record.set_member_id(5);  // Used, by nobody's keys.
  EXPECT_TRUE(
      absl::IsDataLoss(table.RestoreRecord(key, record.SerializeAsString())));
  EXPECT_FALSE(JoinTokens::HasKey(""));
  EXPECT_FALSE(JoinTokens::HasKey("5x"));
}

}  // namespace
}  // namespace quorate::licensing

// The policy in force decides each checkout, its versions are kept and come
// back, and no change of it takes a seat away. Policies are put in force by
// hand-written commands, with invariants, and a recount, after each.

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/clock.h"
#include "server/licensing/policy_book.h"
#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"
#include "tests/server/policy/policies.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;
using internal::v1::Policy;
using internal::v1::POLICY_FIELD_ADDRESS;
using internal::v1::POLICY_FIELD_TIME;
using internal::v1::POLICY_FIELD_USER;
using internal::v1::POLICY_RULE_KIND_ALLOW;
using internal::v1::POLICY_RULE_KIND_DENY;
using internal::v1::POLICY_RULE_KIND_LIMIT;
using internal::v1::POLICY_RULE_KIND_RESERVE;
using policy::PolicyOf;
using policy::RuleOf;
using testing::ElementsAre;
using testing::Pair;

Command ApplyCommand(uint64_t base_version, const Policy& policy) {
  Command command;
  command.mutable_apply_policy()->set_base_version(base_version);
  *command.mutable_apply_policy()->mutable_policy() = policy;
  return command;
}

Command RollBackCommand(uint64_t base_version, uint64_t version) {
  Command command;
  command.mutable_roll_back_policy()->set_base_version(base_version);
  command.mutable_roll_back_policy()->set_version(version);
  return command;
}

class PolicyTest : public testing::Test {
 protected:
  explicit PolicyTest(const LedgerLimits& limits = {}) : driver_(limits) {
    EXPECT_TRUE(
        driver_.DoAsAlice(InstallCommand("L", 1, {{"cad", 10}, {"cam", 4}}))
            .ok());
  }

  uint64_t version() { return driver_.ledger->policies().version(); }

  void PutInForce(const Policy& policy) {
    const LedgerAnswer answer =
        driver_.DoAsAlice(ApplyCommand(version(), policy));
    ASSERT_TRUE(answer.ok())
        << Fact(answer, "field") << " " << Fact(answer, "problem");
  }

  uint64_t Open(const std::string& user, const std::string& address = "") {
    Command command = OpenCommand(kDefaultTtlMs);
    command.mutable_open_session()->mutable_description()->set_user(user);
    command.mutable_open_session()->set_peer_address(address);
    return driver_.DoAsAlice(command).session_id;
  }

  LedgerAnswer Take(uint64_t session, uint32_t units) {
    return driver_.DoAsAlice(CheckoutCommand(session, {{"cad", units}}));
  }

  LedgerDriver driver_;
};

TEST_F(PolicyTest, RefusesWhomARuleDeniesWithItsNameAndVersion) {
  PutInForce(PolicyOf({RuleOf("no ann", POLICY_RULE_KIND_DENY, "cad", 0,
                              {{POLICY_FIELD_USER, {"ann"}}})}));
  const LedgerAnswer answer = Take(Open("ann"), 1);
  EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_POLICY_DENIED);
  EXPECT_THAT(answer.metadata,
              ElementsAre(Pair("feature", "cad"), Pair("rule", "no ann"),
                          Pair("policy_version", "1")));
  EXPECT_TRUE(Take(Open("bob"), 1).ok());
}

TEST_F(PolicyTest, RefusesWhomNoAllowanceMatches) {
  PutInForce(PolicyOf({RuleOf("staff", POLICY_RULE_KIND_ALLOW, "cad", 0,
                              {{POLICY_FIELD_USER, {"ann"}}})}));
  EXPECT_TRUE(Take(Open("ann"), 1).ok());
  const LedgerAnswer answer = Take(Open("bob"), 1);
  EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_POLICY_DENIED);
  EXPECT_EQ(Fact(answer, "allow_rule"), "staff");
  EXPECT_TRUE(
      driver_.DoAsAlice(CheckoutCommand(Open("bob"), {{"cam", 1}})).ok());
}

TEST_F(PolicyTest, LimitsWhatIsOutUntilItComesBack) {
  PutInForce(PolicyOf({RuleOf("few", POLICY_RULE_KIND_LIMIT, "cad", 3,
                              {{POLICY_FIELD_USER, {"ann", "bob"}}})}));
  const uint64_t ann = Open("ann");
  const uint64_t handle = Take(ann, 2).seat_handles.at(0);
  const uint64_t bob = Open("bob");
  const LedgerAnswer answer = Take(bob, 2);
  EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_POLICY_LIMIT);
  EXPECT_THAT(answer.metadata,
              ElementsAre(Pair("feature", "cad"), Pair("rule", "few"),
                          Pair("policy_version", "1"), Pair("units", "3"),
                          Pair("used", "2"), Pair("asked", "2")));
  EXPECT_TRUE(Take(Open("eve"), 5).ok());
  EXPECT_TRUE(driver_.DoAsAlice(CheckinCommand(ann, {handle})).ok());
  EXPECT_TRUE(Take(bob, 2).ok());
  EXPECT_TRUE(driver_.DoAsAlice(CloseCommand(bob)).ok());
  EXPECT_TRUE(Take(ann, 3).ok());
}

TEST_F(PolicyTest, KeepsWhatIsReserved) {
  PutInForce(PolicyOf({RuleOf("keep", POLICY_RULE_KIND_RESERVE, "cad", 4,
                              {{POLICY_FIELD_USER, {"ann"}}})}));
  const uint64_t bob = Open("bob");
  EXPECT_TRUE(Take(bob, 6).ok());
  const LedgerAnswer answer = Take(bob, 1);
  EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_SEATS_RESERVED);
  EXPECT_THAT(
      answer.metadata,
      ElementsAre(Pair("feature", "cad"), Pair("rule", "keep"),
                  Pair("policy_version", "1"), Pair("reserved", "4"),
                  Pair("total", "10"), Pair("out", "6"), Pair("asked", "1")));
  EXPECT_EQ(Take(bob, 5).reason, type::v1::ERROR_REASON_POOL_EXHAUSTED);
  EXPECT_TRUE(Take(Open("ann"), 4).ok());
  EXPECT_EQ(driver_.out("cad"), 10u);
}

// It is 22:13:20.
TEST_F(PolicyTest, TheEndOfItsHoursServesThoseWhoWait) {
  PutInForce(PolicyOf({RuleOf(
      "day", POLICY_RULE_KIND_RESERVE, "cad", 4,
      {{POLICY_FIELD_USER, {"ann"}}, {POLICY_FIELD_TIME, {"00:00-23:00"}}})}));
  const uint64_t bob = Open("bob");
  EXPECT_EQ(driver_.ledger->NextDueCalendarMs(), std::nullopt);
  const LedgerAnswer waits =
      driver_.DoAsAlice(WaitCommand(bob, {{"cad", 8}}, 600'000, 5));
  EXPECT_EQ(waits.queue_position.number, 1u);
  constexpr int64_t kUntilEndMs = 2'800'000;
  EXPECT_EQ(driver_.ledger->NextDueCalendarMs(),
            driver_.now.calendar_ms + kUntilEndMs);
  driver_.PassCalendar(kUntilEndMs - 1);
  driver_.DoAsAlice(AdvanceCommand());
  EXPECT_EQ(driver_.out("cad"), 0u);
  driver_.PassCalendar(1);
  driver_.DoAsAlice(AdvanceCommand());
  EXPECT_EQ(driver_.out("cad"), 8u);
}

TEST_F(PolicyTest, WhomALimitStopsMayWait) {
  PutInForce(PolicyOf({RuleOf("few", POLICY_RULE_KIND_LIMIT, "cad", 3,
                              {{POLICY_FIELD_USER, {"ann", "bob"}}})}));
  const uint64_t ann = Open("ann");
  const uint64_t handle = Take(ann, 2).seat_handles.at(0);
  const uint64_t bob = Open("bob");
  EXPECT_EQ(
      driver_.DoAsAlice(WaitCommand(bob, {{"cad", 4}}, 600'000, 5)).reason,
      type::v1::ERROR_REASON_POLICY_LIMIT)
      << "never";
  const LedgerAnswer waits =
      driver_.DoAsAlice(WaitCommand(bob, {{"cad", 2}}, 600'000, 5));
  EXPECT_EQ(waits.queue_position.number, 1u);
  EXPECT_TRUE(Take(Open("eve"), 5).ok()) << "who is not limited";
  EXPECT_TRUE(driver_.DoAsAlice(CheckinCommand(ann, {handle})).ok());
  EXPECT_EQ(driver_.out("cad"), 7u);
}

TEST_F(PolicyTest, LooksAtWhereTheSessionCameFrom) {
  PutInForce(PolicyOf({RuleOf("site", POLICY_RULE_KIND_ALLOW, "cad", 0,
                              {{POLICY_FIELD_ADDRESS, {"10.0.0.0/24"}}})}));
  EXPECT_TRUE(Take(Open("ann", std::string("\x0a\0\0\x07", 4)), 1).ok());
  EXPECT_FALSE(Take(Open("ann", std::string("\x0a\0\x01\x07", 4)), 1).ok());
  EXPECT_FALSE(Take(Open("ann"), 1).ok());
}

TEST_F(PolicyTest, TheAddressIsNoPartOfARepeatedRequest) {
  Command command = OpenCommand(kDefaultTtlMs);
  command.mutable_open_session()->set_peer_address("1234");
  command = driver_.Prepared(command, kAlice);
  const LedgerAnswer first = driver_.Apply(command);
  command.mutable_open_session()->set_peer_address("5678");
  const LedgerAnswer again = driver_.Apply(command);
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(again.session_id, first.session_id);
}

TEST_F(PolicyTest, AnApplicationCannotSayWhereItComesFrom) {
  Command command = OpenCommand(kDefaultTtlMs);
  command.mutable_open_session()->mutable_description()->set_peer_address(
      "1234");
  const uint64_t session = driver_.DoAsAlice(command).session_id;
  EXPECT_EQ(driver_.ledger->FindSession(session)->description().peer_address(),
            "");
}

TEST_F(PolicyTest, ANewPolicyCountsWhatIsOutAndTakesNothingAway) {
  const uint64_t ann = Open("ann");
  EXPECT_TRUE(Take(ann, 5).ok());
  PutInForce(PolicyOf({RuleOf("few", POLICY_RULE_KIND_LIMIT, "cad", 3, {})}));
  EXPECT_EQ(driver_.out("cad"), 5u);
  const LedgerAnswer answer = Take(Open("bob"), 1);
  EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_POLICY_LIMIT);
  EXPECT_EQ(Fact(answer, "used"), "5");
  EXPECT_TRUE(driver_.DoAsAlice(CloseCommand(ann)).ok());
  EXPECT_TRUE(Take(Open("bob"), 3).ok());
}

TEST_F(PolicyTest, TellsWhatWaitingDoesNotHelpFirst) {
  PutInForce(PolicyOf({RuleOf("few", POLICY_RULE_KIND_LIMIT, "cad", 0, {}),
                       RuleOf("none", POLICY_RULE_KIND_DENY, "cam", 0, {})}));
  EXPECT_EQ(
      driver_.DoAsAlice(CheckoutCommand(Open("ann"), {{"cad", 1}, {"cam", 1}}))
          .reason,
      type::v1::ERROR_REASON_POLICY_DENIED);
  // What is not licensed is said to be so, whatever the policy says.
  PutInForce(PolicyOf({RuleOf("none", POLICY_RULE_KIND_DENY, "", 0, {})}));
  EXPECT_EQ(
      driver_.DoAsAlice(CheckoutCommand(Open("ann"), {{"cfd", 1}})).reason,
      type::v1::ERROR_REASON_FEATURE_UNKNOWN);
}

TEST_F(PolicyTest, CountsItemsOfOneFeatureTogether) {
  PutInForce(PolicyOf({RuleOf("few", POLICY_RULE_KIND_LIMIT, "cad", 3, {})}));
  EXPECT_EQ(
      driver_.DoAsAlice(CheckoutCommand(Open("ann"), {{"cad", 2}, {"cad", 2}}))
          .reason,
      type::v1::ERROR_REASON_POLICY_LIMIT);
}

TEST_F(PolicyTest, IsInEffectByTheCalendar) {
  // The driver's clock: 2023-11-14, a Tuesday, 22:13:20 UTC.
  PutInForce(PolicyOf({RuleOf("night", POLICY_RULE_KIND_DENY, "cad", 0,
                              {{POLICY_FIELD_TIME, {"tue 22:00-23:00"}}})}));
  const uint64_t ann = Open("ann");
  EXPECT_FALSE(Take(ann, 1).ok());
  driver_.PassCalendar(47 * 60'000);
  EXPECT_TRUE(Take(ann, 1).ok());
}

TEST_F(PolicyTest, KeepsWhoPutWhatInForceAndWhen) {
  Command command = ApplyCommand(
      0, PolicyOf({RuleOf("r", POLICY_RULE_KIND_DENY, "cad", 0, {})}));
  command.mutable_apply_policy()->set_comment("quiet night");
  EXPECT_TRUE(driver_.Do(command, kBob).ok());
  const internal::v1::PolicyVersionRecord* const record =
      driver_.ledger->policies().FindVersion(1);
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(record->author(), kBob);
  EXPECT_EQ(record->comment(), "quiet night");
  EXPECT_EQ(record->applied_calendar_ms(), driver_.now.calendar_ms);
  EXPECT_EQ(driver_.ledger->policies().FindRequest(kBob, record->request_id()),
            record);
}

TEST_F(PolicyTest, ChangesOnlyTheVersionThatItsAuthorSaw) {
  PutInForce(PolicyOf({RuleOf("r", POLICY_RULE_KIND_DENY, "cad", 0, {})}));
  const LedgerAnswer answer = driver_.DoAsAlice(ApplyCommand(0, Policy()));
  EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_POLICY_CHANGED);
  EXPECT_EQ(Fact(answer, "base_version"), "0");
  EXPECT_EQ(Fact(answer, "policy_version"), "1");
  EXPECT_EQ(driver_.DoAsAlice(RollBackCommand(0, 0)).reason,
            type::v1::ERROR_REASON_POLICY_CHANGED);
}

TEST_F(PolicyTest, ThatSaysNothingElseMakesNoVersion) {
  const Policy policy =
      PolicyOf({RuleOf("r", POLICY_RULE_KIND_DENY, "cad", 0, {})});
  PutInForce(policy);
  PutInForce(policy);
  EXPECT_EQ(version(), 1u);
}

TEST_F(PolicyTest, RefusesAPolicyThatIsWrongWithItsPlace) {
  const LedgerAnswer answer = driver_.DoAsAlice(
      ApplyCommand(0, PolicyOf({RuleOf("r", POLICY_RULE_KIND_RESERVE, "cad", 0,
                                       {{POLICY_FIELD_USER, {"ann"}}})})));
  EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_BAD_REQUEST);
  EXPECT_EQ(Fact(answer, "field"), "policy.rules[0].units");
  EXPECT_EQ(version(), 0u);
}

TEST_F(PolicyTest, RollsBackAsANewVersion) {
  PutInForce(PolicyOf({RuleOf("r", POLICY_RULE_KIND_DENY, "cad", 0, {})}));
  PutInForce(Policy());
  EXPECT_TRUE(Take(Open("ann"), 1).ok());
  EXPECT_TRUE(driver_.DoAsAlice(RollBackCommand(2, 1)).ok());
  EXPECT_EQ(version(), 3u);
  EXPECT_EQ(driver_.ledger->policies().FindVersion(3)->rolled_back_to(), 1u);
  EXPECT_FALSE(Take(Open("ann"), 1).ok());
  EXPECT_TRUE(driver_.DoAsAlice(RollBackCommand(3, 0)).ok());
  EXPECT_TRUE(Take(Open("ann"), 1).ok());
  const LedgerAnswer answer = driver_.DoAsAlice(RollBackCommand(4, 9));
  EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_POLICY_VERSION_NOT_FOUND);
}

class FewVersionsTest : public PolicyTest {
 protected:
  FewVersionsTest() : PolicyTest({.policy_versions = 3}) {}
};

TEST_F(FewVersionsTest, ForgetsTheOldest) {
  for (uint64_t i = 1; i <= 5; ++i) {
    PutInForce(PolicyOf({RuleOf("r", POLICY_RULE_KIND_LIMIT, "cad", i, {})}));
  }
  EXPECT_EQ(driver_.ledger->policies().versions().size(), 3u);
  EXPECT_EQ(driver_.DoAsAlice(RollBackCommand(5, 2)).reason,
            type::v1::ERROR_REASON_POLICY_VERSION_NOT_FOUND);
  EXPECT_TRUE(driver_.DoAsAlice(RollBackCommand(5, 3)).ok());
}

TEST_F(PolicyTest, IsTheSameAfterARestart) {
  PutInForce(PolicyOf({RuleOf("few", POLICY_RULE_KIND_LIMIT, "cad", 3, {}),
                       RuleOf("keep", POLICY_RULE_KIND_RESERVE, "cam", 2,
                              {{POLICY_FIELD_USER, {"ann"}}})}));
  EXPECT_TRUE(Take(Open("ann"), 2).ok());
  const auto restored = RestoreLedger(driver_.records, driver_.limits, 7);
  EXPECT_TRUE(restored->CheckInvariants().ok());
  EXPECT_EQ(restored->policies().version(), 1u);
  EXPECT_EQ(restored->policies().use().Counts(),
            driver_.ledger->policies().use().Counts());
  EXPECT_EQ(restored->policies().use().UnitsOf(0, "cad", ""), 2u);
}

// Every seat that is out is counted anew for each rule of its feature.
TEST_F(PolicyTest, ComesIntoForceQuicklyUnderTenThousandSessions) {
  constexpr int kSessions = 10'000;
  constexpr int kRules = 200;
  Ledger ledger(kClusterId, 1);
  std::vector<RecordChange> changes;
  const auto apply = [&](const Command& command) {
    changes.clear();
    return ledger.Apply(driver_.Prepared(command, kAlice), driver_.now,
                        &changes);
  };
  ASSERT_TRUE(apply(InstallCommand("L", 1, {{"cad", kSessions}})).ok());
  for (int i = 0; i < kSessions; ++i) {
    Command open = OpenCommand(kMaxTtlMs);
    open.mutable_open_session()->mutable_description()->set_user(
        absl::StrCat("user", i));
    const uint64_t session = apply(open).session_id;
    ASSERT_TRUE(apply(CheckoutCommand(session, {{"cad", 1}})).ok());
  }
  Policy policy;
  policy.set_ignore_case(true);
  for (int i = 0; i < kRules; ++i) {
    *policy.add_rules() =
        RuleOf(absl::StrCat("r", i), POLICY_RULE_KIND_LIMIT, "cad", 5,
               {{POLICY_FIELD_USER, {absl::StrCat("USER", i), "user9"}}});
  }
  const Command command = driver_.Prepared(ApplyCommand(0, policy), kAlice);
  changes.clear();
  const absl::Duration begun = SystemClock().SinceBoot();
  ASSERT_TRUE(ledger.Apply(command, driver_.now, &changes).ok());
  const absl::Duration took = SystemClock().SinceBoot() - begun;
  std::cout << kRules << " rules of one feature in force under " << kSessions
            << " sessions with a seat in " << absl::FormatDuration(took)
            << "\n";
  // 100 ms are promised; a loaded machine may be slower.
  EXPECT_LT(took, absl::Seconds(2));
  EXPECT_EQ(ledger.session_count(), static_cast<size_t>(kSessions));
  EXPECT_EQ(ledger.seat_count(), static_cast<size_t>(kSessions));
  EXPECT_EQ(ledger.policies().use().UnitsOf(7, "cad", ""), 2u);
  EXPECT_TRUE(ledger.CheckInvariants().ok());
}

TEST_F(PolicyTest, ARecordThatContradictsIsDamage) {
  PutInForce(PolicyOf({RuleOf("r", POLICY_RULE_KIND_LIMIT, "cad", 3, {})}));
  PutInForce(PolicyOf({RuleOf("r", POLICY_RULE_KIND_LIMIT, "cad", 4, {})}));
  PutInForce(PolicyOf({RuleOf("r", POLICY_RULE_KIND_LIMIT, "cad", 5, {})}));
  const auto restore = [](const Records& records) {
    Ledger ledger(kClusterId, 1);
    for (const auto& [key, value] : records) {
      EXPECT_TRUE(ledger.RestoreRecord(key, value).ok());
    }
    return ledger.FinishRestore();
  };
  EXPECT_TRUE(restore(driver_.records).ok());
  const auto key_of = [](uint64_t version) {
    return std::string("9") + std::string(7, '\0') + static_cast<char>(version);
  };
  Records gap = driver_.records;
  ASSERT_EQ(gap.erase(key_of(2)), 1u);
  EXPECT_TRUE(absl::IsDataLoss(restore(gap)));
  Records wrong = driver_.records;
  internal::v1::PolicyVersionRecord record;
  ASSERT_TRUE(record.ParseFromString(wrong[key_of(3)]));
  record.mutable_policy()->mutable_rules(0)->clear_name();
  wrong[key_of(3)] = record.SerializeAsString();
  EXPECT_TRUE(absl::IsDataLoss(restore(wrong)));
}

// Six windows of one user are one unit where seats are shared by user; to count
// each of them once hid that the reserved ones were being taken.
TEST_F(PolicyTest, WhatIsReservedIsKeptWhereSeatsAreShared) {
  Command install = InstallCommand("shared", 1, {{"mesh", 5}});
  install.mutable_install_license()
      ->mutable_terms()
      ->mutable_features(0)
      ->add_shared_by(internal::v1::SHARED_BY_USER);
  ASSERT_TRUE(driver_.DoAsAlice(install).ok());
  PutInForce(PolicyOf({RuleOf("kept", POLICY_RULE_KIND_RESERVE, "mesh", 2,
                              {{POLICY_FIELD_USER, {"boss"}}})}));
  const auto take = [this](const std::string& user) {
    return driver_.DoAsAlice(CheckoutCommand(Open(user), {{"mesh", 1}})).reason;
  };
  for (int window = 0; window < 6; ++window)
    EXPECT_EQ(take("ada"), 0) << window;
  EXPECT_EQ(take("bob"), 0);
  EXPECT_EQ(take("cyd"), 0);
  EXPECT_EQ(take("dan"), type::v1::ERROR_REASON_SEATS_RESERVED);
  EXPECT_EQ(take("boss"), 0);
}

// Units that went as tokens are not there for those for whom they are kept.
TEST_F(PolicyTest, WhatIsReservedIsKeptFromThoseWhoTakeTokens) {
  Command install = InstallCommand("tokens", 1, {{"token", 5}, {"mesh", 0}});
  internal::v1::FeatureTerms* const mesh =
      install.mutable_install_license()->mutable_terms()->mutable_features(1);
  mesh->set_token_feature("token");
  mesh->set_token_cost(3);
  ASSERT_TRUE(driver_.DoAsAlice(install).ok());
  PutInForce(PolicyOf({RuleOf("kept", POLICY_RULE_KIND_RESERVE, "token", 2,
                              {{POLICY_FIELD_USER, {"boss"}}})}));
  const auto take = [this](const std::string& user, const char* feature) {
    return driver_.DoAsAlice(CheckoutCommand(Open(user), {{feature, 1}}))
        .reason;
  };
  EXPECT_EQ(take("ada", "mesh"), 0);
  EXPECT_EQ(take("bob", "token"), type::v1::ERROR_REASON_SEATS_RESERVED);
  EXPECT_EQ(take("boss", "token"), 0);
}

}  // namespace
}  // namespace quorate::licensing

// The policy bounds what may be borrowed besides the licences: whom, for how
// long, how many, and how many stay. Each bound at its edge, by hand, with the
// records compared after every command.

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "server/licensing/policy_book.h"
#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"
#include "tests/server/policy/policies.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;
using internal::v1::POLICY_FIELD_TIME;
using internal::v1::POLICY_FIELD_USER;
using internal::v1::POLICY_RULE_KIND_BORROW;
using internal::v1::POLICY_RULE_KIND_NO_BORROW;
using internal::v1::PolicyRule;
using policy::RuleOf;

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr int64_t kTtlMs = 60'000;

class BorrowPolicyTest : public testing::Test {
 protected:
  BorrowPolicyTest() {
    // Ten units of cad for a week, and of sim, which cannot be borrowed.
    Command license = InstallCommand("L", 1, {{"cad", 10}, {"sim", 10}});
    license.mutable_install_license()
        ->mutable_terms()
        ->mutable_features(0)
        ->set_borrow_max_ms(7 * kDayMs);
    EXPECT_TRUE(driver_.DoAsAlice(license).ok());
  }

  void Apply(const std::vector<PolicyRule>& rules) {
    Command command;
    internal::v1::ApplyPolicy* const body = command.mutable_apply_policy();
    *body->mutable_policy() = policy::PolicyOf(rules);
    body->set_base_version(driver_.ledger->policies().version());
    EXPECT_TRUE(driver_.Do(command, kBob).ok());
  }

  static PolicyRule Lend(const std::string& name, int64_t span_ms,
                         uint64_t units, uint64_t low_water) {
    PolicyRule rule = RuleOf(name, POLICY_RULE_KIND_BORROW, "cad", units, {});
    rule.set_span_ms(span_ms);
    rule.set_low_water(low_water);
    return rule;
  }

  LedgerAnswer Borrow(const std::string& user, uint32_t count, int64_t span_ms,
                      const std::string& feature = "cad") {
    Command open = OpenCommand(kTtlMs);
    open.mutable_open_session()->mutable_description()->set_user(user);
    const uint64_t session = driver_.DoAsAlice(open).session_id;
    const LedgerAnswer out =
        driver_.DoAsAlice(CheckoutCommand(session, {{feature, count}}));
    EXPECT_TRUE(out.ok());
    LedgerAnswer answer =
        driver_.DoAsAlice(BorrowCommand(session, out.seat_handles, span_ms));
    EXPECT_TRUE(driver_.DoAsAlice(CloseCommand(session)).ok());
    return answer;
  }

  LedgerDriver driver_;
};

TEST_F(BorrowPolicyTest, KeepsFromItWhomARuleNames) {
  Apply({RuleOf("no students", POLICY_RULE_KIND_NO_BORROW, "", 0,
                {{POLICY_FIELD_USER, {"tom"}}})});
  const LedgerAnswer refused = Borrow("tom", 1, kDayMs);
  EXPECT_EQ(refused.reason, type::v1::ERROR_REASON_BORROW_NOT_ALLOWED);
  EXPECT_EQ(Fact(refused, "rule"), "no students");
  EXPECT_EQ(Fact(refused, "policy_version"), "1");
  EXPECT_TRUE(Borrow("ann", 1, kDayMs).ok());
}

TEST_F(BorrowPolicyTest, BoundsHowLongBesideTheLicence) {
  Apply({Lend("two days", 2 * kDayMs, 0, 0)});
  const LedgerAnswer refused = Borrow("ann", 1, 2 * kDayMs + 1);
  EXPECT_EQ(refused.reason, type::v1::ERROR_REASON_BORROW_TOO_LONG);
  EXPECT_EQ(Fact(refused, "rule"), "two days");
  EXPECT_EQ(Fact(refused, "latest_ms"),
            std::to_string(driver_.now.calendar_ms + 2 * kDayMs));
  EXPECT_TRUE(Borrow("ann", 1, 2 * kDayMs).ok());
  // The licence counts where it says less.
  Apply({Lend("two weeks", 14 * kDayMs, 0, 0)});
  const LedgerAnswer too_long = Borrow("ann", 1, 8 * kDayMs);
  EXPECT_EQ(too_long.reason, type::v1::ERROR_REASON_BORROW_TOO_LONG);
  EXPECT_EQ(Fact(too_long, "rule"), "");
  Apply({RuleOf("all", POLICY_RULE_KIND_BORROW, "", 0, {})});
  EXPECT_EQ(Borrow("ann", 1, kDayMs, "sim").reason,
            type::v1::ERROR_REASON_BORROW_NOT_ALLOWED);
}

TEST_F(BorrowPolicyTest, CountsEachUsersUnitsUntilTheyAreBack) {
  PolicyRule three = Lend("three each", 0, 3, 0);
  three.set_each(internal::v1::POLICY_EACH_USER);
  const LedgerAnswer before = Borrow("ann", 2, kDayMs);
  ASSERT_TRUE(before.ok());
  Apply({three});  // What is borrowed counts, and stays.
  const LedgerAnswer refused = Borrow("ann", 2, kDayMs);
  EXPECT_EQ(refused.reason, type::v1::ERROR_REASON_BORROW_LIMIT);
  EXPECT_EQ(Fact(refused, "rule"), "three each");
  EXPECT_EQ(Fact(refused, "borrow_limit"), "count");
  EXPECT_EQ(Fact(refused, "max"), "3");
  EXPECT_EQ(Fact(refused, "borrowed"), "2");
  EXPECT_EQ(Fact(refused, "asked"), "2");
  EXPECT_TRUE(Borrow("ann", 1, kDayMs).ok());
  EXPECT_TRUE(Borrow("eve", 3, kDayMs).ok());
  EXPECT_EQ(Borrow("ann", 1, kDayMs).reason,
            type::v1::ERROR_REASON_BORROW_LIMIT);
  EXPECT_TRUE(driver_.DoAsAlice(ReturnCommand(before.session_id)).ok());
  EXPECT_TRUE(Borrow("ann", 2, kDayMs).ok());
}

TEST_F(BorrowPolicyTest, CountsThoseWhomTheRuleMatchesTogether) {
  Apply({RuleOf("boss", POLICY_RULE_KIND_BORROW, "cad", 0,
                {{POLICY_FIELD_USER, {"eve"}}}),
         Lend("four", 0, 4, 0)});
  EXPECT_TRUE(Borrow("ann", 2, kDayMs).ok());
  EXPECT_TRUE(Borrow("tom", 1, kDayMs).ok());
  EXPECT_EQ(Fact(Borrow("zoe", 2, kDayMs), "borrowed"), "3");
  // By the rule that comes first; the other one counts her all the same.
  EXPECT_TRUE(Borrow("eve", 5, kDayMs).ok());
  EXPECT_EQ(Fact(Borrow("zoe", 1, kDayMs), "borrowed"), "8");
}

TEST_F(BorrowPolicyTest, KeepsUnitsInTheHouseWhoeverBorrowed) {
  EXPECT_TRUE(Borrow("ann", 5, kDayMs).ok());
  Apply({Lend("three stay", 0, 0, 3)});
  const LedgerAnswer refused = Borrow("tom", 3, kDayMs);
  EXPECT_EQ(refused.reason, type::v1::ERROR_REASON_BORROW_LIMIT);
  EXPECT_EQ(Fact(refused, "borrow_limit"), "low_water");
  EXPECT_EQ(Fact(refused, "rule"), "three stay");
  EXPECT_EQ(Fact(refused, "max"), "7");
  EXPECT_EQ(Fact(refused, "borrowed"), "5");
  EXPECT_TRUE(Borrow("tom", 2, kDayMs).ok());
}

TEST_F(BorrowPolicyTest, HoldsAtItsHours) {
  // The driver's calendar begins at some time of some day.
  const int64_t night_ms = kDayMs - driver_.now.calendar_ms % kDayMs;
  Apply({RuleOf("not at night", POLICY_RULE_KIND_NO_BORROW, "", 0,
                {{POLICY_FIELD_TIME, {"00:00-06:00"}}})});
  driver_.PassCalendar(night_ms);
  EXPECT_EQ(Borrow("ann", 1, kDayMs).reason,
            type::v1::ERROR_REASON_BORROW_NOT_ALLOWED);
  driver_.PassCalendar(6 * kHourMs);
  EXPECT_TRUE(Borrow("ann", 1, kDayMs).ok());
}

}  // namespace
}  // namespace quorate::licensing

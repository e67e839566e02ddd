// The policy bounds the priority that people wait with: what is above it is
// lowered, nothing is refused, and without a rule all stays as it is. By hand,
// with the records compared after every command.

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
using internal::v1::POLICY_RULE_KIND_PRIORITY;
using internal::v1::PolicyRule;
using policy::RuleOf;

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr int64_t kWaitMs = 600'000;

PolicyRule AtMost(uint32_t priority, const std::string& name,
                  const std::string& feature,
                  const std::vector<policy::TestPart>& parts) {
  PolicyRule rule = RuleOf(name, POLICY_RULE_KIND_PRIORITY, feature, 0, parts);
  rule.set_max_priority(priority);
  return rule;
}

class QueuePriorityTest : public testing::Test {
 protected:
  QueuePriorityTest() {
    driver_.DoAsAlice(InstallCommand("L", 1, {{"cad", 1}, {"sim", 1}}));
    const uint64_t holder = Open("holder");
    EXPECT_TRUE(driver_.DoAsAlice(CheckoutCommand(holder, {{"cad", 1}})).ok());
    EXPECT_TRUE(driver_.DoAsAlice(CheckoutCommand(holder, {{"sim", 1}})).ok());
  }

  uint64_t Open(const std::string& user) {
    Command open = OpenCommand(kMaxTtlMs);
    open.mutable_open_session()->mutable_description()->set_user(user);
    return driver_.DoAsAlice(open).session_id;
  }

  void Apply(const std::vector<PolicyRule>& rules) {
    Command command;
    internal::v1::ApplyPolicy* const body = command.mutable_apply_policy();
    *body->mutable_policy() = policy::PolicyOf(rules);
    body->set_base_version(driver_.ledger->policies().version());
    EXPECT_TRUE(driver_.Do(command, kBob).ok());
  }

  // Waits for one of each feature. The priority that its place has.
  uint32_t PriorityOf(const std::string& user, uint32_t asked,
                      const std::vector<std::string>& features = {"cad"}) {
    std::vector<std::pair<std::string, uint32_t>> items;
    for (const std::string& feature : features)
      items.emplace_back(feature, 1);
    const LedgerAnswer answer =
        driver_.DoAsAlice(WaitCommand(Open(user), items, kWaitMs, asked));
    EXPECT_TRUE(answer.ok());
    uint32_t priority = 99;
    driver_.ledger->VisitQueue(
        0, [&](const internal::v1::QueuePlaceRecord& record) {
          if (record.number() == answer.queue_place) {
            priority = record.priority();
          }
          return true;
        });
    return priority;
  }

  LedgerDriver driver_;
};

TEST_F(QueuePriorityTest, LowersWhatIsAboveIt) {
  EXPECT_EQ(PriorityOf("ann", 9), 9U);
  Apply({AtMost(9, "boss", "", {{POLICY_FIELD_USER, {"boss"}}}),
         AtMost(4, "all", "", {})});
  EXPECT_EQ(PriorityOf("ann", 9), 4U);
  EXPECT_EQ(PriorityOf("ann", 4), 4U);
  EXPECT_EQ(PriorityOf("ann", 3), 3U);
  EXPECT_EQ(PriorityOf("boss", 9), 9U);
  Apply({AtMost(0, "ann", "", {{POLICY_FIELD_USER, {"ann"}}})});
  EXPECT_EQ(PriorityOf("ann", 9), 0U);
  EXPECT_EQ(PriorityOf("bob", 9), 9U);
}

TEST_F(QueuePriorityTest, TheRuleOfTheFeatureComesFirstAndTheLeastCounts) {
  Apply({AtMost(2, "all", "", {}), AtMost(7, "cad", "cad", {})});
  EXPECT_EQ(PriorityOf("ann", 9), 7U);
  EXPECT_EQ(PriorityOf("ann", 9, {"sim"}), 2U);
  EXPECT_EQ(PriorityOf("ann", 9, {"cad", "sim"}), 2U);
  EXPECT_EQ(PriorityOf("ann", 9, {"sim", "cad"}), 2U);
}

TEST_F(QueuePriorityTest, HoldsAtItsHoursForPlacesThatAreTaken) {
  Apply({AtMost(1, "at night", "", {{POLICY_FIELD_TIME, {"00:00-06:00"}}})});
  driver_.PassCalendar(kDayMs - driver_.now.calendar_ms % kDayMs);
  EXPECT_EQ(PriorityOf("ann", 8), 1U);
  driver_.PassCalendar(6 * kHourMs);
  EXPECT_EQ(PriorityOf("ann", 8), 8U);
}

}  // namespace
}  // namespace quorate::licensing

// Whoever says that he is idle is warned and then loses the seat, as the policy
// says, and nobody else does. By hand, renewal by renewal, with the records
// compared after every command.

#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "server/licensing/policy_book.h"
#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"
#include "tests/server/policy/policies.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;
using internal::v1::PolicyRule;
using Kind = LedgerEvent::Kind;

constexpr int64_t kMinute = 60'000;
constexpr int64_t kTtlMs = 5 * kMinute;

PolicyRule IdleRule(const std::string& name, const std::string& feature,
                    int64_t minutes, int64_t warning_minutes) {
  PolicyRule rule =
      policy::RuleOf(name, internal::v1::POLICY_RULE_KIND_IDLE, feature, 0, {});
  rule.set_span_ms(minutes * kMinute);
  rule.set_warning_ms(warning_minutes * kMinute);
  return rule;
}

class IdleTest : public testing::Test {
 protected:
  IdleTest() {
    driver_.PassClusterTime(60 * kMinute);
    driver_.DoAsAlice(InstallCommand("L", 1, {{"cad", 2}, {"sim", 4}}));
    PutInForce({IdleRule("lunch", "cad", 30, 10)});
    session_ = driver_.OpenSession(kTtlMs);
    seat_ = CheckOut(session_, "cad", 2);
  }

  uint64_t CheckOut(uint64_t session, const std::string& feature,
                    uint32_t count) {
    const LedgerAnswer answer =
        driver_.DoAsAlice(CheckoutCommand(session, {{feature, count}}));
    EXPECT_TRUE(answer.ok());
    return answer.ok() ? answer.seat_handles.front() : 0;
  }

  void PutInForce(const std::vector<PolicyRule>& rules) {
    Command command;
    command.mutable_apply_policy()->set_base_version(
        driver_.ledger->policies().version());
    *command.mutable_apply_policy()->mutable_policy() = policy::PolicyOf(rules);
    ASSERT_TRUE(driver_.DoAsAlice(command).ok());
  }

  // Four minutes later.
  const std::vector<LedgerEvent>& Say(int64_t idle_ms) {
    driver_.PassClusterTime(4 * kMinute);
    EXPECT_EQ(driver_.Apply(IdleCommand(kAlice, session_, idle_ms))
                  .renewed_ttl_ms.front(),
              kTtlMs);
    return driver_.ledger->events();
  }

  // From active, renewal by renewal, until `minutes` of idleness are said.
  void BeIdleFor(int64_t minutes) {
    for (int64_t idle = 0; idle < minutes; idle += 4) {
      EXPECT_TRUE(Say(idle * kMinute).empty()) << idle;
    }
  }

  int64_t idle_since() const {
    return driver_.ledger->FindSession(session_)->idle_since_cluster_ms();
  }

  LedgerDriver driver_;
  uint64_t session_ = 0;
  uint64_t seat_ = 0;
};

TEST_F(IdleTest, WarnsThenTakesTheSeatBack) {
  BeIdleFor(19);
  const auto warned = Say(20 * kMinute);
  ASSERT_EQ(warned.size(), 1u);
  EXPECT_EQ(warned[0].kind, Kind::kSeatIdle);
  EXPECT_EQ(warned[0].session_id, session_);
  EXPECT_EQ(warned[0].seats.front().handle(), seat_);
  EXPECT_EQ(warned[0].by, "lunch");
  EXPECT_EQ(warned[0].left_ms, 10 * kMinute);
  EXPECT_TRUE(Say(24 * kMinute).empty());
  EXPECT_TRUE(Say(30 * kMinute - 1).empty());
  EXPECT_EQ(driver_.out("cad"), 2u);
  const auto released = Say(32 * kMinute);
  ASSERT_EQ(released.size(), 1u);
  EXPECT_EQ(released[0].kind, Kind::kSeatReleased);
  EXPECT_EQ(released[0].reason, "idle");
  EXPECT_EQ(released[0].by, "lunch");
  EXPECT_EQ(released[0].seats.front().handle(), seat_);
  EXPECT_EQ(driver_.out("cad"), 0u);
  EXPECT_NE(driver_.ledger->FindSession(session_), nullptr);
}

TEST_F(IdleTest, TellsAWarningThatStandsAgain) {
  EXPECT_TRUE(driver_.ledger->WarningsOf(session_).empty());
  Say(21 * kMinute);
  driver_.PassClusterTime(kMinute);
  driver_.Apply(AdvanceCommand());
  const auto warnings = driver_.ledger->WarningsOf(session_);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0].kind, Kind::kSeatIdle);
  EXPECT_EQ(warnings[0].seats.front().handle(), seat_);
  EXPECT_EQ(warnings[0].by, "lunch");
  EXPECT_EQ(warnings[0].left_ms, 9 * kMinute);
  Say(0);
  EXPECT_TRUE(driver_.ledger->WarningsOf(session_).empty());
  EXPECT_TRUE(driver_.ledger->WarningsOf(99).empty());
}

TEST_F(IdleTest, ActivityKeepsTheSeat) {
  BeIdleFor(19);
  EXPECT_EQ(Say(20 * kMinute).size(), 1u);
  EXPECT_TRUE(Say(kIdleAfterMs - 1).empty());
  EXPECT_EQ(idle_since(), 0);
  EXPECT_EQ(driver_.ledger->FindSeat(seat_)->idle_warned_cluster_ms(), 0);
  // It all begins anew.
  BeIdleFor(19);
  EXPECT_EQ(Say(21 * kMinute).front().kind, Kind::kSeatIdle);
  EXPECT_EQ(driver_.out("cad"), 2u);
}

TEST_F(IdleTest, AWarningLastsAsLongAsItSays) {
  // Idle for an hour when it first says so.
  const auto warned = Say(60 * kMinute);
  ASSERT_EQ(warned.size(), 1u);
  EXPECT_EQ(warned[0].left_ms, 10 * kMinute);
  EXPECT_TRUE(Say(64 * kMinute).empty());
  EXPECT_TRUE(Say(68 * kMinute).empty());
  EXPECT_EQ(Say(72 * kMinute).front().kind, Kind::kSeatReleased);
}

TEST_F(IdleTest, WhoSaysNothingLosesNothing) {
  for (int i = 0; i < 30; ++i) {
    driver_.PassClusterTime(4 * kMinute);
    driver_.Apply(RenewCommand(kAlice, {session_}));
    EXPECT_TRUE(driver_.ledger->events().empty());
  }
  EXPECT_EQ(driver_.out("cad"), 2u);
  EXPECT_EQ(idle_since(), 0);
}

TEST_F(IdleTest, NoTimePassesForOneWhoseWordsDoNotArrive) {
  BeIdleFor(19);
  EXPECT_EQ(Say(20 * kMinute).size(), 1u);
  driver_.PassClusterTime(kTtlMs * 5 / 4 - 1);
  driver_.Apply(AdvanceCommand());
  EXPECT_EQ(driver_.out("cad"), 2u);
}

TEST_F(IdleTest, ServesTheQueueWithWhatWasIdle) {
  const uint64_t waiting = driver_.OpenSession(kMaxTtlMs);
  driver_.DoAsAlice(WaitCommand(waiting, {{"cad", 2}}, kMaxWaitMs));
  Say(60 * kMinute);
  Say(64 * kMinute);
  Say(68 * kMinute);
  const auto events = Say(72 * kMinute);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].kind, Kind::kSeatReleased);
  EXPECT_EQ(events[1].kind, Kind::kQueueGranted);
  EXPECT_EQ(events[1].session_id, waiting);
}

TEST_F(IdleTest, EachSeatByItsOwnRule) {
  CheckOut(session_, "sim", 1);
  PutInForce({IdleRule("all", "", 60, 0), IdleRule("lunch", "cad", 30, 10)});
  EXPECT_EQ(Say(20 * kMinute).size(), 1u);
  EXPECT_TRUE(Say(24 * kMinute).empty());
  EXPECT_TRUE(Say(28 * kMinute).empty());
  EXPECT_EQ(Say(40 * kMinute).size(), 1u);
  EXPECT_TRUE(Say(60 * kMinute - 1).empty());
  // Without a warning.
  const auto events = Say(60 * kMinute);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, Kind::kSeatReleased);
  EXPECT_EQ(events[0].by, "all");
}

TEST_F(IdleTest, AChangedPolicyHoldsFromTheNextRenewalOn) {
  EXPECT_EQ(Say(20 * kMinute).size(), 1u);
  PutInForce({});
  EXPECT_TRUE(Say(90 * kMinute).empty());
  EXPECT_EQ(driver_.ledger->FindSeat(seat_)->idle_warned_cluster_ms(), 0);
  PutInForce({IdleRule("now", "", 1, 0)});
  EXPECT_EQ(Say(94 * kMinute).front().by, "now");
}

TEST_F(IdleTest, RemembersSinceWhenAndNotEachRenewal) {
  Say(kIdleAfterMs);
  const int64_t since = driver_.now.cluster_ms - kIdleAfterMs;
  EXPECT_EQ(idle_since(), since);
  // Late by less than what counts.
  Say(kIdleAfterMs + 4 * kMinute - kIdleAfterMs + 1);
  EXPECT_EQ(idle_since(), since);
  // Active in between.
  Say(kMinute);
  EXPECT_EQ(idle_since(), driver_.now.cluster_ms - kMinute);
}

TEST_F(IdleTest, OddReportsDoNoHarm) {
  EXPECT_TRUE(Say(-1).empty());
  EXPECT_EQ(Say(std::numeric_limits<int64_t>::max()).size(), 1u);
  EXPECT_EQ(idle_since(), 1);
  // Twice in one command: the first counts.
  Command twice = IdleCommand(kAlice, session_, 0);
  *twice.mutable_renew_sessions()->add_renewals() =
      IdleCommand(kAlice, session_, 60 * kMinute).renew_sessions().renewals(0);
  driver_.PassClusterTime(kMinute);
  driver_.Apply(twice);
  EXPECT_EQ(idle_since(), 0);
  EXPECT_TRUE(driver_.ledger->events().empty());
  // Somebody else's.
  driver_.PassClusterTime(kMinute);
  driver_.Apply(IdleCommand(kBob, session_, 60 * kMinute));
  EXPECT_EQ(idle_since(), 0);
}

TEST_F(IdleTest, LooksAtSoManySeatsOfAnEntry) {
  LedgerLimits limits;
  limits.expiries_per_entry = 1;
  LedgerDriver driver(limits);
  driver.DoAsAlice(InstallCommand("L", 1, {{"cad", 2}}));
  Command renewals;
  for (int i = 0; i < 2; ++i) {
    const uint64_t id = driver.OpenSession(kTtlMs);
    driver.DoAsAlice(CheckoutCommand(id, {{"cad", 1}}));
    *renewals.mutable_renew_sessions()->add_renewals() =
        IdleCommand(kAlice, id, kMinute).renew_sessions().renewals(0);
  }
  driver.PassClusterTime(kMinute);
  driver.Apply(renewals);
  EXPECT_NE(driver.ledger->FindSession(1)->idle_since_cluster_ms(), 0);
  EXPECT_EQ(driver.ledger->FindSession(2)->idle_since_cluster_ms(), 0);
}

}  // namespace
}  // namespace quorate::licensing

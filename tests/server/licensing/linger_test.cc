// A seat that is given back stays out for its user, for so long and no longer,
// and is his again at once. By hand, at the edge of each rule, with the records
// compared after every command.

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "server/licensing/policy_book.h"
#include "server/licensing/sessions.h"
#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"
#include "tests/server/policy/policies.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;
using internal::v1::PolicyRule;

constexpr int64_t kTtlMs = 60'000;
constexpr int64_t kLingerMs = 600'000;

class LingerTest : public testing::Test {
 protected:
  LingerTest() {
    Command install = InstallCommand("L", 1, {{"cad", 4}, {"sim", 4}});
    install.mutable_install_license()
        ->mutable_terms()
        ->mutable_features(0)
        ->set_linger_ms(kLingerMs);
    driver_.DoAsAlice(install);
    session_ = driver_.OpenSession(kTtlMs);
    seat_ = CheckOut(session_, {{"cad", 2}}).seat_handles.front();
    driver_.PassCalendar(5'000);
  }

  LedgerAnswer CheckOut(
      uint64_t session,
      const std::vector<std::pair<std::string, uint32_t>>& items) {
    return driver_.DoAsAlice(CheckoutCommand(session, items));
  }

  LedgerAnswer GiveBack() {
    return driver_.DoAsAlice(CheckinCommand(session_, {seat_}));
  }

  uint64_t OpenOf(const std::string& user, const std::string& host,
                  const std::string& display,
                  const std::string& principal = kAlice) {
    Command open = OpenCommand(kTtlMs);
    auto* const client = open.mutable_open_session()->mutable_description();
    client->set_user(user);
    client->set_host(host);
    client->set_display(display);
    return driver_.Do(open, principal).session_id;
  }

  const internal::v1::SessionRecord& HolderOf(uint64_t handle) {
    return *driver_.ledger->FindSession(
        driver_.ledger->FindSeat(handle)->session_id());
  }

  void PutInForce(const std::vector<PolicyRule>& rules) {
    Command command;
    command.mutable_apply_policy()->set_base_version(
        driver_.ledger->policies().version());
    *command.mutable_apply_policy()->mutable_policy() = policy::PolicyOf(rules);
    ASSERT_TRUE(driver_.DoAsAlice(command).ok());
  }

  // To the moment before the end, and to the end.
  void ExpectToLingerFor(uint64_t handle, int64_t span_ms) {
    driver_.PassClusterTime(span_ms - 1);
    driver_.Apply(AdvanceCommand());
    EXPECT_NE(driver_.ledger->FindSeat(handle), nullptr);
    driver_.PassClusterTime(1);
    driver_.Apply(AdvanceCommand());
    EXPECT_EQ(driver_.ledger->FindSeat(handle), nullptr);
  }

  LedgerDriver driver_;
  uint64_t session_ = 0;
  uint64_t seat_ = 0;
};

TEST_F(LingerTest, StaysOutAsLongAsTheLicenceSays) {
  ASSERT_TRUE(GiveBack().ok());
  EXPECT_EQ(driver_.out("cad"), 2u);
  EXPECT_TRUE(IsLinger(HolderOf(seat_)));
  EXPECT_EQ(driver_.ledger->NextDueClusterMs(),
            driver_.now.cluster_ms + kTtlMs * 5 / 4);
  ExpectToLingerFor(seat_, kLingerMs);
  EXPECT_EQ(driver_.out("cad"), 0u);
}

TEST_F(LingerTest, IsTakenUpBySameUserAtOnce) {
  GiveBack();
  const uint64_t again = driver_.OpenSession(kTtlMs);
  const LedgerAnswer answer = CheckOut(again, {{"cad", 2}});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer.seat_handles, std::vector<uint64_t>{seat_});
  EXPECT_EQ(answer.granted_calendar_ms, driver_.now.calendar_ms);
  const auto& seat = *driver_.ledger->FindSeat(seat_);
  EXPECT_EQ(seat.session_id(), again);
  EXPECT_EQ(seat.granted_calendar_ms(), driver_.now.calendar_ms);
  EXPECT_EQ(driver_.out("cad"), 2u);
  EXPECT_EQ(driver_.ledger->session_count(), 2u);
  // It is as any other now.
  EXPECT_TRUE(driver_.DoAsAlice(CheckinCommand(again, {seat_})).ok());
  EXPECT_TRUE(IsLinger(HolderOf(seat_)));
}

TEST_F(LingerTest, ComesBeforeThePoolAndTheQueue) {
  CheckOut(driver_.OpenSession(kMaxTtlMs), {{"cad", 2}});
  GiveBack();
  const uint64_t bobs = driver_.Do(OpenCommand(kMaxTtlMs), kBob).session_id;
  driver_.Do(WaitCommand(bobs, {{"cad", 1}}, kMaxWaitMs), kBob);
  EXPECT_EQ(driver_.Do(CheckoutCommand(bobs, {{"cad", 2}}), kBob).reason,
            type::v1::ERROR_REASON_POOL_EXHAUSTED);
  EXPECT_TRUE(CheckOut(session_, {{"cad", 2}}).ok());
}

TEST_F(LingerTest, IsNobodyElses) {
  const auto& client = driver_.ledger->FindSession(session_)->description();
  const std::string user = client.user();
  const std::string host = client.host();
  const std::string display = client.display();
  GiveBack();
  uint64_t fresh = seat_;
  for (const uint64_t other :
       {OpenOf(user + "x", host, display), OpenOf(user, host + "x", display),
        OpenOf(user, host, display + "x")}) {
    EXPECT_EQ(CheckOut(other, {{"cad", 2}}).seat_handles.at(0), ++fresh);
    driver_.Do(ReleaseSeatCommand(fresh), kBob);
  }
  // Nor another certificate's, of another count, or another feature's.
  const uint64_t bobs = OpenOf(user, host, display, kBob);
  EXPECT_EQ(
      driver_.Do(CheckoutCommand(bobs, {{"cad", 2}}), kBob).seat_handles.at(0),
      ++fresh);
  EXPECT_EQ(CheckOut(session_, {{"cad", 1}}).reason,
            type::v1::ERROR_REASON_POOL_EXHAUSTED);
  EXPECT_EQ(CheckOut(session_, {{"sim", 2}}).seat_handles.at(0), ++fresh);
  EXPECT_TRUE(IsLinger(HolderOf(seat_)));
}

TEST_F(LingerTest, SomeOfACheckoutMayLinger) {
  GiveBack();
  const LedgerAnswer answer =
      CheckOut(session_, {{"sim", 1}, {"cad", 2}, {"cad", 1}});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer.seat_handles[1], seat_);
  EXPECT_EQ(driver_.out("cad"), 3u);
  EXPECT_EQ(driver_.out("sim"), 1u);
}

TEST_F(LingerTest, AllOrNoneIsTakenUp) {
  GiveBack();
  EXPECT_EQ(CheckOut(session_, {{"cad", 2}, {"sim", 9}}).reason,
            type::v1::ERROR_REASON_COUNT_OVER_TOTAL);
  EXPECT_TRUE(IsLinger(HolderOf(seat_)));
}

TEST_F(LingerTest, GoesWithItsSession) {
  CheckOut(session_, {{"sim", 1}});
  driver_.DoAsAlice(CloseCommand(session_));
  EXPECT_TRUE(IsLinger(HolderOf(seat_)));
  EXPECT_EQ(driver_.out("sim"), 0u);
  EXPECT_EQ(driver_.ledger->session_count(), 1u);
}

TEST_F(LingerTest, AnEndedLeaseLeavesNothing) {
  driver_.PassClusterTime(kTtlMs * 5 / 4);
  driver_.Apply(AdvanceCommand());
  EXPECT_EQ(driver_.out("cad"), 0u);
}

TEST_F(LingerTest, TheLongerOfLicenceAndPolicyCounts) {
  PolicyRule rule =
      policy::RuleOf("hold", internal::v1::POLICY_RULE_KIND_LINGER, "", 0, {});
  rule.set_span_ms(kLingerMs + 1'000);
  PutInForce({rule});
  GiveBack();
  ExpectToLingerFor(seat_, kLingerMs + 1'000);
  rule.set_span_ms(1'000);
  PutInForce({rule});
  session_ = driver_.OpenSession(kTtlMs);
  seat_ = CheckOut(session_, {{"cad", 1}}).seat_handles.front();
  const uint64_t sim = CheckOut(session_, {{"sim", 1}}).seat_handles.front();
  GiveBack();
  driver_.DoAsAlice(CheckinCommand(session_, {sim}));
  ExpectToLingerFor(sim, 1'000);
  ExpectToLingerFor(seat_, kLingerMs - 1'000);
}

TEST_F(LingerTest, WhomThePolicyDeniesTakesNothingUp) {
  GiveBack();
  PutInForce({policy::RuleOf("no", internal::v1::POLICY_RULE_KIND_DENY, "cad",
                             0, {})});
  EXPECT_EQ(CheckOut(session_, {{"cad", 2}}).reason,
            type::v1::ERROR_REASON_POLICY_DENIED);
  // A limit counts it as it is.
  PutInForce({policy::RuleOf("few", internal::v1::POLICY_RULE_KIND_LIMIT, "cad",
                             2, {})});
  EXPECT_EQ(CheckOut(session_, {{"cad", 2}}).seat_handles,
            std::vector<uint64_t>{seat_});
}

TEST_F(LingerTest, WhoCoolsDownTakesNothingUp) {
  const uint64_t other = driver_.OpenSession(kTtlMs);
  CheckOut(other, {{"cad", 1}});
  GiveBack();
  driver_.Do(TerminateCommand(other, 30'000, true), kBob);
  EXPECT_EQ(CheckOut(session_, {{"cad", 2}}).reason,
            type::v1::ERROR_REASON_COOLING_DOWN);
}

TEST_F(LingerTest, IsTakenUpByTheSameShareKeyAlone) {
  Command install = InstallCommand("M", 1, {{"mesh", 4}});
  auto* const mesh =
      install.mutable_install_license()->mutable_terms()->mutable_features(0);
  mesh->set_linger_ms(kLingerMs);
  mesh->add_shared_by(internal::v1::SHARED_BY_KEY);
  ASSERT_TRUE(driver_.DoAsAlice(install).ok());
  const auto with_key = [this](const std::string& key) {
    Command command = CheckoutCommand(session_, {{"mesh", 1}});
    command.mutable_checkout()->mutable_items(0)->set_share_key(key);
    return driver_.DoAsAlice(command).seat_handles.at(0);
  };
  const uint64_t one = with_key("one");
  driver_.DoAsAlice(CheckinCommand(session_, {one}));
  EXPECT_NE(with_key("two"), one);
  EXPECT_EQ(with_key("one"), one);
}

TEST_F(LingerTest, AdministratorsFreeIt) {
  GiveBack();
  const uint64_t linger = HolderOf(seat_).session_id();
  EXPECT_EQ(driver_.DoAsAlice(CloseCommand(linger)).reason,
            type::v1::ERROR_REASON_SESSION_NOT_FOUND);
  EXPECT_EQ(driver_.Apply(RenewCommand(kAlice, {linger})).renewed_ttl_ms[0], 0);
  EXPECT_TRUE(driver_.Do(ReleaseSeatCommand(seat_), kBob).ok());
  EXPECT_TRUE(driver_.ledger->events().empty());
  EXPECT_EQ(driver_.out("cad"), 0u);
  EXPECT_EQ(driver_.ledger->FindSession(linger), nullptr);
}

TEST_F(LingerTest, WhatIsTakenAwayDoesNotLinger) {
  driver_.Do(ReleaseSeatCommand(seat_), kBob);
  EXPECT_EQ(driver_.out("cad"), 0u);
  CheckOut(session_, {{"cad", 1}});
  driver_.Do(TerminateCommand(session_, 0), kBob);
  driver_.DoAsAlice(CloseCommand(session_));
  EXPECT_EQ(driver_.out("cad"), 0u);
}

TEST_F(LingerTest, StaysOutWhereTheLicenceEnds) {
  GiveBack();
  Command newer = InstallCommand("L", 2, {{"sim", 4}});
  driver_.DoAsAlice(newer);
  EXPECT_EQ(CheckOut(session_, {{"cad", 2}}).reason,
            type::v1::ERROR_REASON_FEATURE_UNKNOWN);
  ExpectToLingerFor(seat_, kLingerMs);
}

TEST_F(LingerTest, IsFreeWhereThereIsNoRoomForASession) {
  LedgerLimits limits;
  limits.sessions = 1;
  LedgerDriver driver(limits);
  Command install = InstallCommand("L", 1, {{"cad", 4}});
  install.mutable_install_license()
      ->mutable_terms()
      ->mutable_features(0)
      ->set_linger_ms(kLingerMs);
  driver.DoAsAlice(install);
  const uint64_t session = driver.OpenSession(kTtlMs);
  const auto answer = driver.DoAsAlice(CheckoutCommand(session, {{"cad", 1}}));
  driver.DoAsAlice(CheckinCommand(session, answer.seat_handles));
  EXPECT_EQ(driver.out("cad"), 0u);
}

TEST_F(LingerTest, NoClientBelievesInIt) {
  GiveBack();
  EXPECT_EQ(driver_.ledger->LongestLeaseMs(), kTtlMs * 5 / 4);
}

}  // namespace
}  // namespace quorate::licensing

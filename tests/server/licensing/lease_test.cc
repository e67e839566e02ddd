// A lease ends at its TTL and a quarter after the last renewal, by cluster time
// alone, in a fixed order and a bounded number an entry. The tests move the
// stamps to the millisecond before and after each moment.

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"

namespace quorate::licensing {
namespace {

using testing::ElementsAre;

constexpr int64_t kTtlMs = 40'000;
constexpr int64_t kLeaseMs = 50'000;

class LeaseTest : public testing::Test {
 protected:
  LeaseTest() { Fill(&driver_); }

  static void Fill(LedgerDriver* driver) {
    EXPECT_TRUE(driver->DoAsAlice(InstallCommand("L", 1, {{"cad", 20}})).ok());
  }

  LedgerDriver driver_;
};

TEST_F(LeaseTest, EndsAtTtlAndMarginAndFreesTheSeats) {
  const uint64_t session = driver_.OpenSession(kTtlMs);
  driver_.DoAsAlice(CheckoutCommand(session, {{"cad", 3}}));
  EXPECT_EQ(driver_.ledger->NextDueClusterMs(),
            driver_.now.cluster_ms + kLeaseMs);
  driver_.PassClusterTime(kLeaseMs - 1);
  driver_.Apply(AdvanceCommand());
  EXPECT_EQ(driver_.out("cad"), 3u);
  driver_.PassClusterTime(1);
  driver_.Apply(AdvanceCommand());
  EXPECT_EQ(driver_.out("cad"), 0u);
  EXPECT_EQ(driver_.ledger->session_count(), 0u);
}

TEST_F(LeaseTest, ANoOpEndsLeasesToo) {
  driver_.OpenSession(kTtlMs);
  driver_.PassClusterTime(kLeaseMs);
  std::vector<RecordChange> changes;
  driver_.ledger->ApplyTime(driver_.now, &changes);
  EXPECT_EQ(driver_.ledger->session_count(), 0u);
  ApplyChanges(changes, &driver_.records);
  EXPECT_EQ(driver_.records, DumpedRecords(*driver_.ledger));
}

TEST_F(LeaseTest, ARenewalBeginsTheLeaseAgain) {
  const uint64_t session = driver_.OpenSession(kTtlMs);
  driver_.PassClusterTime(kLeaseMs - 1);
  EXPECT_THAT(driver_.Apply(RenewCommand(kAlice, {session})).renewed_ttl_ms,
              ElementsAre(kTtlMs));
  driver_.PassClusterTime(kLeaseMs - 1);
  driver_.Apply(AdvanceCommand());
  EXPECT_EQ(driver_.ledger->session_count(), 1u);
  driver_.PassClusterTime(1);
  EXPECT_THAT(driver_.Apply(RenewCommand(kAlice, {session})).renewed_ttl_ms,
              ElementsAre(0));
}

TEST_F(LeaseTest, RenewsManyAndNamesThoseThatAreGoneOrForeign) {
  const uint64_t first = driver_.OpenSession(kTtlMs);
  const uint64_t second = driver_.OpenSession(2 * kTtlMs);
  driver_.PassClusterTime(5);
  internal::v1::Command command =
      RenewCommand(kAlice, {first, 99, second, second});
  internal::v1::Renewal* const foreign =
      command.mutable_renew_sessions()->add_renewals();
  foreign->set_session_id(first);
  foreign->set_principal(kBob);
  EXPECT_THAT(driver_.Apply(command).renewed_ttl_ms,
              ElementsAre(kTtlMs, 0, 2 * kTtlMs, 2 * kTtlMs, 0));
}

TEST_F(LeaseTest, RefusesMoreRenewalsThanTheLimit) {
  EXPECT_TRUE(
      driver_
          .Apply(RenewCommand(kAlice, std::vector<uint64_t>(kMaxRenewals, 1)))
          .ok());
  EXPECT_EQ(driver_
                .Apply(RenewCommand(kAlice,
                                    std::vector<uint64_t>(kMaxRenewals + 1, 1)))
                .reason,
            type::v1::ERROR_REASON_BAD_REQUEST);
}

TEST_F(LeaseTest, CalendarJumpsEndNoLease) {
  driver_.OpenSession(kTtlMs);
  driver_.PassCalendar(1'000'000'000'000);
  driver_.Apply(AdvanceCommand());
  EXPECT_EQ(driver_.ledger->session_count(), 1u);
}

TEST_F(LeaseTest, TimeNeverGoesBack) {
  driver_.Apply(AdvanceCommand());
  const EntryTime before = driver_.ledger->time();
  driver_.now = {.cluster_ms = -5, .calendar_ms = 0};
  const LedgerAnswer answer = driver_.Apply(AdvanceCommand());
  EXPECT_EQ(answer.time.cluster_ms, before.cluster_ms);
  EXPECT_EQ(answer.time.calendar_ms, before.calendar_ms);
  EXPECT_TRUE(driver_.last_changes.empty()) << "nothing has changed";
}

TEST_F(LeaseTest, RefusesTtlsOutOfRange) {
  for (const int64_t ttl_ms : {kMinTtlMs - 1, kMaxTtlMs + 1, int64_t{-1}}) {
    const LedgerAnswer answer = driver_.DoAsAlice(OpenCommand(ttl_ms));
    EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_BAD_REQUEST);
    EXPECT_EQ(Fact(answer, "field"), "ttl_ms");
  }
  EXPECT_TRUE(driver_.DoAsAlice(OpenCommand(kMinTtlMs)).ok());
  EXPECT_TRUE(driver_.DoAsAlice(OpenCommand(kMaxTtlMs)).ok());
}

TEST_F(LeaseTest, RefusesDescriptionsThatAreNotPlainText) {
  for (const std::string& user :
       {std::string(kMaxTextBytes + 1, 'a'), std::string("a\nb")}) {
    internal::v1::Command command = OpenCommand(kTtlMs);
    command.mutable_open_session()->mutable_description()->set_user(user);
    EXPECT_EQ(driver_.DoAsAlice(command).reason,
              type::v1::ERROR_REASON_BAD_REQUEST);
  }
}

TEST(LeaseBoundTest, WhatIsDueBeyondTheBoundIsGoneButWaits) {
  LedgerDriver driver({.expiries_per_entry = 4});
  driver.DoAsAlice(InstallCommand("L", 1, {{"cad", 20}}));
  std::vector<uint64_t> sessions;
  for (int i = 0; i < 5; ++i) {
    sessions.push_back(driver.OpenSession(kTtlMs));
    driver.DoAsAlice(CheckoutCommand(sessions.back(), {{"cad", 1}}));
  }
  driver.PassClusterTime(kLeaseMs);
  // A session and its seat count as two: two sessions end here.
  EXPECT_THAT(driver.Apply(RenewCommand(kAlice, {sessions[4]})).renewed_ttl_ms,
              ElementsAre(0));
  EXPECT_EQ(driver.ledger->session_count(), 3u);
  EXPECT_EQ(driver.ledger->FindSession(sessions[1]), nullptr);
  EXPECT_NE(driver.ledger->FindSession(sessions[2]), nullptr);
  EXPECT_EQ(driver.out("cad"), 3u);
  EXPECT_LE(driver.ledger->NextDueClusterMs(), driver.now.cluster_ms)
      << "the rest is due now";
  EXPECT_EQ(driver.DoAsAlice(CloseCommand(sessions[4])).reason,
            type::v1::ERROR_REASON_SESSION_NOT_FOUND);
  driver.Apply(AdvanceCommand());
  EXPECT_EQ(driver.ledger->session_count(), 0u);
}

TEST(LeaseBoundTest, ASessionWithMoreSeatsThanTheBoundStillEnds) {
  LedgerDriver driver({.expiries_per_entry = 1});
  driver.DoAsAlice(InstallCommand("L", 1, {{"cad", 20}}));
  const uint64_t session = driver.OpenSession(kTtlMs);
  driver.DoAsAlice(CheckoutCommand(session, {{"cad", 1}, {"cad", 2}}));
  driver.PassClusterTime(kLeaseMs);
  driver.Apply(AdvanceCommand());
  EXPECT_EQ(driver.out("cad"), 0u);
}

TEST(LeaseBoundTest, RefusesMoreSessionsThanTheLimit) {
  LedgerDriver driver({.sessions = 2});
  driver.OpenSession();
  const uint64_t second = driver.OpenSession();
  const LedgerAnswer answer = driver.DoAsAlice(OpenCommand(kTtlMs));
  EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_LIMIT_REACHED);
  EXPECT_EQ(Fact(answer, "limit"), "sessions");
  EXPECT_EQ(Fact(answer, "max"), "2");
  driver.DoAsAlice(CloseCommand(second));
  EXPECT_TRUE(driver.DoAsAlice(OpenCommand(kTtlMs)).ok());
}

}  // namespace
}  // namespace quorate::licensing

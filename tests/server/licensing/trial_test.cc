// A trial runs for its days from its first checkout, once. Driven through the
// ledger by hand-written commands, with invariants after each.

#include <cstdint>
#include <string>

#include "gtest/gtest.h"

#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;

constexpr int64_t kDayMs = int64_t{24} * 3'600'000;
constexpr char kPool[] = "cad{trial:30d}";

class TrialTest : public testing::Test {
 protected:
  TrialTest() { Install("L", 1); }

  static Command License(const std::string& id, uint64_t serial) {
    Command command = InstallCommand(id, serial, {{"cad", 5}});
    command.mutable_install_license()
        ->mutable_terms()
        ->mutable_features(0)
        ->set_trial_days(30);
    return command;
  }

  void Install(const std::string& id, uint64_t serial) {
    ASSERT_TRUE(driver_.DoAsAlice(License(id, serial)).ok());
  }

  LedgerAnswer Take() {
    return driver_.DoAsAlice(CheckoutCommand(session_, {{"cad", 1}}));
  }

  LedgerDriver driver_;
  uint64_t session_ = driver_.OpenSession();
};

TEST_F(TrialTest, BeginsWithItsFirstCheckout) {
  driver_.PassCalendar(100 * kDayMs);
  const int64_t started_ms = driver_.now.calendar_ms;
  EXPECT_EQ(driver_.ledger->FindPool(kPool)->next_end_ms, 0);
  ASSERT_TRUE(Take().ok());
  EXPECT_EQ(driver_.ledger->FindPool(kPool)->next_end_ms,
            started_ms + 30 * kDayMs);
  EXPECT_EQ(driver_.ledger->NextDueCalendarMs(), started_ms + 30 * kDayMs);
  driver_.PassCalendar(30 * kDayMs - 1);
  EXPECT_TRUE(Take().ok());
  driver_.PassCalendar(1);
  const LedgerAnswer ended = Take();
  EXPECT_EQ(ended.reason, type::v1::ERROR_REASON_LICENSE_EXPIRED);
  EXPECT_EQ(Fact(ended, "ended_ms"), std::to_string(started_ms + 30 * kDayMs));
  // As with any licence, what is out stays out.
  EXPECT_EQ(driver_.out(kPool), 2u);
}

TEST_F(TrialTest, ARefusedCheckoutDoesNotBeginIt) {
  EXPECT_EQ(driver_.DoAsAlice(CheckoutCommand(session_, {{"cad", 6}})).reason,
            type::v1::ERROR_REASON_COUNT_OVER_TOTAL);
  driver_.PassCalendar(31 * kDayMs);
  EXPECT_TRUE(Take().ok());
}

TEST_F(TrialTest, NeitherANewerIssueNorARestartBeginsItAgain) {
  ASSERT_TRUE(Take().ok());
  driver_.PassCalendar(20 * kDayMs);
  Install("L", 2);
  driver_.ledger = RestoreLedger(driver_.records, driver_.limits, 1);
  ASSERT_TRUE(Take().ok());
  // Also where an issue between did not have it.
  ASSERT_TRUE(driver_.DoAsAlice(InstallCommand("L", 3, {{"other", 1}})).ok());
  driver_.PassCalendar(10 * kDayMs);
  Install("L", 4);
  EXPECT_EQ(Take().reason, type::v1::ERROR_REASON_LICENSE_EXPIRED);
}

TEST_F(TrialTest, EachLicenceHasItsOwn) {
  ASSERT_TRUE(Take().ok());
  driver_.PassCalendar(20 * kDayMs);
  Install("M", 1);
  EXPECT_EQ(driver_.total(kPool), 10u);
  ASSERT_TRUE(Take().ok());
  driver_.PassCalendar(10 * kDayMs);
  driver_.DoAsAlice(AdvanceCommand());
  EXPECT_EQ(driver_.total(kPool), 5u);
  driver_.PassCalendar(20 * kDayMs);
  EXPECT_EQ(Take().reason, type::v1::ERROR_REASON_LICENSE_EXPIRED);
}

TEST_F(TrialTest, ALicenceThatEndsBeforeItEndsIt) {
  Command command = License("M", 1);
  const int64_t end_ms = driver_.now.calendar_ms + 5 * kDayMs;
  command.mutable_install_license()->mutable_terms()->set_not_after_ms(end_ms);
  ASSERT_TRUE(driver_.DoAsAlice(command).ok());
  ASSERT_TRUE(Take().ok());
  EXPECT_EQ(driver_.ledger->FindPool(kPool)->next_end_ms, end_ms);
}

TEST_F(TrialTest, OfOneLicenceAFeatureHasOne) {
  Command twice = InstallCommand("M", 1, {{"cad", 5}, {"cad", 5}});
  for (auto& feature :
       *twice.mutable_install_license()->mutable_terms()->mutable_features()) {
    feature.set_trial_days(30);
  }
  EXPECT_EQ(driver_.DoAsAlice(twice).reason,
            type::v1::ERROR_REASON_BAD_REQUEST);
}

}  // namespace
}  // namespace quorate::licensing

// Each entry leaves what the history is made of: what a seat was used for, who
// was refused what and why, how much is out. By hand, after single commands.

#include <string>

#include "gtest/gtest.h"

#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;

constexpr int64_t kTtlMs = 60'000;
constexpr int64_t kHourMs = 3'600'000;

class LedgerHistoryTest : public testing::Test {
 protected:
  LedgerHistoryTest() {
    Command license = InstallCommand("L", 1, {{"cad", 3}, {"sim", 4}});
    license.mutable_install_license()
        ->mutable_terms()
        ->mutable_features(0)
        ->set_borrow_max_ms(kHourMs);
    driver_.DoAsAlice(license);
    session_ = driver_.OpenSession(kTtlMs);
  }

  const HistoryEvents& told() const { return driver_.ledger->history(); }

  // By alice, of cad: the only denial of the last entry.
  void ExpectDenied(type::v1::ErrorReason reason, uint64_t count) {
    ASSERT_EQ(told().denials.size(), 1U);
    const Denial& denial = told().denials.front();
    EXPECT_EQ(denial.feature, "cad");
    EXPECT_EQ(denial.reason, reason);
    EXPECT_EQ(denial.count, count);
    EXPECT_EQ(denial.subject.user, "alice");
  }

  LedgerDriver driver_;
  uint64_t session_ = 0;
};

TEST_F(LedgerHistoryTest, TellsAUseWhenTheSeatComesBack) {
  const int64_t begun_ms = driver_.now.calendar_ms;
  const LedgerAnswer answer =
      driver_.DoAsAlice(CheckoutCommand(session_, {{"cad", 2}}));
  EXPECT_TRUE(told().uses.empty());
  ASSERT_EQ(told().loads.size(), 1U);
  EXPECT_EQ(told().loads.front(),
            (LoadChange{.feature = "cad", .before = 0, .out = 2, .total = 3}));
  driver_.PassCalendar(5'000);
  driver_.DoAsAlice(CheckinCommand(session_, answer.seat_handles));
  ASSERT_EQ(told().uses.size(), 1U);
  const SeatUse& use = told().uses.front();
  EXPECT_EQ(use.feature, "cad");
  EXPECT_EQ(use.handle, answer.seat_handles.front());
  EXPECT_EQ(use.count, 2U);
  EXPECT_EQ(use.begun_ms, begun_ms);
  EXPECT_EQ(use.subject.user, "alice");
  ASSERT_EQ(told().loads.size(), 1U);
  EXPECT_EQ(told().loads.front(),
            (LoadChange{.feature = "cad", .before = 2, .out = 0, .total = 3}));
}

TEST_F(LedgerHistoryTest, WhoTakesALingeringSeatUpBeginsAnotherUse) {
  Command license = InstallCommand("M", 1, {{"late", 1}});
  license.mutable_install_license()
      ->mutable_terms()
      ->mutable_features(0)
      ->set_linger_ms(kHourMs);
  driver_.DoAsAlice(license);
  const int64_t begun_ms = driver_.now.calendar_ms;
  const LedgerAnswer first =
      driver_.DoAsAlice(CheckoutCommand(session_, {{"late", 1}}));
  driver_.PassCalendar(5'000);
  driver_.DoAsAlice(CheckinCommand(session_, first.seat_handles));
  EXPECT_TRUE(told().uses.empty());
  driver_.PassCalendar(7'000);
  const int64_t again_ms = driver_.now.calendar_ms;
  const LedgerAnswer second =
      driver_.DoAsAlice(CheckoutCommand(session_, {{"late", 1}}));
  ASSERT_EQ(second.seat_handles, first.seat_handles);
  ASSERT_EQ(told().uses.size(), 1U);
  EXPECT_EQ(told().uses.front().begun_ms, begun_ms);
  driver_.PassCalendar(1'000);
  driver_.DoAsAlice(CheckinCommand(session_, second.seat_handles));
  driver_.PassClusterTime(2 * kHourMs);
  driver_.PassCalendar(2 * kHourMs);
  driver_.Apply(AdvanceCommand());
  ASSERT_EQ(told().uses.size(), 1U);
  EXPECT_EQ(told().uses.front().begun_ms, again_ms);
}

TEST_F(LedgerHistoryTest, TellsRefusalsOfCheckoutsAndGrowth) {
  const LedgerAnswer answer =
      driver_.DoAsAlice(CheckoutCommand(session_, {{"cad", 2}}));
  driver_.DoAsAlice(CheckoutCommand(session_, {{"sim", 1}, {"cad", 2}}));
  ExpectDenied(type::v1::ERROR_REASON_POOL_EXHAUSTED, 2);
  driver_.DoAsAlice(ResizeCommand(session_, answer.seat_handles.front(), 5));
  ExpectDenied(type::v1::ERROR_REASON_COUNT_OVER_TOTAL, 5);
  EXPECT_TRUE(told().uses.empty());
}

TEST_F(LedgerHistoryTest, TellsRefusalsOfBookingsAndBorrows) {
  const LedgerAnswer answer =
      driver_.DoAsAlice(CheckoutCommand(session_, {{"cad", 2}}));
  driver_.DoAsAlice(BookCommand({{"sim", 1}, {"cad", 2}}, kHourMs));
  ExpectDenied(type::v1::ERROR_REASON_POOL_EXHAUSTED, 2);
  driver_.DoAsAlice(BorrowCommand(session_, answer.seat_handles, 2 * kHourMs));
  ExpectDenied(type::v1::ERROR_REASON_BORROW_TOO_LONG, 1);
}

TEST_F(LedgerHistoryTest, MistakesAreNoDenials) {
  driver_.DoAsAlice(CheckoutCommand(session_ + 1, {{"cad", 1}}));
  EXPECT_TRUE(told().empty());
  driver_.DoAsAlice(CheckinCommand(session_, {7}));
  EXPECT_TRUE(told().empty());
  // Of another's session.
  driver_.Do(CheckoutCommand(session_, {{"cad", 9}}), kBob);
  EXPECT_TRUE(told().empty());
}

TEST_F(LedgerHistoryTest, ARepeatedGrantTellsNothing) {
  const Command asked =
      driver_.Prepared(CheckoutCommand(session_, {{"cad", 2}}), kAlice);
  driver_.Apply(asked);
  EXPECT_EQ(told().loads.size(), 1U);
  EXPECT_TRUE(driver_.Apply(asked).repeated);
  EXPECT_TRUE(told().empty());
}

}  // namespace
}  // namespace quorate::licensing

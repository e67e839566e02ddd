// A borrowed seat is out until the calendar says that it is back, whatever else
// happens, within what the licences allow. Each rule at its edge, by hand, with
// the records compared after every command.

#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "server/licensing/restoration.h"
#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;
using internal::v1::FeatureTerms;
using internal::v1::SessionRecord;
using internal::v1::WriteOffRecord;

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr int64_t kTtlMs = 60'000;

class BorrowTest : public testing::Test {
 protected:
  BorrowTest() {
    // Ten units; six of them for a week, two of those six for a month.
    Command license = InstallCommand("L", 1, {{"cad", 6}, {"sim", 4}});
    FeatureTerms* cad = TermsOf(&license, 0);
    cad->set_borrow_max_ms(7 * kDayMs);
    cad->set_borrow_max_count(4);
    cad->set_borrow_low_water(3);
    EXPECT_TRUE(driver_.DoAsAlice(license).ok());
    license = InstallCommand("M", 1, {{"cad", 4}});
    TermsOf(&license, 0)->set_borrow_max_ms(30 * kDayMs);
    TermsOf(&license, 0)->set_borrow_max_count(2);
    EXPECT_TRUE(driver_.DoAsAlice(license).ok());
    session_ = driver_.OpenSession(kTtlMs);
  }

  static FeatureTerms* TermsOf(Command* license, int feature) {
    return license->mutable_install_license()
        ->mutable_terms()
        ->mutable_features(feature);
  }

  uint64_t CheckOut(const std::string& feature, uint32_t count) {
    const LedgerAnswer answer =
        driver_.DoAsAlice(CheckoutCommand(session_, {{feature, count}}));
    EXPECT_TRUE(answer.ok());
    return answer.ok() ? answer.seat_handles.front() : 0;
  }

  LedgerAnswer Borrow(const std::vector<uint64_t>& seats, int64_t span_ms) {
    return driver_.DoAsAlice(BorrowCommand(session_, seats, span_ms));
  }

  uint64_t borrowed(const std::string& feature) const {
    return driver_.ledger->FindPool(feature)->borrowed;
  }

  // By an administrator.
  LedgerAnswer Act(const Command& command) { return driver_.Do(command, kBob); }

  void Advance() { EXPECT_TRUE(driver_.Apply(AdvanceCommand()).ok()); }

  LedgerDriver driver_;
  uint64_t session_ = 0;
};

TEST_F(BorrowTest, MovesTheSeatsAndKeepsTheirHandles) {
  const uint64_t seat = CheckOut("cad", 2);
  const uint64_t stays = CheckOut("cad", 1);
  const LedgerAnswer answer = Borrow({seat}, kDayMs);
  ASSERT_TRUE(answer.ok());
  const SessionRecord* borrow = driver_.ledger->FindSession(answer.session_id);
  ASSERT_NE(borrow, nullptr);
  EXPECT_EQ(borrow->kind(), internal::v1::SESSION_KIND_BORROW);
  EXPECT_EQ(borrow->principal(), kAlice);
  EXPECT_EQ(borrow->description().user(), "alice");
  EXPECT_EQ(borrow->borrowed_until_ms(), driver_.now.calendar_ms + kDayMs);
  EXPECT_EQ(driver_.ledger->FindSeat(seat)->session_id(), answer.session_id);
  EXPECT_EQ(driver_.ledger->FindSeat(stays)->session_id(), session_);
  EXPECT_EQ(driver_.out("cad"), 3U);
  EXPECT_EQ(borrowed("cad"), 2U);
  std::vector<uint64_t> seen;
  driver_.ledger->VisitBorrows(0, [&seen](const SessionRecord& each) {
    seen.push_back(each.session_id());
    return true;
  });
  EXPECT_EQ(seen, std::vector<uint64_t>{answer.session_id});
}

TEST_F(BorrowTest, EndsByTheCalendarAnHourAfterItsDateAndByNothingElse) {
  const uint64_t seat = CheckOut("cad", 2);
  const uint64_t borrow = Borrow({seat}, kDayMs).session_id;
  EXPECT_TRUE(driver_.DoAsAlice(CloseCommand(session_)).ok());
  driver_.PassClusterTime(40 * kDayMs);
  Advance();
  EXPECT_EQ(driver_.out("cad"), 2U);
  EXPECT_EQ(driver_.ledger->NextDueCalendarMs(),
            driver_.now.calendar_ms + kDayMs + kHourMs);
  driver_.PassCalendar(kDayMs + kHourMs - 1);
  Advance();
  EXPECT_EQ(driver_.out("cad"), 2U);
  driver_.PassCalendar(1);
  Advance();
  EXPECT_EQ(driver_.out("cad"), 0U);
  EXPECT_EQ(driver_.ledger->FindSession(borrow), nullptr);
  EXPECT_EQ(driver_.ledger->FindSeat(seat), nullptr);
  EXPECT_EQ(driver_.ledger->NextDueCalendarMs(), std::nullopt);
}

TEST_F(BorrowTest, NobodyTakesItAway) {
  const uint64_t seat = CheckOut("cad", 2);
  const uint64_t borrow = Borrow({seat}, kDayMs).session_id;
  const auto refused = [&](const LedgerAnswer& answer) {
    EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_GRANT_IS_BORROWED);
    EXPECT_EQ(Fact(answer, "session"), std::to_string(borrow));
  };
  refused(Act(TerminateCommand(borrow, 0)));
  refused(Act(TerminateCommand(borrow, 0, true)));
  refused(Act(ReleaseSeatCommand(seat)));
  refused(driver_.DoAsAlice(CloseCommand(borrow)));
  refused(driver_.DoAsAlice(CheckinCommand(session_, {seat})));
  refused(driver_.DoAsAlice(CheckinCommand(borrow, {seat})));
  refused(driver_.DoAsAlice(ResizeCommand(session_, seat, 1)));
  refused(driver_.DoAsAlice(ResizeCommand(borrow, seat, 1)));
  refused(driver_.DoAsAlice(CheckoutCommand(borrow, {{"cad", 1}})));
  refused(driver_.DoAsAlice(BorrowCommand(borrow, {seat}, kDayMs)));
  refused(Borrow({seat}, kDayMs));
  EXPECT_EQ(driver_.Apply(RenewCommand(kAlice, {borrow})).renewed_ttl_ms[0], 0);
  EXPECT_TRUE(Act(TerminateCommand(session_, 0, true)).ok());
  EXPECT_EQ(driver_.out("cad"), 2U);
}

TEST_F(BorrowTest, ACancelledCheckoutDoesNotTakeItBack) {
  const uint64_t all = CheckOut("cad", 10);
  const Command waits =
      driver_.Prepared(WaitCommand(session_, {{"cad", 1}}, kTtlMs), kAlice);
  driver_.Apply(waits);
  EXPECT_TRUE(driver_.DoAsAlice(CheckinCommand(session_, {all})).ok());
  const uint64_t granted = driver_.Apply(waits).seat_handles.at(0);
  EXPECT_TRUE(Borrow({granted}, kDayMs).ok());
  EXPECT_TRUE(
      driver_.DoAsAlice(CancelCommand(session_, waits.request_id())).ok());
  EXPECT_EQ(driver_.out("cad"), 1U);
}

TEST_F(BorrowTest, IsReturnedEarlyOnceByWhoBorrowed) {
  const uint64_t seat = CheckOut("cad", 2);
  const uint64_t borrow = Borrow({seat}, kDayMs).session_id;
  EXPECT_EQ(driver_.Do(ReturnCommand(borrow), kBob).reason,
            type::v1::ERROR_REASON_SESSION_NOT_YOURS);
  EXPECT_EQ(driver_.DoAsAlice(ReturnCommand(session_)).reason,
            type::v1::ERROR_REASON_BORROW_NOT_FOUND);
  const Command returns = driver_.Prepared(ReturnCommand(borrow), kAlice);
  EXPECT_TRUE(driver_.Apply(returns).ok());
  EXPECT_EQ(driver_.out("cad"), 0U);
  EXPECT_EQ(borrowed("cad"), 0U);
  EXPECT_TRUE(driver_.Apply(returns).repeated);
  EXPECT_EQ(driver_.DoAsAlice(ReturnCommand(borrow)).reason,
            type::v1::ERROR_REASON_BORROW_NOT_FOUND);
}

TEST_F(BorrowTest, IsMadeOnceForOneRequest) {
  const uint64_t seat = CheckOut("cad", 2);
  const Command borrows =
      driver_.Prepared(BorrowCommand(session_, {seat}, kDayMs), kAlice);
  const LedgerAnswer first = driver_.Apply(borrows);
  driver_.PassCalendar(kHourMs);
  const LedgerAnswer again = driver_.Apply(borrows);
  EXPECT_TRUE(again.ok() && again.repeated);
  EXPECT_EQ(again.session_id, first.session_id);
}

TEST_F(BorrowTest, AWriteOffFreesItAndIsRemembered) {
  const uint64_t seat = CheckOut("cad", 2);
  const uint64_t borrow = Borrow({seat}, kDayMs).session_id;
  Command silent = WriteOffCommand(borrow);
  silent.mutable_write_off_borrow()->clear_reason();
  EXPECT_EQ(Fact(Act(silent), "field"), "reason");
  EXPECT_EQ(Act(WriteOffCommand(session_)).reason,
            type::v1::ERROR_REASON_BORROW_NOT_FOUND);
  EXPECT_TRUE(Act(WriteOffCommand(borrow)).ok());
  EXPECT_EQ(driver_.out("cad"), 0U);
  std::vector<WriteOffRecord> kept;
  driver_.ledger->VisitWriteOffs(0, [&kept](const WriteOffRecord& each) {
    kept.push_back(each);
    return true;
  });
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].borrow().session_id(), borrow);
  EXPECT_EQ(kept[0].seats(0).handle(), seat);
  EXPECT_EQ(kept[0].reason(), "lost on a train");
  EXPECT_EQ(kept[0].written_off_by(), kBob);
  EXPECT_EQ(kept[0].written_off_calendar_ms(), driver_.now.calendar_ms);
  const LedgerAnswer late = driver_.DoAsAlice(ReturnCommand(borrow));
  EXPECT_EQ(late.reason, type::v1::ERROR_REASON_BORROW_NOT_FOUND);
  EXPECT_EQ(Fact(late, "written_off_by"), kBob);
}

TEST_F(BorrowTest, OldWriteOffsMakeRoom) {
  LedgerDriver small({.write_offs = 2});
  Command license = InstallCommand("L", 1, {{"cad", 6}});
  TermsOf(&license, 0)->set_borrow_max_ms(kDayMs);
  small.DoAsAlice(license);
  const uint64_t session = small.OpenSession(kTtlMs);
  for (int i = 0; i < 4; ++i) {
    const uint64_t seat =
        small.DoAsAlice(CheckoutCommand(session, {{"cad", 1}})).seat_handles[0];
    const uint64_t borrow =
        small.DoAsAlice(BorrowCommand(session, {seat}, kDayMs)).session_id;
    EXPECT_TRUE(small.Do(WriteOffCommand(borrow), kBob).ok());
  }
  int kept = 0;
  small.ledger->VisitWriteOffs(0, [&kept](const WriteOffRecord&) {
    ++kept;
    return true;
  });
  EXPECT_EQ(kept, 2);
}

TEST_F(BorrowTest, LicencesSayWhetherAndHowLongAndHowMany) {
  EXPECT_EQ(Borrow({CheckOut("sim", 1)}, kDayMs).reason,
            type::v1::ERROR_REASON_BORROW_NOT_ALLOWED);
  const uint64_t first = CheckOut("cad", 2);
  const LedgerAnswer too_long = Borrow({first}, 30 * kDayMs + 1);
  EXPECT_EQ(too_long.reason, type::v1::ERROR_REASON_BORROW_TOO_LONG);
  EXPECT_EQ(Fact(too_long, "latest_ms"),
            std::to_string(driver_.now.calendar_ms + 30 * kDayMs));
  EXPECT_TRUE(Borrow({first}, 30 * kDayMs).ok());
  const uint64_t second = CheckOut("cad", 1);
  const LedgerAnswer too_many = Borrow({second}, 7 * kDayMs + 1);
  EXPECT_EQ(too_many.reason, type::v1::ERROR_REASON_BORROW_LIMIT);
  EXPECT_EQ(Fact(too_many, "borrow_limit"), "count");
  EXPECT_EQ(Fact(too_many, "max"), "2");
  const uint64_t third = CheckOut("cad", 3);
  EXPECT_TRUE(Borrow({second, third}, 7 * kDayMs).ok());
  EXPECT_EQ(borrowed("cad"), 6U);
  EXPECT_EQ(Borrow({CheckOut("cad", 1)}, kHourMs).reason,
            type::v1::ERROR_REASON_BORROW_LIMIT);
}

TEST_F(BorrowTest, SomeUnitsAreNotBorrowed) {
  Command license = InstallCommand("L", 2, {{"cad", 6}});
  TermsOf(&license, 0)->set_borrow_max_ms(7 * kDayMs);
  TermsOf(&license, 0)->set_borrow_low_water(8);
  EXPECT_TRUE(driver_.DoAsAlice(license).ok());
  const LedgerAnswer refused = Borrow({CheckOut("cad", 3)}, kDayMs);
  EXPECT_EQ(refused.reason, type::v1::ERROR_REASON_BORROW_LIMIT);
  EXPECT_EQ(Fact(refused, "borrow_limit"), "low_water");
  EXPECT_EQ(Fact(refused, "max"), "2");
  EXPECT_TRUE(Borrow({CheckOut("cad", 2)}, kDayMs).ok());
}

TEST_F(BorrowTest, NoneOutlivesItsLicence) {
  Command license = InstallCommand("N", 1, {{"cam", 6}});
  TermsOf(&license, 0)->set_borrow_max_ms(7 * kDayMs);
  license.mutable_install_license()->mutable_terms()->set_not_after_ms(
      driver_.now.calendar_ms + 2 * kDayMs);
  EXPECT_TRUE(driver_.DoAsAlice(license).ok());
  const uint64_t seat = CheckOut("cam", 1);
  EXPECT_EQ(Borrow({seat}, 2 * kDayMs + 1).reason,
            type::v1::ERROR_REASON_BORROW_TOO_LONG);
  EXPECT_TRUE(Borrow({seat}, 2 * kDayMs).ok());
}

TEST_F(BorrowTest, TokensAreBorrowedWithTheirSeat) {
  Command license = InstallCommand("T", 1, {{"tok", 10}, {"fea", 0}});
  TermsOf(&license, 0)->set_borrow_low_water(5);
  TermsOf(&license, 1)->set_token_feature("tok");
  TermsOf(&license, 1)->set_token_cost(3);
  TermsOf(&license, 1)->set_borrow_max_ms(kDayMs);
  EXPECT_TRUE(driver_.DoAsAlice(license).ok());
  EXPECT_TRUE(Borrow({CheckOut("fea", 1)}, kDayMs).ok());
  EXPECT_EQ(borrowed("tok"), 3U);
  EXPECT_EQ(borrowed("fea{3*tok}"), 1U);
  EXPECT_EQ(Borrow({CheckOut("fea", 1)}, kDayMs).reason,
            type::v1::ERROR_REASON_BORROW_LIMIT);
}

TEST_F(BorrowTest, SeatsAndTokensOfAPoolGoTogether) {
  Command license = InstallCommand("T", 1, {{"tok", 10}, {"fea", 0}});
  TermsOf(&license, 0)->set_borrow_low_water(5);
  TermsOf(&license, 0)->set_borrow_max_ms(kDayMs);
  TermsOf(&license, 1)->set_token_feature("tok");
  TermsOf(&license, 1)->set_token_cost(3);
  TermsOf(&license, 1)->set_borrow_max_ms(kDayMs);
  EXPECT_TRUE(driver_.DoAsAlice(license).ok());
  const uint64_t both = CheckOut("tok", 3);
  const uint64_t tokens = CheckOut("fea", 1);
  EXPECT_EQ(Borrow({both, tokens}, kDayMs).reason,
            type::v1::ERROR_REASON_BORROW_LIMIT);
  EXPECT_TRUE(Borrow({tokens}, kDayMs).ok());
  EXPECT_EQ(borrowed("tok"), 3U);
}

TEST_F(BorrowTest, NamesTheFieldsThatAreWrong) {
  const uint64_t seat = CheckOut("cad", 1);
  const auto field = [](const LedgerAnswer& answer) {
    EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_BAD_REQUEST);
    return Fact(answer, "field");
  };
  EXPECT_EQ(field(Borrow({}, kDayMs)), "seat_handles");
  EXPECT_EQ(field(Borrow({seat, seat}, kDayMs)), "seat_handles");
  EXPECT_EQ(field(Borrow({seat}, 0)), "until_ms");
  EXPECT_EQ(field(Borrow({seat}, -1)), "span_ms");
  EXPECT_EQ(field(Borrow({seat}, kMaxBorrowMs + 1)), "span_ms");
  Command until = BorrowCommand(session_, {seat}, 0);
  until.mutable_borrow()->set_until_ms(driver_.now.calendar_ms);
  EXPECT_EQ(field(driver_.DoAsAlice(until)), "until_ms");
  until.mutable_borrow()->set_until_ms(driver_.now.calendar_ms + kDayMs);
  EXPECT_TRUE(driver_.DoAsAlice(until).ok());
}

TEST_F(BorrowTest, ARestoredClusterCountsItAsOut) {
  const uint64_t seat = CheckOut("cad", 2);
  const uint64_t borrow = Borrow({seat}, kDayMs).session_id;
  Records records;
  for (const auto& [key, value] : driver_.records) {
    const auto change = RestoreRecordFor(
        {.epoch = 2, .restore_id = "r", .old_clients = {"h:1"}}, key, value);
    ASSERT_TRUE(change.ok()) << change.status();
    if (!change->has_value()) {
      records[key] = value;
    } else if ((*change)->value.has_value()) {
      records[key] = *(*change)->value;
    }
  }
  driver_.ledger = RestoreLedger(records, driver_.limits, 1, 2);
  driver_.records = records;
  EXPECT_TRUE(Act(GoneCommand(1, 0)).ok());
  driver_.PassClusterTime(kLongestLeaseMs);
  const uint64_t session = driver_.OpenSession(kTtlMs);
  EXPECT_EQ(driver_.out("cad"), 2U);
  EXPECT_EQ(driver_.DoAsAlice(CheckoutCommand(session, {{"cad", 9}})).reason,
            type::v1::ERROR_REASON_POOL_EXHAUSTED);
  EXPECT_EQ(driver_.DoAsAlice(BorrowCommand(session_, {seat}, kDayMs)).reason,
            type::v1::ERROR_REASON_SESSION_NOT_FOUND);
  driver_.PassCalendar(kDayMs + kHourMs - 1);
  Advance();
  EXPECT_EQ(driver_.out("cad"), 2U);
  EXPECT_TRUE(driver_.DoAsAlice(ReturnCommand(borrow)).ok());
  EXPECT_EQ(driver_.out("cad"), 0U);
}

}  // namespace
}  // namespace quorate::licensing

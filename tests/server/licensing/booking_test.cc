// A booking keeps its seats for a job until the job takes them over, all of
// them with their handles, or until its time is over. Each rule at its edge, by
// hand, with the records compared after every command.

#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;
using internal::v1::SessionRecord;

constexpr int64_t kTtlMs = 60'000;
constexpr int64_t kHoldMs = 600'000;

class BookingTest : public testing::Test {
 protected:
  BookingTest() {
    driver_.DoAsAlice(InstallCommand("L", 1, {{"cad", 4}, {"sim", 4}}));
  }

  LedgerAnswer Book(const std::vector<std::pair<std::string, uint32_t>>& items,
                    int64_t hold_ms = kHoldMs) {
    return driver_.DoAsAlice(BookCommand(items, hold_ms));
  }

  LedgerAnswer Confirm(uint64_t booking, uint64_t session) {
    return driver_.DoAsAlice(ConfirmCommand(booking, session));
  }

  // By an administrator.
  LedgerAnswer Act(const Command& command) { return driver_.Do(command, kBob); }

  LedgerDriver driver_;
};

TEST_F(BookingTest, TakesAllOrNone) {
  EXPECT_EQ(Book({{"cad", 2}, {"sim", 5}}).reason,
            type::v1::ERROR_REASON_COUNT_OVER_TOTAL);
  EXPECT_EQ(driver_.out("cad"), 0U);
  const LedgerAnswer answer = Book({{"cad", 2}, {"sim", 4}});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer.seat_handles.size(), 2U);
  EXPECT_EQ(driver_.out("cad"), 2U);
  EXPECT_EQ(driver_.out("sim"), 4U);
  const SessionRecord* booking = driver_.ledger->FindSession(answer.session_id);
  EXPECT_EQ(booking->kind(), internal::v1::SESSION_KIND_BOOKING);
  EXPECT_EQ(booking->booking().job(), "j7");
  EXPECT_EQ(booking->principal(), kAlice);
  EXPECT_EQ(Book({{"cad", 3}}).reason, type::v1::ERROR_REASON_POOL_EXHAUSTED);
}

TEST_F(BookingTest, IsTakenOverWithItsHandles) {
  const LedgerAnswer booked = Book({{"cad", 2}, {"sim", 1}});
  const uint64_t session = driver_.OpenSession(kTtlMs);
  const Command confirms =
      driver_.Prepared(ConfirmCommand(booked.session_id, session), kAlice);
  const LedgerAnswer answer = driver_.Apply(confirms);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer.seat_handles, booked.seat_handles);
  EXPECT_EQ(driver_.ledger->FindSession(booked.session_id), nullptr);
  for (const uint64_t handle : booked.seat_handles) {
    EXPECT_EQ(driver_.ledger->FindSeat(handle)->session_id(), session);
  }
  EXPECT_EQ(driver_.out("cad"), 2U);
  EXPECT_EQ(driver_.Apply(confirms).seat_handles, booked.seat_handles);
  EXPECT_EQ(Confirm(booked.session_id, session).reason,
            type::v1::ERROR_REASON_BOOKING_NOT_FOUND);
  EXPECT_TRUE(
      driver_.DoAsAlice(CheckinCommand(session, booked.seat_handles)).ok());
  EXPECT_EQ(driver_.out("cad"), 0U);
}

TEST_F(BookingTest, LapsesByItselfAndIsNotRenewed) {
  const uint64_t booking = Book({{"cad", 4}}).session_id;
  EXPECT_EQ(driver_.Apply(RenewCommand(kAlice, {booking})).renewed_ttl_ms[0],
            0);
  // Who waits gets it.
  const uint64_t session = driver_.OpenSession(kMaxTtlMs);
  const Command waits =
      driver_.Prepared(WaitCommand(session, {{"cad", 1}}, 2 * kHoldMs), kAlice);
  driver_.Apply(waits);
  driver_.PassClusterTime(kHoldMs - 1);
  driver_.PassCalendar(100 * kHoldMs);
  EXPECT_TRUE(driver_.Apply(waits).seat_handles.empty());
  EXPECT_EQ(driver_.ledger->NextDueClusterMs(), driver_.now.cluster_ms + 1);
  driver_.PassClusterTime(1);
  driver_.Apply(AdvanceCommand());
  EXPECT_EQ(driver_.Apply(waits).seat_handles.size(), 1U);
  EXPECT_EQ(Confirm(booking, session).reason,
            type::v1::ERROR_REASON_BOOKING_NOT_FOUND);
}

TEST_F(BookingTest, IsCancelledByWhoBooked) {
  const uint64_t booking = Book({{"cad", 4}}).session_id;
  EXPECT_EQ(Act(CancelBookingCommand(booking)).reason,
            type::v1::ERROR_REASON_SESSION_NOT_YOURS);
  EXPECT_EQ(Act(ConfirmCommand(booking, booking)).reason,
            type::v1::ERROR_REASON_SESSION_NOT_YOURS);
  EXPECT_TRUE(driver_.DoAsAlice(CancelBookingCommand(booking)).ok());
  EXPECT_EQ(driver_.out("cad"), 0U);
  EXPECT_EQ(driver_.DoAsAlice(CancelBookingCommand(booking)).reason,
            type::v1::ERROR_REASON_BOOKING_NOT_FOUND);
}

TEST_F(BookingTest, IsNoApplication) {
  const LedgerAnswer booked = Book({{"cad", 1}});
  const uint64_t booking = booked.session_id;
  for (const Command& command :
       {CheckoutCommand(booking, {{"cad", 1}}), CloseCommand(booking),
        CheckinCommand(booking, booked.seat_handles),
        ResizeCommand(booking, booked.seat_handles[0], 2),
        BorrowCommand(booking, booked.seat_handles, kHoldMs),
        ConfirmCommand(booking, booking)}) {
    EXPECT_EQ(driver_.DoAsAlice(command).reason,
              type::v1::ERROR_REASON_GRANT_IS_BOOKED);
  }
}

TEST_F(BookingTest, AnAdministratorEndsItWholly) {
  const LedgerAnswer first = Book({{"cad", 1}, {"sim", 1}});
  EXPECT_TRUE(Act(ReleaseSeatCommand(first.seat_handles[1])).ok());
  EXPECT_EQ(driver_.out("cad"), 0U);
  const uint64_t second = Book({{"cad", 1}}).session_id;
  EXPECT_TRUE(Act(TerminateCommand(second, 0)).ok());
  EXPECT_EQ(driver_.out("cad"), 0U);
}

TEST_F(BookingTest, IsConfirmedByTheRulesOfACheckout) {
  // Only on host h, and seats of one user count as one.
  Command license = InstallCommand("H", 1, {{"cam", 2}});
  internal::v1::FeatureTerms* cam =
      license.mutable_install_license()->mutable_terms()->mutable_features(0);
  cam->add_hosts("h");
  cam->add_shared_by(internal::v1::SHARED_BY_USER);
  driver_.DoAsAlice(license);
  Command books = BookCommand({{"cam", 2}}, kHoldMs);
  EXPECT_EQ(driver_.DoAsAlice(books).reason,
            type::v1::ERROR_REASON_HOST_NOT_COVERED);
  books.mutable_book()->mutable_description()->set_host("h");
  const LedgerAnswer booked = driver_.DoAsAlice(books);
  ASSERT_TRUE(booked.ok());
  EXPECT_EQ(Confirm(booked.session_id, driver_.OpenSession(kTtlMs)).reason,
            type::v1::ERROR_REASON_HOST_NOT_COVERED);
  EXPECT_EQ(driver_.ledger->FindSeat(booked.seat_handles[0])->session_id(),
            booked.session_id);
  Command opens = OpenCommand(kTtlMs);
  opens.mutable_open_session()->mutable_description()->set_host("h");
  opens.mutable_open_session()->mutable_description()->set_user("bob");
  const uint64_t session = driver_.DoAsAlice(opens).session_id;
  EXPECT_TRUE(Confirm(booked.session_id, session).ok());
  EXPECT_EQ(driver_.ledger->FindSeat(booked.seat_handles[0])->share_group(),
            std::string("ubob\x1f", 5));
}

TEST_F(BookingTest, DoesNotOvertakeThoseWhoWait) {
  const uint64_t session = driver_.OpenSession(kTtlMs);
  driver_.DoAsAlice(CheckoutCommand(session, {{"cad", 3}}));
  driver_.DoAsAlice(WaitCommand(session, {{"cad", 2}}, kTtlMs));
  EXPECT_EQ(Book({{"cad", 1}}).reason, type::v1::ERROR_REASON_POOL_EXHAUSTED);
}

TEST_F(BookingTest, WhatIsUsedUpIsNotBooked) {
  Command license = InstallCommand("C", 1, {{"run", 10}});
  license.mutable_install_license()
      ->mutable_terms()
      ->mutable_features(0)
      ->set_credits(true);
  driver_.DoAsAlice(license);
  EXPECT_EQ(Fact(Book({{"run", 1}}), "field"), "items[0].feature");
}

TEST_F(BookingTest, NamesTheFieldsThatAreWrong) {
  EXPECT_EQ(Fact(Book({{"cad", 1}}, 0), "field"), "hold_ms");
  EXPECT_EQ(Fact(Book({{"cad", 1}}, kMaxBookingMs + 1), "field"), "hold_ms");
  EXPECT_EQ(Fact(Book({}), "field"), "items");
  Command command = BookCommand({{"cad", 1}}, kHoldMs);
  command.mutable_book()->set_job("a\nb");
  EXPECT_EQ(Fact(driver_.DoAsAlice(command), "field"), "job");
}

TEST_F(BookingTest, ADayLongBookingDelaysNoRestore) {
  Book({{"cad", 1}}, kMaxBookingMs);
  EXPECT_EQ(driver_.ledger->LongestLeaseMs(), 0);
  driver_.OpenSession(kTtlMs);
  EXPECT_EQ(driver_.ledger->LongestLeaseMs(), kTtlMs * 5 / 4);
}

}  // namespace
}  // namespace quorate::licensing

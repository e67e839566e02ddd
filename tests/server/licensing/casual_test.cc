// Each user has seats of a casual pool out for his minutes of a month, and no
// longer. Driven through the ledger by hand-written commands, with invariants
// after each.

#include "server/licensing/casual.h"

#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;

constexpr int64_t kMinuteMs = 60'000;
constexpr char kPool[] = "cad{casual:100m}";

class CasualTest : public testing::Test {
 protected:
  CasualTest() {
    Command command = InstallCommand("L", 1, {{"cad", 3}});
    command.mutable_install_license()
        ->mutable_terms()
        ->mutable_features(0)
        ->set_casual_minutes(100);
    EXPECT_TRUE(driver_.DoAsAlice(command).ok());
  }

  uint64_t Open(const std::string& user) {
    Command command = OpenCommand(kMaxTtlMs);
    command.mutable_open_session()->mutable_description()->set_user(user);
    return driver_.DoAsAlice(command).session_id;
  }

  LedgerAnswer Take(uint64_t session) {
    return driver_.DoAsAlice(CheckoutCommand(session, {{"cad", 1}}));
  }

  void Return(uint64_t session, const LedgerAnswer& seat) {
    EXPECT_TRUE(
        driver_.DoAsAlice(CheckinCommand(session, seat.seat_handles)).ok());
  }

  void PassMinutes(int64_t minutes) {
    driver_.PassCalendar(minutes * kMinuteMs);
    driver_.DoAsAlice(AdvanceCommand());
  }

  LedgerDriver driver_;
  uint64_t ann_ = Open("ann");
};

TEST_F(CasualTest, AMonthEndsAtItsEnd) {
  EXPECT_EQ(MonthEndMs(0), 2'678'400'000);
  EXPECT_EQ(MonthEndMs(2'678'399'999), 2'678'400'000);
  EXPECT_EQ(MonthEndMs(2'678'400'000), 5'097'600'000);
  // December 2023, a leap year's February.
  EXPECT_EQ(MonthEndMs(1'704'067'199'999), 1'704'067'200'000);
  EXPECT_EQ(MonthEndMs(1'706'745'600'000), 1'709'251'200'000);
}

TEST_F(CasualTest, MinutesRunWhileASeatIsOut) {
  const LedgerAnswer first = Take(ann_);
  PassMinutes(60);
  Return(ann_, first);
  PassMinutes(1'000);
  ASSERT_TRUE(Take(ann_).ok());
  const int64_t due_ms = driver_.now.calendar_ms + 40 * kMinuteMs;
  EXPECT_EQ(driver_.ledger->NextDueCalendarMs(), due_ms);
  driver_.now.calendar_ms = due_ms - 1;
  driver_.DoAsAlice(AdvanceCommand());
  EXPECT_EQ(driver_.out(kPool), 1u);
  driver_.PassCalendar(1);
  driver_.DoAsAlice(AdvanceCommand());
  EXPECT_EQ(driver_.out(kPool), 0u);
}

TEST_F(CasualTest, TheHolderIsToldAndRefusedUntilTheMonthsEnd) {
  const LedgerAnswer seat = Take(ann_);
  PassMinutes(100);
  ASSERT_EQ(driver_.ledger->events().size(), 1u);
  const LedgerEvent& event = driver_.ledger->events()[0];
  EXPECT_EQ(event.kind, LedgerEvent::Kind::kSeatReleased);
  EXPECT_EQ(event.session_id, ann_);
  EXPECT_EQ(event.seats.at(0).handle(), seat.seat_handles.at(0));
  EXPECT_EQ(event.reason, "the minutes of this month are used up");
  // A client that missed the event learns it from its renewals.
  EXPECT_EQ(driver_.ledger->FindSession(ann_)->seats_taken(), 1u);
  const LedgerAnswer refused =
      driver_.DoAsAlice(WaitCommand(ann_, {{"cad", 1}}, 60'000));
  EXPECT_EQ(refused.reason, type::v1::ERROR_REASON_CASUAL_MINUTES_USED);
  const int64_t end_ms = MonthEndMs(driver_.now.calendar_ms);
  EXPECT_EQ(Fact(refused, "next_ms"), std::to_string(end_ms));
  EXPECT_EQ(Fact(refused, "minutes"), "100");
  EXPECT_TRUE(Take(Open("bob")).ok());
  driver_.now.calendar_ms = end_ms;
  EXPECT_TRUE(Take(ann_).ok());
}

TEST_F(CasualTest, TellsWhoUsedHowMuch) {
  EXPECT_TRUE(driver_.ledger->CasualUsersOf("", {}, 10).empty());
  const LedgerAnswer seat = Take(ann_);
  Take(Open("bob"));
  PassMinutes(60);
  Return(ann_, seat);
  PassMinutes(10);
  const auto users = driver_.ledger->CasualUsersOf("cad", {}, 10);
  ASSERT_EQ(users.size(), 2u);
  EXPECT_EQ(users[0].user, "ann");
  EXPECT_EQ(users[0].used_ms, 60 * kMinuteMs);
  EXPECT_EQ(users[0].limit_ms, 100 * kMinuteMs);
  EXPECT_EQ(users[0].month_end_ms, MonthEndMs(driver_.now.calendar_ms));
  EXPECT_FALSE(users[0].active);
  EXPECT_EQ(users[1].user, "bob");
  EXPECT_EQ(users[1].used_ms, 70 * kMinuteMs);
  EXPECT_TRUE(users[1].active);
  EXPECT_EQ(driver_.ledger->CasualUsersOf("", {kPool, "ann"}, 1).size(), 1u);
  EXPECT_TRUE(driver_.ledger->CasualUsersOf("other", {}, 10).empty());
}

TEST_F(CasualTest, SeveralSeatsAtOnceCountOnce) {
  const LedgerAnswer first = Take(ann_);
  PassMinutes(30);
  const uint64_t again = Open("ann");
  const LedgerAnswer second = Take(again);
  PassMinutes(30);
  Return(ann_, first);
  PassMinutes(30);
  EXPECT_EQ(driver_.out(kPool), 1u);
  PassMinutes(9);
  EXPECT_EQ(driver_.out(kPool), 1u);
  PassMinutes(1);
  EXPECT_EQ(driver_.out(kPool), 0u);
}

TEST_F(CasualTest, ANewMonthBeginsWithAllMinutes) {
  driver_.now.calendar_ms = MonthEndMs(driver_.now.calendar_ms) - kMinuteMs;
  ASSERT_TRUE(Take(ann_).ok());
  PassMinutes(1);
  PassMinutes(99);
  EXPECT_EQ(driver_.out(kPool), 1u);
  PassMinutes(1);
  EXPECT_EQ(driver_.out(kPool), 0u);
}

TEST_F(CasualTest, ALeapOfTheCalendarEndsWhatItPassed) {
  ASSERT_TRUE(Take(ann_).ok());
  driver_.now.calendar_ms = MonthEndMs(driver_.now.calendar_ms) + kMinuteMs;
  driver_.DoAsAlice(AdvanceCommand());
  EXPECT_EQ(driver_.out(kPool), 0u);
  EXPECT_TRUE(Take(ann_).ok());
  // His minutes were used up in the month before: none of this one's are.
  PassMinutes(99);
  EXPECT_EQ(driver_.out(kPool), 1u);
  PassMinutes(1);
  EXPECT_EQ(driver_.out(kPool), 0u);
}

TEST_F(CasualTest, ALostClientsMinutesEndWithItsLease) {
  const uint64_t session = driver_.OpenSession(kMinTtlMs);
  ASSERT_TRUE(Take(session).ok());
  driver_.PassClusterTime(kMinTtlMs * 2);
  PassMinutes(1);
  EXPECT_EQ(driver_.ledger->seat_count(), 0u);
  // Till the month ends, which nobody is to be woken for otherwise.
  EXPECT_EQ(driver_.ledger->NextDueCalendarMs(),
            MonthEndMs(driver_.now.calendar_ms));
  driver_.now.calendar_ms = MonthEndMs(driver_.now.calendar_ms);
  driver_.DoAsAlice(AdvanceCommand());
  EXPECT_EQ(driver_.ledger->NextDueCalendarMs(), std::nullopt);
}

TEST_F(CasualTest, ARestartKeepsWhatIsUsedAndWhatRuns) {
  const LedgerAnswer first = Take(ann_);
  PassMinutes(50);
  Return(ann_, first);
  ASSERT_TRUE(Take(ann_).ok());
  PassMinutes(10);
  driver_.ledger = RestoreLedger(driver_.records, driver_.limits, 1);
  PassMinutes(39);
  EXPECT_EQ(driver_.out(kPool), 1u);
  PassMinutes(1);
  EXPECT_EQ(driver_.out(kPool), 0u);
}

TEST_F(CasualTest, ResizingIsNoReturn) {
  const uint64_t seat = Take(ann_).seat_handles.at(0);
  PassMinutes(60);
  ASSERT_TRUE(driver_.DoAsAlice(ResizeCommand(ann_, seat, 2)).ok());
  PassMinutes(40);
  EXPECT_EQ(driver_.out(kPool), 0u);
}

}  // namespace
}  // namespace quorate::licensing

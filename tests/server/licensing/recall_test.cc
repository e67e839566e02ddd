// What is reserved and lent comes back to whom it is reserved for, as soon as
// he waits and the span is over, from others and no more of it than is lacking.
// By hand, entry by entry, with the records compared after every command.

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/licensing/policy_book.h"
#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"
#include "tests/server/policy/policies.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;
using internal::v1::POLICY_FIELD_USER;
using internal::v1::POLICY_RULE_KIND_LINGER;
using internal::v1::POLICY_RULE_KIND_RESERVE;
using internal::v1::PolicyRule;
using testing::ElementsAre;
using testing::IsEmpty;
using Kind = LedgerEvent::Kind;

constexpr int64_t kSpanMs = 60'000;
constexpr int64_t kHourMs = 3'600'000;

PolicyRule Reserve(const std::string& name, uint64_t units,
                   const std::vector<std::string>& users, int64_t span_ms) {
  PolicyRule rule = policy::RuleOf(name, POLICY_RULE_KIND_RESERVE, "cad", units,
                                   {{POLICY_FIELD_USER, users}});
  rule.set_lend(span_ms >= 0);
  rule.set_span_ms(std::max<int64_t>(span_ms, 0));
  return rule;
}

class RecallTest : public testing::Test {
 protected:
  RecallTest() {
    driver_.DoAsAlice(InstallCommand("L", 1, {{"cad", 6}, {"cam", 1}}));
    PutInForce({Reserve("crash", 3, {"ann", "amy"}, kSpanMs)});
  }

  void PutInForce(const std::vector<PolicyRule>& rules) {
    Command command;
    command.mutable_apply_policy()->set_base_version(
        driver_.ledger->policies().version());
    *command.mutable_apply_policy()->mutable_policy() = policy::PolicyOf(rules);
    ASSERT_TRUE(driver_.DoAsAlice(command).ok());
  }

  uint64_t Open(const std::string& user) {
    Command command = OpenCommand(kHourMs);
    command.mutable_open_session()->mutable_description()->set_user(user);
    return driver_.DoAsAlice(command).session_id;
  }

  // One seat, of a session of its own.
  uint64_t Take(const std::string& user, uint32_t units) {
    const LedgerAnswer answer =
        driver_.DoAsAlice(CheckoutCommand(Open(user), {{"cad", units}}));
    EXPECT_TRUE(answer.ok()) << answer.reason;
    return answer.ok() ? answer.seat_handles.front() : 0;
  }

  std::vector<uint64_t> TakeSix() {
    std::vector<uint64_t> handles;
    for (int i = 0; i < 6; ++i)
      handles.push_back(Take("bob", 1));
    return handles;
  }

  LedgerAnswer Wait(const std::string& user, uint32_t units,
                    uint32_t priority = 5) {
    return driver_.DoAsAlice(
        WaitCommand(Open(user), {{"cad", units}}, kHourMs, priority));
  }

  void Pass(int64_t span_ms) {
    driver_.PassClusterTime(span_ms);
    driver_.Apply(AdvanceCommand());
  }

  const internal::v1::SeatRecord* Find(uint64_t handle) const {
    return driver_.ledger->FindSeat(handle);
  }

  uint64_t SessionOf(uint64_t handle) const {
    return Find(handle)->session_id();
  }

  std::vector<uint64_t> Called() const {
    std::vector<uint64_t> called;
    driver_.ledger->VisitSeats(0, [&](const internal::v1::SeatRecord& seat) {
      if (seat.call_due_cluster_ms() != 0) called.push_back(seat.handle());
      return true;
    });
    return called;
  }

  // Of the place: still waiting?
  bool Waits(uint64_t place) const {
    bool waits = false;
    driver_.ledger->VisitQueue(
        place - 1, [&](const internal::v1::QueuePlaceRecord& record) {
          waits = record.number() == place;
          return false;
        });
    return waits;
  }

  LedgerDriver driver_;
};

TEST_F(RecallTest, CallsTheYoungestSeatAndTakesItWhenTheSpanIsOver) {
  const std::vector<uint64_t> seats = TakeSix();
  const LedgerAnswer waits = Wait("ann", 1);
  EXPECT_EQ(waits.queue_position.number, 1u);
  EXPECT_EQ(waits.queue_position.expected_wait_ms, kSpanMs);
  const std::vector<LedgerEvent> told = driver_.ledger->events();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].kind, Kind::kSeatCalledBack);
  EXPECT_EQ(told[0].session_id, SessionOf(seats[5]));
  EXPECT_EQ(told[0].seats.front().handle(), seats[5]);
  EXPECT_EQ(told[0].by, "crash");
  EXPECT_EQ(told[0].left_ms, kSpanMs);
  const uint64_t holder = SessionOf(seats[5]);

  Pass(kSpanMs / 4);
  const auto again = driver_.ledger->WarningsOf(holder);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].left_ms, kSpanMs * 3 / 4);
  // Nothing that its user does keeps it.
  driver_.Apply(IdleCommand(kAlice, holder, 0));
  EXPECT_EQ(driver_.ledger->NextDueClusterMs(),
            driver_.now.cluster_ms + kSpanMs * 3 / 4);
  Pass(kSpanMs * 3 / 4 - 1);
  EXPECT_TRUE(Waits(waits.queue_place));
  EXPECT_NE(Find(seats[5]), nullptr);

  Pass(1);
  const std::vector<LedgerEvent> taken = driver_.ledger->events();
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(taken[0].kind, Kind::kSeatReleased);
  EXPECT_EQ(taken[0].reason, "called back");
  EXPECT_EQ(taken[0].by, "crash");
  EXPECT_EQ(taken[1].kind, Kind::kQueueGranted);
  EXPECT_EQ(Find(seats[5]), nullptr);
  EXPECT_EQ(driver_.ledger->FindSession(holder)->seats_taken(), 1u);
  EXPECT_FALSE(Waits(waits.queue_place));
  EXPECT_EQ(driver_.out("cad"), 6u);
}

TEST_F(RecallTest, CallsNothingWithoutASpanOrWithoutAWait) {
  const std::vector<uint64_t> seats = TakeSix();
  const LedgerAnswer refused =
      driver_.DoAsAlice(CheckoutCommand(Open("ann"), {{"cad", 1}}));
  EXPECT_EQ(refused.reason, type::v1::ERROR_REASON_POOL_EXHAUSTED);
  EXPECT_EQ(Fact(refused, "calls_back"), "crash");
  EXPECT_THAT(Called(), IsEmpty());
  // Nor for whom nothing is reserved.
  EXPECT_EQ(Fact(driver_.DoAsAlice(CheckoutCommand(Open("bob"), {{"cad", 1}})),
                 "calls_back"),
            "");
  Wait("bob", 1);
  EXPECT_THAT(Called(), IsEmpty());
  PutInForce({Reserve("crash", 3, {"ann", "amy"}, 0)});
  Wait("ann", 1);
  EXPECT_THAT(Called(), IsEmpty());
  // From now on it does.
  PutInForce({Reserve("crash", 3, {"ann", "amy"}, kSpanMs)});
  EXPECT_THAT(Called(), ElementsAre(seats[5]));
}

TEST_F(RecallTest, WhoCallsComesBeforeAllWhoWait) {
  const std::vector<uint64_t> seats = TakeSix();
  // A higher priority, and too much for what comes back.
  const LedgerAnswer other = Wait("bob", 2, 9);
  const LedgerAnswer waits = Wait("ann", 1, 0);
  EXPECT_EQ(waits.queue_position.number, 1u);
  driver_.DoAsAlice(CheckinCommand(SessionOf(seats[0]), {seats[0]}));
  EXPECT_FALSE(Waits(waits.queue_place));
  EXPECT_TRUE(Waits(other.queue_place));
  // Somebody gave back before he was called: nobody is any more.
  EXPECT_THAT(Called(), IsEmpty());
  const auto& events = driver_.ledger->events();
  EXPECT_TRUE(std::any_of(events.begin(), events.end(), [&](const auto& event) {
    return event.kind == Kind::kSeatKept &&
           event.seats.front().handle() == seats[5] && event.by == "crash";
  }));
}

TEST_F(RecallTest, TheCallEndsWithTheWait) {
  const std::vector<uint64_t> seats = TakeSix();
  const uint64_t session = Open("ann");
  driver_.DoAsAlice(WaitCommand(session, {{"cad", 2}}, kSpanMs / 2));
  EXPECT_THAT(Called(), ElementsAre(seats[4], seats[5]));
  Pass(kSpanMs / 2);
  EXPECT_THAT(Called(), IsEmpty());
  driver_.DoAsAlice(WaitCommand(session, {{"cad", 1}}, kHourMs));
  EXPECT_THAT(Called(), ElementsAre(seats[5]));
  driver_.DoAsAlice(CloseCommand(session));
  EXPECT_THAT(Called(), IsEmpty());
  // His time and that of the call are over in one entry: nothing is taken.
  driver_.DoAsAlice(WaitCommand(Open("ann"), {{"cad", 1}}, kSpanMs));
  EXPECT_THAT(Called(), ElementsAre(seats[5]));
  Pass(2 * kSpanMs);
  EXPECT_EQ(driver_.ledger->seat_count(), 6u);
  EXPECT_THAT(Called(), IsEmpty());
}

TEST_F(RecallTest, CallsNoMoreThanIsReservedAndNotInUse) {
  const uint64_t own = Take("amy", 1);
  for (int i = 0; i < 5; ++i)
    Take("bob", 1);
  const LedgerAnswer first = Wait("ann", 2);
  EXPECT_EQ(Called().size(), 2u);
  const LedgerAnswer second = Wait("amy", 1);
  EXPECT_EQ(Called().size(), 2u);
  EXPECT_EQ(second.queue_position.number, 2u);
  EXPECT_EQ(Find(own)->call_due_cluster_ms(), 0);
  // What those use is not lent: with it back there is one more to call.
  driver_.DoAsAlice(CheckinCommand(SessionOf(own), {own}));
  EXPECT_EQ(Called().size(), 2u);  // What is free is ann's.
  Pass(kSpanMs);
  EXPECT_FALSE(Waits(first.queue_place));
  EXPECT_FALSE(Waits(second.queue_place));
  EXPECT_EQ(driver_.out("cad"), 6u);
}

TEST_F(RecallTest, SeatsGoAsAWhole) {
  const uint64_t one = Take("bob", 1);
  const uint64_t three = Take("bob", 3);
  const uint64_t two = Take("bob", 2);
  // The youngest that fit.
  const LedgerAnswer waits = Wait("ann", 3);
  EXPECT_THAT(Called(), ElementsAre(one, two));
  driver_.DoAsAlice(CheckinCommand(SessionOf(one), {one}));
  EXPECT_THAT(Called(), ElementsAre(two));
  Pass(kSpanMs);
  EXPECT_FALSE(Waits(waits.queue_place));
  EXPECT_NE(Find(three), nullptr);
}

TEST_F(RecallTest, ALargerSeatWhereNothingElseIsEnough) {
  const uint64_t one = Take("bob", 1);
  const uint64_t five = Take("bob", 5);
  const LedgerAnswer waits = Wait("ann", 2);
  EXPECT_THAT(Called(), ElementsAre(five));
  EXPECT_EQ(Find(one)->call_due_cluster_ms(), 0);
  Pass(kSpanMs);
  EXPECT_FALSE(Waits(waits.queue_place));
  EXPECT_EQ(driver_.out("cad"), 3u);
}

TEST_F(RecallTest, WhatIsReservedForOthersStaysTheirs) {
  PutInForce({Reserve("crash", 2, {"ann"}, kSpanMs),
              Reserve("paint", 2, {"pat"}, -1)});
  for (int i = 0; i < 3; ++i)
    Take("bob", 1);
  const uint64_t bobs = Take("bob", 1);
  const uint64_t pats = Take("pat", 1);
  // One is free and pat's: ann waits for a seat of bob's although she is
  // refused as for what is reserved, and pat's own, the youngest, stays.
  const LedgerAnswer waits = Wait("ann", 1);
  ASSERT_NE(waits.queue_place, 0u);
  EXPECT_THAT(Called(), ElementsAre(bobs));
  // What is kept for ann is not taken from pat.
  const uint64_t second = Take("pat", 1);
  Pass(kSpanMs);
  EXPECT_FALSE(Waits(waits.queue_place));
  EXPECT_NE(Find(pats), nullptr);
  EXPECT_NE(Find(second), nullptr);
  EXPECT_EQ(driver_.out("cad"), 6u);
}

TEST_F(RecallTest, NobodyElseGetsWhatComesBackMeanwhile) {
  PutInForce({Reserve("crash", 2, {"ann"}, kSpanMs),
              Reserve("paint", 1, {"pat"}, -1)});
  std::vector<uint64_t> seats;
  for (int i = 0; i < 5; ++i)
    seats.push_back(Take("bob", 1));
  const LedgerAnswer waits = Wait("ann", 2);
  EXPECT_THAT(Called(), ElementsAre(seats[3], seats[4]));
  driver_.DoAsAlice(CheckinCommand(SessionOf(seats[4]), {seats[4]}));
  // Two are free: pat's, and one of the two that ann waits for.
  const LedgerAnswer other =
      driver_.DoAsAlice(CheckoutCommand(Open("bob"), {{"cad", 1}}));
  EXPECT_EQ(other.reason, type::v1::ERROR_REASON_SEATS_RESERVED);
  EXPECT_EQ(Fact(other, "reserved"), "3");
  EXPECT_TRUE(Waits(waits.queue_place));
  driver_.DoAsAlice(CheckinCommand(SessionOf(seats[3]), {seats[3]}));
  EXPECT_FALSE(Waits(waits.queue_place));
  EXPECT_THAT(Called(), IsEmpty());
}

TEST_F(RecallTest, NeitherBorrowsNorBookingsGiveWay) {
  driver_.DoAsAlice([] {
    Command command = InstallCommand("L", 2, {{"cad", 6}});
    auto* const terms =
        command.mutable_install_license()->mutable_terms()->mutable_features(0);
    terms->set_borrow_max_ms(24 * kHourMs);
    terms->set_borrow_max_count(4);
    return command;
  }());
  const uint64_t borrowed = Take("bob", 4);
  ASSERT_TRUE(
      driver_.DoAsAlice(BorrowCommand(SessionOf(borrowed), {borrowed}, kHourMs))
          .ok());
  const uint64_t lent = Take("bob", 1);
  ASSERT_TRUE(driver_.DoAsAlice(BookCommand({{"cad", 1}}, kSpanMs / 2)).ok());
  const LedgerAnswer two = Wait("ann", 2);
  // One alone would be of no use to her.
  EXPECT_THAT(Called(), IsEmpty());
  const LedgerAnswer one = Wait("amy", 1);
  EXPECT_THAT(Called(), ElementsAre(lent));
  const LedgerAnswer refused =
      driver_.DoAsAlice(BorrowCommand(SessionOf(lent), {lent}, kHourMs));
  EXPECT_EQ(refused.reason, type::v1::ERROR_REASON_SEAT_CALLED_BACK);
  EXPECT_EQ(Fact(refused, "rule"), "crash");
  // The booking lapses, and what comes back is for the first of the line.
  Pass(kSpanMs);
  EXPECT_TRUE(Waits(two.queue_place) != Waits(one.queue_place));
}

TEST_F(RecallTest, WhatLingersGoesAtOnceAndWhatIsCalledDoesNotLinger) {
  PolicyRule linger =
      policy::RuleOf("hold", POLICY_RULE_KIND_LINGER, "cad", 0, {});
  linger.set_span_ms(kHourMs);
  PutInForce({Reserve("crash", 3, {"ann"}, kSpanMs), linger});
  const std::vector<uint64_t> seats = TakeSix();
  driver_.DoAsAlice(CheckinCommand(SessionOf(seats[5]), {seats[5]}));
  EXPECT_NE(Find(seats[5]), nullptr);
  const LedgerAnswer first = Wait("ann", 1);
  EXPECT_EQ(driver_.ledger->NextDueClusterMs(), driver_.now.cluster_ms);
  driver_.Apply(AdvanceCommand());
  EXPECT_FALSE(Waits(first.queue_place));
  EXPECT_EQ(Find(seats[5]), nullptr);
  const LedgerAnswer second = Wait("ann", 1);
  EXPECT_THAT(Called(), ElementsAre(seats[4]));
  driver_.DoAsAlice(CheckinCommand(SessionOf(seats[4]), {seats[4]}));
  EXPECT_EQ(Find(seats[4]), nullptr);
  EXPECT_FALSE(Waits(second.queue_place));
}

TEST_F(RecallTest, ARetiredOrRestoredLedgerIsTheSame) {
  TakeSix();
  Wait("ann", 2);
  const auto restored = RestoreLedger(driver_.records, driver_.limits, 7);
  EXPECT_EQ(DumpedRecords(*restored), driver_.records);
  EXPECT_EQ(restored->NextDueClusterMs(), driver_.ledger->NextDueClusterMs());
  driver_.PassClusterTime(kSpanMs);
  std::vector<RecordChange> changes;
  restored->Apply(AdvanceCommand(), driver_.now, &changes);
  driver_.Apply(AdvanceCommand());
  EXPECT_EQ(changes, driver_.last_changes);
  EXPECT_EQ(restored->events().size(), 3u);  // Two taken, one granted.
}

}  // namespace
}  // namespace quorate::licensing

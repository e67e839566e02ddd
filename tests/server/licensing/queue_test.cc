// Who waits, who is served next, and what becomes of a place: each rule of the
// queue at its edge. By hand, with the records compared after every command.

#include "server/licensing/queue.h"

#include <string>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"

#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;
using Handles = std::vector<uint64_t>;

constexpr int64_t kWaitMs = 600'000;

class QueueTest : public testing::Test {
 protected:
  QueueTest() : QueueTest(LedgerLimits()) {}

  explicit QueueTest(const LedgerLimits& limits) : driver_(limits) {
    driver_.DoAsAlice(InstallCommand("L", 1, {{"cad", 4}, {"sim", 2}}));
    holder_ = OpenFor("");
  }

  uint64_t OpenFor(const std::string& project) {
    Command open = OpenCommand(kMaxTtlMs);
    open.mutable_open_session()->mutable_description()->set_project(project);
    return driver_.DoAsAlice(open).session_id;
  }

  // The holder's, one seat.
  uint64_t Hold(const std::string& feature, uint32_t count) {
    const LedgerAnswer answer =
        driver_.DoAsAlice(CheckoutCommand(holder_, {{feature, count}}));
    EXPECT_TRUE(answer.ok());
    return answer.ok() ? answer.seat_handles.front() : 0;
  }

  LedgerAnswer Return(uint64_t handle) {
    return driver_.DoAsAlice(CheckinCommand(holder_, {handle}));
  }

  // A checkout that has to wait.
  Command Wait(uint64_t session, const std::string& feature, uint32_t count,
               uint32_t priority = 5) {
    return WaitFor(session, {{feature, count}}, priority);
  }

  Command WaitFor(uint64_t session,
                  const std::vector<std::pair<std::string, uint32_t>>& items,
                  uint32_t priority = 5) {
    const Command command = driver_.Prepared(
        WaitCommand(session, items, kWaitMs, priority), kAlice);
    const LedgerAnswer answer = driver_.Apply(command);
    EXPECT_TRUE(answer.ok());
    EXPECT_GT(answer.queue_position.number, 0U);
    return command;
  }

  // What has become of it: seats where granted.
  LedgerAnswer Ask(const Command& command) { return driver_.Apply(command); }

  bool Granted(const Command& command) {
    const LedgerAnswer answer = Ask(command);
    EXPECT_TRUE(answer.repeated);
    return answer.ok() && !answer.seat_handles.empty();
  }

  uint64_t PositionOf(const Command& command) {
    return Ask(command).queue_position.number;
  }

  LedgerDriver driver_;
  uint64_t holder_ = 0;
};

TEST_F(QueueTest, OnlyWhatWaitingCanHelpWaits) {
  const uint64_t session = OpenFor("");
  Hold("cad", 4);
  for (const auto& [feature, count, reason] :
       {std::tuple("none", 1U, type::v1::ERROR_REASON_FEATURE_UNKNOWN),
        std::tuple("cad", 5U, type::v1::ERROR_REASON_COUNT_OVER_TOTAL)}) {
    EXPECT_EQ(
        driver_.DoAsAlice(WaitCommand(session, {{feature, count}}, 1)).reason,
        reason);
  }
  EXPECT_EQ(driver_.DoAsAlice(WaitCommand(session, {{"cad", 1}}, 0)).reason,
            type::v1::ERROR_REASON_POOL_EXHAUSTED);
  EXPECT_EQ(
      Fact(driver_.DoAsAlice(WaitCommand(session, {{"cad", 1}}, -1)), "field"),
      "wait_ms");
  EXPECT_EQ(Fact(driver_.DoAsAlice(
                     WaitCommand(session, {{"cad", 1}}, kMaxWaitMs + 1)),
                 "field"),
            "wait_ms");
  EXPECT_EQ(Fact(driver_.DoAsAlice(WaitCommand(session, {{"cad", 1}}, 1, 10)),
                 "field"),
            "priority");
  // What is free is granted at once.
  EXPECT_EQ(driver_.DoAsAlice(WaitCommand(session, {{"sim", 1}}, 1))
                .seat_handles.size(),
            1U);
}

TEST_F(QueueTest, IsGrantedByTheEntryThatGivesBack) {
  const uint64_t seat = Hold("cad", 4);
  const Command waits = Wait(OpenFor(""), "cad", 3);
  Return(seat);
  EXPECT_EQ(driver_.out("cad"), 3U);
  ASSERT_EQ(driver_.ledger->events().size(), 1U);
  const LedgerEvent event = driver_.ledger->events().front();
  EXPECT_EQ(event.request_id, waits.request_id());
  const LedgerAnswer answer = Ask(waits);
  EXPECT_TRUE(answer.repeated);
  EXPECT_EQ(answer.seat_handles, Handles{event.seats.front().handle()});
  EXPECT_EQ(Ask(waits).seat_handles, answer.seat_handles);
  EXPECT_TRUE(driver_.ledger->events().empty());
}

TEST_F(QueueTest, ServesThePriorityThenTheProjectWithLessThenTheFirst) {
  const uint64_t seat = Hold("cad", 2);
  const uint64_t rich = OpenFor("rich");
  const uint64_t poor = OpenFor("poor");
  driver_.DoAsAlice(CheckoutCommand(rich, {{"cad", 2}}));
  const Command rich_first = Wait(rich, "cad", 1);
  const Command poor_first = Wait(poor, "cad", 1);
  const Command poor_second = Wait(poor, "cad", 1);
  const Command low = Wait(poor, "cad", 1, 4);
  const Command high = Wait(rich, "cad", 1, 6);
  EXPECT_EQ(PositionOf(high), 1U);
  EXPECT_EQ(PositionOf(poor_first), 2U);
  EXPECT_EQ(PositionOf(poor_second), 3U);
  EXPECT_EQ(PositionOf(rich_first), 4U);
  EXPECT_EQ(PositionOf(low), 5U);
  Return(seat);
  EXPECT_TRUE(Granted(high));
  EXPECT_TRUE(Granted(poor_first));
  EXPECT_FALSE(Granted(poor_second));
  EXPECT_FALSE(Granted(rich_first));
}

TEST_F(QueueTest, NobodyOvertakesALargeRequest) {
  const uint64_t one = Hold("cad", 1);
  const uint64_t two = Hold("cad", 2);
  const Command large = Wait(OpenFor(""), "cad", 4);
  const Command small = Wait(OpenFor("p"), "cad", 1, 0);
  // Nor one who does not wait, although a unit is free.
  const LedgerAnswer refused =
      driver_.DoAsAlice(CheckoutCommand(holder_, {{"cad", 1}}));
  EXPECT_EQ(refused.reason, type::v1::ERROR_REASON_POOL_EXHAUSTED);
  EXPECT_EQ(Fact(refused, "waiting"), "2");
  Return(two);
  EXPECT_FALSE(Granted(small));
  Return(one);
  EXPECT_TRUE(Granted(large));
  EXPECT_FALSE(Granted(small));
}

TEST_F(QueueTest, KeepsNothingOfAFeatureThatIsNotTheOneItLacks) {
  Hold("sim", 2);
  const uint64_t seat = Hold("cad", 4);
  const Command both = WaitFor(OpenFor(""), {{"cad", 1}, {"sim", 1}});
  const Command cad = Wait(OpenFor("p"), "cad", 3, 0);
  Return(seat);
  EXPECT_FALSE(Granted(both));
  EXPECT_TRUE(Granted(cad));
  // The free one of cad is not kept; those of sim would be.
  EXPECT_TRUE(driver_.DoAsAlice(CheckoutCommand(holder_, {{"cad", 1}})).ok());
}

TEST_F(QueueTest, LeavesByTime) {
  Hold("cad", 4);
  const Command waits = Wait(OpenFor(""), "cad", 1);
  driver_.PassClusterTime(kWaitMs - 1);
  EXPECT_EQ(PositionOf(waits), 1U);
  EXPECT_EQ(driver_.ledger->NextDueClusterMs(), driver_.now.cluster_ms + 1);
  driver_.PassClusterTime(1);
  EXPECT_EQ(Ask(waits).reason, type::v1::ERROR_REASON_WAIT_TIMED_OUT);
}

TEST_F(QueueTest, IsRememberedForALease) {
  const uint64_t seat = Hold("cad", 4);
  const uint64_t session = OpenFor("");
  const Command waits = Wait(session, "cad", 1);
  Return(seat);
  const LedgerAnswer first = Ask(waits);
  driver_.PassClusterTime(kLongestLeaseMs / 2);
  driver_.Apply(RenewCommand(kAlice, {session, holder_}));
  driver_.PassClusterTime(kLongestLeaseMs / 2 - 1);
  driver_.Apply(RenewCommand(kAlice, {session, holder_}));
  EXPECT_EQ(Ask(waits).seat_handles, first.seat_handles);
  driver_.PassClusterTime(1);
  EXPECT_EQ(Ask(waits).reason, type::v1::ERROR_REASON_REQUEST_EXPIRED);
}

TEST_F(QueueTest, LeavesWithItsSession) {
  const uint64_t seat = Hold("cad", 4);
  const uint64_t session = OpenFor("");
  Wait(session, "cad", 4);
  const Command next = Wait(OpenFor("p"), "cad", 1);
  driver_.DoAsAlice(CloseCommand(session));
  EXPECT_EQ(PositionOf(next), 1U);
  Return(seat);
  EXPECT_TRUE(Granted(next));
}

TEST_F(QueueTest, IsTakenBackWaitingOrGranted) {
  const uint64_t seat = Hold("cad", 4);
  const uint64_t session = OpenFor("");
  const Command first = Wait(session, "cad", 4);
  const Command second = Wait(session, "cad", 2);
  const auto cancel = [&](const Command& command) {
    return driver_.DoAsAlice(CancelCommand(session, command.request_id()));
  };
  EXPECT_TRUE(cancel(first).ok());
  EXPECT_EQ(Ask(first).reason, type::v1::ERROR_REASON_WAIT_CANCELLED);
  EXPECT_TRUE(cancel(first).ok());
  Return(seat);
  EXPECT_TRUE(Granted(second));
  EXPECT_TRUE(cancel(second).ok());
  EXPECT_EQ(Ask(second).reason, type::v1::ERROR_REASON_WAIT_CANCELLED);
  EXPECT_EQ(driver_.out("cad"), 0U);
  EXPECT_EQ(driver_.DoAsAlice(CancelCommand(session, "none")).reason,
            type::v1::ERROR_REASON_QUEUE_PLACE_NOT_FOUND);
  EXPECT_EQ(
      driver_.DoAsAlice(CancelCommand(holder_, second.request_id())).reason,
      type::v1::ERROR_REASON_QUEUE_PLACE_NOT_FOUND);
}

TEST_F(QueueTest, AnIdThatWaitsIsForThatRequestAlone) {
  Hold("cad", 4);
  Command waits = Wait(OpenFor(""), "cad", 1);
  waits.mutable_checkout()->set_priority(6);
  EXPECT_EQ(Ask(waits).reason, type::v1::ERROR_REASON_REQUEST_ID_REUSED);
}

TEST_F(QueueTest, ALicenceServesAndEndsWaits) {
  Hold("cad", 4);
  const Command waits = Wait(OpenFor(""), "cad", 4);
  const Command later = Wait(OpenFor(""), "cad", 1);
  driver_.DoAsAlice(InstallCommand("M", 1, {{"cad", 4}}));
  EXPECT_TRUE(Granted(waits));
  EXPECT_FALSE(Granted(later));
  driver_.DoAsAlice(InstallCommand("L", 2, {{"sim", 2}}));
  driver_.DoAsAlice(InstallCommand("M", 2, {{"sim", 2}}));
  EXPECT_EQ(Ask(later).reason, type::v1::ERROR_REASON_FEATURE_UNKNOWN);
}

TEST_F(QueueTest, GuessesTheWaitByWhatWasHeld) {
  const uint64_t seat = Hold("cad", 1);
  Hold("cad", 3);
  const Command large = Wait(OpenFor(""), "cad", 2);
  const Command next = Wait(OpenFor(""), "cad", 1);
  EXPECT_EQ(Ask(next).queue_position.expected_wait_ms, 0);
  driver_.PassCalendar(8'000);
  Return(seat);
  // Four units come back each 8 s; three are needed.
  EXPECT_EQ(Ask(next).queue_position.expected_wait_ms, 6'000);
  EXPECT_EQ(Ask(large).queue_position.expected_wait_ms, 4'000);
}

class SmallQueueTest : public QueueTest {
 protected:
  SmallQueueTest()
      : QueueTest({.queue_places = 5,
                   .queue_places_of_session = 3,
                   .settlements_per_entry = 2}) {}
};

TEST_F(SmallQueueTest, ServesTheRestWithTheNextEntry) {
  const uint64_t seat = Hold("cad", 4);
  const uint64_t session = OpenFor("");
  for (int i = 0; i < 3; ++i)
    Wait(session, "cad", 1);
  Return(seat);
  EXPECT_EQ(driver_.out("cad"), 2U);
  EXPECT_EQ(driver_.ledger->NextDueClusterMs(), driver_.now.cluster_ms);
  // Whoever comes now is behind those who wait.
  EXPECT_EQ(driver_.DoAsAlice(CheckoutCommand(holder_, {{"cad", 1}})).reason,
            type::v1::ERROR_REASON_POOL_EXHAUSTED);
  EXPECT_EQ(driver_.out("cad"), 3U);
  EXPECT_NE(driver_.ledger->NextDueClusterMs(), driver_.now.cluster_ms);
}

TEST_F(SmallQueueTest, HasLimits) {
  Hold("cad", 4);
  const uint64_t session = OpenFor("");
  for (int i = 0; i < 3; ++i)
    Wait(session, "cad", 1);
  const Command one = WaitCommand(session, {{"cad", 1}}, kWaitMs);
  EXPECT_EQ(Fact(driver_.DoAsAlice(one), "limit"), "queue_places_of_session");
  const uint64_t other = OpenFor("");
  for (int i = 0; i < 2; ++i)
    Wait(other, "cad", 1);
  EXPECT_EQ(Fact(driver_.DoAsAlice(WaitCommand(other, {{"cad", 1}}, kWaitMs)),
                 "limit"),
            "queue_places");
}

}  // namespace
}  // namespace quorate::licensing

// Terminating, releasing and resizing: each rule at its edge. By hand, with the
// records compared after every command.

#include <string>

#include "gtest/gtest.h"

#include "server/licensing/terminations.h"
#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;

constexpr int64_t kTtlMs = 60'000;

class TerminationTest : public testing::Test {
 protected:
  TerminationTest() {
    driver_.DoAsAlice(InstallCommand("L", 1, {{"cad", 4}, {"sim", 4}}));
    session_ = driver_.OpenSession(kTtlMs);
    seat_ = CheckOut(session_, "cad", 2).seat_handles.front();
  }

  LedgerAnswer CheckOut(uint64_t session, const std::string& feature,
                        uint32_t count) {
    return driver_.DoAsAlice(CheckoutCommand(session, {{feature, count}}));
  }

  // By an administrator.
  LedgerAnswer Act(const Command& command) { return driver_.Do(command, kBob); }

  LedgerDriver driver_;
  uint64_t session_ = 0;
  uint64_t seat_ = 0;
};

TEST_F(TerminationTest, KeepsTheSeatsUntilTheClientCloses) {
  EXPECT_TRUE(Act(TerminateCommand(session_, 0)).ok());
  ASSERT_EQ(driver_.ledger->events().size(), 1U);
  EXPECT_EQ(driver_.ledger->events().front().by, kBob);
  EXPECT_EQ(driver_.out("cad"), 2U);
  EXPECT_EQ(driver_.Apply(RenewCommand(kAlice, {session_})).renewed_ttl_ms[0],
            0);
  const LedgerAnswer refused = CheckOut(session_, "cad", 1);
  EXPECT_EQ(refused.reason, type::v1::ERROR_REASON_SESSION_TERMINATED);
  EXPECT_EQ(Fact(refused, "why"), "needed elsewhere");
  EXPECT_EQ(Fact(refused, "terminated_by"), kBob);
  EXPECT_EQ(Act(TerminateCommand(session_, 0)).reason,
            type::v1::ERROR_REASON_SESSION_TERMINATED);
  EXPECT_TRUE(driver_.DoAsAlice(CloseCommand(session_)).ok());
  EXPECT_EQ(driver_.out("cad"), 0U);
  EXPECT_EQ(driver_.DoAsAlice(CloseCommand(session_)).reason,
            type::v1::ERROR_REASON_SESSION_TERMINATED);
}

TEST_F(TerminationTest, FreesTheSeatsWithTheLeaseAtTheLatest) {
  Act(TerminateCommand(session_, 0));
  driver_.PassClusterTime(kTtlMs * 5 / 4 - 1);
  driver_.Apply(AdvanceCommand());
  EXPECT_EQ(driver_.out("cad"), 2U);
  driver_.PassClusterTime(1);
  driver_.Apply(AdvanceCommand());
  EXPECT_EQ(driver_.out("cad"), 0U);
}

TEST_F(TerminationTest, FreesThemAtOnceWhereItIsToldTo) {
  EXPECT_TRUE(Act(TerminateCommand(session_, 0)).ok());
  EXPECT_TRUE(Act(TerminateCommand(session_, 0, true)).ok());
  EXPECT_EQ(driver_.out("cad"), 0U);
  EXPECT_EQ(Act(TerminateCommand(99, 0, true)).reason,
            type::v1::ERROR_REASON_SESSION_NOT_FOUND);
}

TEST_F(TerminationTest, TakesItsPlacesInTheQueue) {
  CheckOut(driver_.OpenSession(kTtlMs), "cad", 2);
  driver_.DoAsAlice(WaitCommand(session_, {{"cad", 1}}, kTtlMs));
  Act(TerminateCommand(session_, 0));
  int waiting = 0;
  driver_.ledger->VisitQueue(0, [&waiting](const auto&) {
    ++waiting;
    return true;
  });
  EXPECT_EQ(waiting, 0);
}

TEST_F(TerminationTest, TheSameClientCoolsDown) {
  Act(TerminateCommand(session_, 30'000, true));
  const uint64_t again = driver_.OpenSession(kTtlMs);
  const LedgerAnswer refused = CheckOut(again, "cad", 1);
  EXPECT_EQ(refused.reason, type::v1::ERROR_REASON_COOLING_DOWN);
  EXPECT_EQ(Fact(refused, "seconds_left"), "30");
  EXPECT_TRUE(CheckOut(again, "sim", 1).ok());
  // Another application, and another certificate, are another client.
  Command other = OpenCommand(kTtlMs);
  other.mutable_open_session()->mutable_description()->set_application("x");
  EXPECT_TRUE(CheckOut(driver_.DoAsAlice(other).session_id, "cad", 1).ok());
  const uint64_t bobs = driver_.Do(OpenCommand(kTtlMs), kBob).session_id;
  EXPECT_TRUE(driver_.Do(CheckoutCommand(bobs, {{"cad", 1}}), kBob).ok());
  driver_.PassClusterTime(29'999);
  EXPECT_EQ(CheckOut(again, "cad", 1).reason,
            type::v1::ERROR_REASON_COOLING_DOWN);
  driver_.PassClusterTime(1);
  EXPECT_TRUE(CheckOut(again, "cad", 1).ok());
}

TEST_F(TerminationTest, IsForgotten) {
  Act(TerminateCommand(session_, 0, true));
  driver_.PassClusterTime(kAnswerMemoryMs - 1);
  EXPECT_NE(driver_.ledger->FindTermination(session_), nullptr);
  driver_.PassClusterTime(1);
  driver_.Apply(AdvanceCommand());
  EXPECT_EQ(driver_.ledger->FindTermination(session_), nullptr);
}

TEST_F(TerminationTest, NamesTheFieldsThatAreWrong) {
  EXPECT_EQ(Fact(Act(TerminateCommand(session_, -1)), "field"), "cool_down_ms");
  EXPECT_EQ(Fact(Act(TerminateCommand(session_, kMaxCoolDownMs + 1)), "field"),
            "cool_down_ms");
  Command command = TerminateCommand(session_, 0);
  command.mutable_terminate_session()->set_reason("a\nb");
  EXPECT_EQ(Fact(Act(command), "field"), "reason");
}

TEST_F(TerminationTest, ReleasesOneSeat) {
  const LedgerAnswer answer = Act(ReleaseSeatCommand(seat_));
  // Whose client missed the news finds out by this.
  const auto* const session = driver_.ledger->FindSession(answer.session_id);
  ASSERT_NE(session, nullptr);
  EXPECT_EQ(session->seats_taken(), 1u);
  EXPECT_TRUE(answer.ok());
  EXPECT_EQ(answer.session_id, session_);
  EXPECT_EQ(driver_.out("cad"), 0U);
  EXPECT_EQ(driver_.ledger->events().front().seats.front().handle(), seat_);
  EXPECT_TRUE(CheckOut(session_, "cad", 1).ok());
  EXPECT_EQ(Act(ReleaseSeatCommand(seat_)).reason,
            type::v1::ERROR_REASON_SEAT_NOT_FOUND);
}

TEST_F(TerminationTest, ResizesASeat) {
  const auto resize = [this](uint32_t count) {
    return driver_.DoAsAlice(ResizeCommand(session_, seat_, count));
  };
  EXPECT_TRUE(resize(4).ok());
  EXPECT_EQ(driver_.out("cad"), 4U);
  EXPECT_EQ(driver_.ledger->FindSeat(seat_)->count(), 4U);
  EXPECT_EQ(resize(5).reason, type::v1::ERROR_REASON_COUNT_OVER_TOTAL);
  EXPECT_TRUE(resize(1).ok());
  EXPECT_EQ(driver_.out("cad"), 1U);
  EXPECT_TRUE(CheckOut(session_, "cad", 3).ok());
  EXPECT_EQ(resize(2).reason, type::v1::ERROR_REASON_POOL_EXHAUSTED);
  EXPECT_EQ(driver_.ledger->FindSeat(seat_)->count(), 1U);
  EXPECT_EQ(Fact(resize(0), "field"), "count");
  EXPECT_EQ(driver_.DoAsAlice(ResizeCommand(session_, 99, 1)).reason,
            type::v1::ERROR_REASON_SEAT_NOT_FOUND);
}

TEST_F(TerminationTest, ASeatThatShrinksServesTheQueueAndNoneGrowsPastIt) {
  const uint64_t other = driver_.OpenSession(kTtlMs);
  CheckOut(other, "cad", 1);
  const Command waits =
      driver_.Prepared(WaitCommand(other, {{"cad", 2}}, kTtlMs), kAlice);
  EXPECT_EQ(driver_.Apply(waits).queue_position.number, 1U);
  EXPECT_EQ(driver_.DoAsAlice(ResizeCommand(session_, seat_, 3)).reason,
            type::v1::ERROR_REASON_POOL_EXHAUSTED);
  EXPECT_TRUE(driver_.DoAsAlice(ResizeCommand(session_, seat_, 1)).ok());
  EXPECT_EQ(driver_.Apply(waits).seat_handles.size(), 1U);
}

}  // namespace
}  // namespace quorate::licensing

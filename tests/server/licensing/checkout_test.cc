// Checkout gives all items or none, never more than there is, and says why not;
// check-in and closing give back exactly what was held. Each rule is driven
// through the ledger by hand-written commands, with invariants after each.

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"

namespace quorate::licensing {
namespace {

using testing::ElementsAre;
using testing::Pair;

class CheckoutTest : public testing::Test {
 protected:
  CheckoutTest() {
    EXPECT_TRUE(
        driver_.DoAsAlice(InstallCommand("L", 1, {{"cad", 20}, {"solver", 8}}))
            .ok());
    session_ = driver_.OpenSession();
  }

  LedgerDriver driver_;
  uint64_t session_ = 0;
};

TEST_F(CheckoutTest, TakesUnitsAndNamesThemByHandle) {
  const LedgerAnswer answer =
      driver_.DoAsAlice(CheckoutCommand(session_, {{"cad", 3}, {"cad", 2}}));
  ASSERT_TRUE(answer.ok());
  EXPECT_THAT(answer.seat_handles, ElementsAre(1, 2));
  EXPECT_EQ(answer.granted_calendar_ms, driver_.now.calendar_ms);
  EXPECT_EQ(driver_.out("cad"), 5u);
  EXPECT_EQ(driver_.ledger->FindSeat(1)->count(), 3u);
  EXPECT_EQ(driver_.ledger->FindSeat(2)->session_id(), session_);
}

TEST_F(CheckoutTest, TakesTheLastUnitAndNotOneMore) {
  EXPECT_TRUE(
      driver_.DoAsAlice(CheckoutCommand(session_, {{"solver", 8}})).ok());
  const LedgerAnswer answer =
      driver_.DoAsAlice(CheckoutCommand(session_, {{"solver", 1}}));
  EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_POOL_EXHAUSTED);
  EXPECT_THAT(answer.metadata,
              ElementsAre(Pair("feature", "solver"), Pair("total", "8"),
                          Pair("out", "8"), Pair("asked", "1")));
  EXPECT_EQ(driver_.out("solver"), 8u);
}

TEST_F(CheckoutTest, CountsItemsOfOneFeatureTogether) {
  EXPECT_TRUE(
      driver_.DoAsAlice(CheckoutCommand(session_, {{"solver", 3}})).ok());
  EXPECT_EQ(driver_
                .DoAsAlice(CheckoutCommand(
                    session_, {{"solver", 3}, {"cad", 1}, {"solver", 3}}))
                .reason,
            type::v1::ERROR_REASON_POOL_EXHAUSTED);
  EXPECT_EQ(driver_
                .DoAsAlice(CheckoutCommand(
                    session_, {{"solver", 4}, {"cad", 1}, {"solver", 5}}))
                .reason,
            type::v1::ERROR_REASON_COUNT_OVER_TOTAL);
  EXPECT_EQ(driver_.out("cad"), 0u) << "all or none";
  EXPECT_EQ(driver_.out("solver"), 3u);
}

TEST_F(CheckoutTest, SaysFirstWhatWaitingDoesNotHelp) {
  EXPECT_TRUE(
      driver_.DoAsAlice(CheckoutCommand(session_, {{"solver", 8}})).ok());
  EXPECT_EQ(
      driver_.DoAsAlice(CheckoutCommand(session_, {{"solver", 1}, {"none", 1}}))
          .reason,
      type::v1::ERROR_REASON_FEATURE_UNKNOWN);
}

TEST_F(CheckoutTest, ReachesTheGreatestCountsWithoutOverflow) {
  std::vector<std::pair<std::string, uint32_t>> items(kMaxItems,
                                                      {"cad", 0xffffffffu});
  const LedgerAnswer answer =
      driver_.DoAsAlice(CheckoutCommand(session_, items));
  EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_COUNT_OVER_TOTAL);
  EXPECT_EQ(Fact(answer, "asked"), "274877906880");
}

TEST_F(CheckoutTest, RefusesWrongFieldsByTheirPath) {
  const auto field_of = [this](const internal::v1::Command& command) {
    const LedgerAnswer answer = driver_.DoAsAlice(command);
    EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_BAD_REQUEST);
    return Fact(answer, "field");
  };
  EXPECT_EQ(field_of(CheckoutCommand(session_, {})), "items");
  EXPECT_EQ(field_of(CheckoutCommand(
                session_, std::vector<std::pair<std::string, uint32_t>>(
                              kMaxItems + 1, {"cad", 1}))),
            "items");
  EXPECT_EQ(field_of(CheckoutCommand(session_, {{"cad", 1}, {"c d", 1}})),
            "items[1].feature");
  EXPECT_EQ(field_of(CheckoutCommand(session_, {{std::string(65, 'a'), 1}})),
            "items[0].feature");
  EXPECT_EQ(field_of(CheckoutCommand(session_, {{"", 1}})), "items[0].feature");
  EXPECT_EQ(field_of(CheckoutCommand(session_, {{"cad", 0}})),
            "items[0].count");
  EXPECT_EQ(field_of(CheckinCommand(session_, {})), "seat_handles");
  EXPECT_EQ(field_of(CheckinCommand(
                session_, std::vector<uint64_t>(kMaxCheckinSeats + 1, 1))),
            "seat_handles");
}

TEST_F(CheckoutTest, RefusesForeignAndUnknownSessions) {
  for (const auto& command :
       {CheckoutCommand(session_, {{"cad", 1}}), CheckinCommand(session_, {1}),
        CloseCommand(session_)}) {
    EXPECT_EQ(driver_.Do(command, kBob).reason,
              type::v1::ERROR_REASON_SESSION_NOT_YOURS);
  }
  for (const auto& command : {CheckoutCommand(99, {{"cad", 1}}),
                              CheckinCommand(99, {1}), CloseCommand(99)}) {
    const LedgerAnswer answer = driver_.DoAsAlice(command);
    EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_SESSION_NOT_FOUND);
    EXPECT_EQ(Fact(answer, "session"), "99");
  }
}

TEST_F(CheckoutTest, ChecksInAllOrNone) {
  driver_.DoAsAlice(CheckoutCommand(session_, {{"cad", 3}, {"solver", 2}}));
  const LedgerAnswer answer =
      driver_.DoAsAlice(CheckinCommand(session_, {1, 7}));
  EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_SEAT_NOT_FOUND);
  EXPECT_EQ(Fact(answer, "seat"), "7");
  EXPECT_EQ(driver_.DoAsAlice(CheckinCommand(session_, {1, 2, 1})).reason,
            type::v1::ERROR_REASON_BAD_REQUEST);
  EXPECT_EQ(driver_.out("cad"), 3u);
  EXPECT_TRUE(driver_.DoAsAlice(CheckinCommand(session_, {2, 1})).ok());
  EXPECT_EQ(driver_.out("cad"), 0u);
  EXPECT_EQ(driver_.out("solver"), 0u);
  EXPECT_EQ(driver_.ledger->seat_count(), 0u);
}

TEST_F(CheckoutTest, DoesNotCheckInAnotherSessionsSeat) {
  driver_.DoAsAlice(CheckoutCommand(session_, {{"cad", 3}}));
  const uint64_t other = driver_.OpenSession();
  EXPECT_EQ(driver_.DoAsAlice(CheckinCommand(other, {1})).reason,
            type::v1::ERROR_REASON_SEAT_NOT_FOUND);
}

TEST_F(CheckoutTest, ClosingFreesAllSeatsOfThatSessionOnly) {
  const uint64_t other = driver_.OpenSession();
  driver_.DoAsAlice(CheckoutCommand(session_, {{"cad", 3}, {"solver", 2}}));
  driver_.DoAsAlice(CheckoutCommand(other, {{"cad", 4}}));
  EXPECT_TRUE(driver_.DoAsAlice(CloseCommand(session_)).ok());
  EXPECT_EQ(driver_.out("cad"), 4u);
  EXPECT_EQ(driver_.out("solver"), 0u);
  EXPECT_EQ(driver_.ledger->FindSession(session_), nullptr);
  EXPECT_EQ(driver_.DoAsAlice(CloseCommand(session_)).reason,
            type::v1::ERROR_REASON_SESSION_NOT_FOUND);
}

TEST_F(CheckoutTest, NumbersAreNeverUsedAgain) {
  driver_.DoAsAlice(CheckoutCommand(session_, {{"cad", 1}}));
  driver_.DoAsAlice(CloseCommand(session_));
  const uint64_t next = driver_.OpenSession();
  EXPECT_GT(next, session_);
  EXPECT_THAT(
      driver_.DoAsAlice(CheckoutCommand(next, {{"cad", 1}})).seat_handles,
      ElementsAre(2));
}

TEST(CheckoutLimitTest, RefusesMoreSeatsOfASessionThanTheLimit) {
  LedgerDriver driver({.seats_of_session = 3});
  driver.DoAsAlice(InstallCommand("L", 1, {{"cad", 20}}));
  const uint64_t session = driver.OpenSession();
  EXPECT_TRUE(
      driver.DoAsAlice(CheckoutCommand(session, {{"cad", 1}, {"cad", 1}}))
          .ok());
  const LedgerAnswer answer =
      driver.DoAsAlice(CheckoutCommand(session, {{"cad", 1}, {"cad", 1}}));
  EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_LIMIT_REACHED);
  EXPECT_EQ(Fact(answer, "limit"), "seats_of_session");
  EXPECT_TRUE(driver.DoAsAlice(CheckoutCommand(session, {{"cad", 1}})).ok());
}

TEST_F(CheckoutTest, ListsSeatsBySessionAndByFeature) {
  const uint64_t other = driver_.OpenSession();
  driver_.DoAsAlice(CheckoutCommand(session_, {{"cad", 1}, {"solver", 1}}));
  driver_.DoAsAlice(CheckoutCommand(other, {{"cad", 1}}));
  std::vector<uint64_t> seen;
  const auto collect = [&seen](const internal::v1::SeatRecord& seat) {
    seen.push_back(seat.handle());
    return seen.size() < 2;
  };
  driver_.ledger->VisitSeatsOfFeature("cad", 0, collect);
  EXPECT_THAT(seen, ElementsAre(1, 3));
  seen.clear();
  driver_.ledger->VisitSeatsOfSession(session_, 1, collect);
  EXPECT_THAT(seen, ElementsAre(2));
  seen.clear();
  driver_.ledger->VisitSeats(0, collect);
  EXPECT_THAT(seen, ElementsAre(1, 2)) << "stops where the visitor says so";
  EXPECT_EQ(driver_.ledger->Pools("cad", 5).size(), 1u);
  EXPECT_EQ(driver_.ledger->Pools("", 1).front().name, "cad");
}

}  // namespace
}  // namespace quorate::licensing

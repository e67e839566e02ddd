// Credits are used up exactly once for each request, never more than there are,
// and never come back. Each rule is driven through the ledger by hand-written
// commands, with invariants after each, and through a restart from its records.

#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;

constexpr char kPool[] = "run{credits}";

class CreditsTest : public testing::Test {
 protected:
  static Command License(const std::string& id, uint64_t serial,
                         uint32_t credits, int64_t end_ms = 0) {
    Command command = InstallCommand(id, serial, {{"run", credits}});
    auto* const terms = command.mutable_install_license()->mutable_terms();
    terms->mutable_features(0)->set_credits(true);
    terms->set_not_after_ms(end_ms);
    return command;
  }

  void Install(const std::string& id, uint64_t serial, uint32_t credits,
               int64_t end_ms = 0) {
    ASSERT_TRUE(driver_.DoAsAlice(License(id, serial, credits, end_ms)).ok());
  }

  LedgerAnswer Take(uint32_t count) {
    return driver_.DoAsAlice(CheckoutCommand(session_, {{"run", count}}));
  }

  uint64_t used() const { return driver_.ledger->FindPool(kPool)->used; }

  uint64_t left() const { return driver_.ledger->FindPool(kPool)->free(); }

  LedgerDriver driver_;
  uint64_t session_ = driver_.OpenSession();
};

TEST_F(CreditsTest, AReturnedSeatGivesNothingBack) {
  Install("L", 1, 10);
  const LedgerAnswer seat = Take(4);
  ASSERT_TRUE(seat.ok());
  EXPECT_EQ(driver_.out(kPool), 4u);
  EXPECT_EQ(left(), 6u);
  ASSERT_TRUE(
      driver_.DoAsAlice(CheckinCommand(session_, seat.seat_handles)).ok());
  EXPECT_EQ(driver_.out(kPool), 0u);
  EXPECT_EQ(used(), 4u);
  EXPECT_EQ(left(), 6u);
}

TEST_F(CreditsTest, WhatIsExhaustedSaysSoAndNobodyWaitsForIt) {
  Install("L", 1, 10);
  ASSERT_TRUE(Take(8).ok());
  const LedgerAnswer refused =
      driver_.DoAsAlice(WaitCommand(session_, {{"run", 3}}, 60'000));
  EXPECT_EQ(refused.reason, type::v1::ERROR_REASON_CREDITS_EXHAUSTED);
  EXPECT_EQ(Fact(refused, "feature"), "run");
  EXPECT_EQ(Fact(refused, "used"), "8");
  EXPECT_EQ(Fact(refused, "total"), "10");
  EXPECT_EQ(Fact(refused, "asked"), "3");
  EXPECT_EQ(used(), 8u);
  EXPECT_TRUE(Take(2).ok());
  EXPECT_EQ(Take(1).reason, type::v1::ERROR_REASON_CREDITS_EXHAUSTED);
}

TEST_F(CreditsTest, AnEndedLeaseAndAClosedSessionGiveNothingBack) {
  Install("L", 1, 10);
  ASSERT_TRUE(Take(3).ok());
  ASSERT_TRUE(driver_.DoAsAlice(CloseCommand(session_)).ok());
  session_ = driver_.OpenSession(kMinTtlMs);
  ASSERT_TRUE(Take(3).ok());
  driver_.PassClusterTime(kMinTtlMs * 2);
  driver_.DoAsAlice(AdvanceCommand());
  EXPECT_EQ(driver_.ledger->seat_count(), 0u);
  EXPECT_EQ(used(), 6u);
}

TEST_F(CreditsTest, ARepeatedRequestUsesNothingMore) {
  Install("L", 1, 10);
  const Command checkout =
      driver_.Prepared(CheckoutCommand(session_, {{"run", 4}}), kAlice);
  const LedgerAnswer first = driver_.Apply(checkout);
  ASSERT_TRUE(first.ok());
  const LedgerAnswer again = driver_.Apply(checkout);
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(again.seat_handles, first.seat_handles);
  driver_.ledger = RestoreLedger(driver_.records, driver_.limits, 1);
  EXPECT_TRUE(driver_.Apply(checkout).repeated);
  EXPECT_EQ(used(), 4u);
  // Also once the seat is back.
  ASSERT_TRUE(
      driver_.DoAsAlice(CheckinCommand(session_, first.seat_handles)).ok());
  EXPECT_TRUE(driver_.Apply(checkout).repeated);
  EXPECT_EQ(used(), 4u);
}

TEST_F(CreditsTest, ItemsOfOneRequestCountTogetherAllOrNone) {
  Install("L", 1, 5);
  const Command both = CheckoutCommand(session_, {{"run", 3}, {"run", 3}});
  EXPECT_EQ(driver_.DoAsAlice(both).reason,
            type::v1::ERROR_REASON_CREDITS_EXHAUSTED);
  EXPECT_EQ(used(), 0u);
  EXPECT_TRUE(
      driver_.DoAsAlice(CheckoutCommand(session_, {{"run", 3}, {"run", 2}}))
          .ok());
  EXPECT_EQ(left(), 0u);
}

TEST_F(CreditsTest, TheLicenceThatEndsFirstIsUsedFirst) {
  const int64_t now = driver_.now.calendar_ms;
  Install("A", 1, 10);
  Install("B", 1, 10, now + 2'000);
  Install("C", 1, 10, now + 1'000);
  ASSERT_TRUE(Take(13).ok());  // All of C, and 3 of B.
  driver_.PassCalendar(1'000);
  driver_.DoAsAlice(AdvanceCommand());
  EXPECT_EQ(used(), 3u);
  EXPECT_EQ(left(), 17u);
  driver_.PassCalendar(1'000);
  driver_.DoAsAlice(AdvanceCommand());
  EXPECT_EQ(used(), 0u);
  EXPECT_EQ(left(), 10u);
}

TEST_F(CreditsTest, ANewerIssueGoesOnFromWhatIsUsed) {
  Install("L", 1, 10);
  ASSERT_TRUE(Take(7).ok());
  Install("L", 2, 20);
  EXPECT_EQ(left(), 13u);
  // Less than is used: nothing is left, and nothing is owed.
  Install("L", 3, 5);
  EXPECT_EQ(left(), 0u);
  EXPECT_EQ(Take(1).reason, type::v1::ERROR_REASON_CREDITS_EXHAUSTED);
  // Under other conditions, and after an issue that did not name it.
  ASSERT_TRUE(driver_.DoAsAlice(InstallCommand("L", 4, {{"other", 1}})).ok());
  Command command = License("L", 5, 10);
  command.mutable_install_license()
      ->mutable_terms()
      ->mutable_features(0)
      ->add_hosts("h1");
  ASSERT_TRUE(driver_.DoAsAlice(command).ok());
  EXPECT_EQ(driver_.ledger->FindPool("run{credits,host:h1}")->free(), 3u);
}

TEST_F(CreditsTest, ARestartKeepsWhatIsUsed) {
  Install("L", 1, 10);
  ASSERT_TRUE(Take(4).ok());
  driver_.ledger = RestoreLedger(driver_.records, driver_.limits, 1);
  EXPECT_EQ(used(), 4u);
  EXPECT_EQ(Take(7).reason, type::v1::ERROR_REASON_CREDITS_EXHAUSTED);
  EXPECT_TRUE(Take(6).ok());
}

TEST_F(CreditsTest, GrowingUsesTheDifferenceAndShrinkingGivesNothingBack) {
  Install("L", 1, 10);
  const uint64_t seat = Take(3).seat_handles.at(0);
  const auto resize = [&](uint32_t count) {
    return driver_.DoAsAlice(ResizeCommand(session_, seat, count));
  };
  ASSERT_TRUE(resize(5).ok());
  EXPECT_EQ(used(), 5u);
  ASSERT_TRUE(resize(2).ok());
  EXPECT_EQ(used(), 5u);
  EXPECT_EQ(resize(8).reason, type::v1::ERROR_REASON_CREDITS_EXHAUSTED);
  EXPECT_EQ(used(), 5u);
  EXPECT_EQ(driver_.out(kPool), 2u);
  ASSERT_TRUE(resize(7).ok());
  EXPECT_EQ(used(), 10u);
}

TEST_F(CreditsTest, WhatComesBackIsTakenBeforeWhatDoesNot) {
  Install("L", 1, 10);
  Command floating = InstallCommand("F", 1, {{"run", 2}});
  // Narrower or not.
  ASSERT_TRUE(driver_.DoAsAlice(floating).ok());
  ASSERT_TRUE(Take(2).ok());
  EXPECT_EQ(used(), 0u);
  ASSERT_TRUE(Take(1).ok());
  EXPECT_EQ(used(), 1u);
}

TEST_F(CreditsTest, AFeatureMayCostCredits) {
  Install("L", 1, 10);
  Command command = InstallCommand("T", 1, {{"solve", 0}});
  auto* const terms =
      command.mutable_install_license()->mutable_terms()->mutable_features(0);
  terms->set_token_feature("run");
  terms->set_token_cost(4);
  ASSERT_TRUE(driver_.DoAsAlice(command).ok());
  const auto solve = [&](uint32_t count) {
    return driver_.DoAsAlice(CheckoutCommand(session_, {{"solve", count}}));
  };
  const LedgerAnswer seat = solve(2);
  ASSERT_TRUE(seat.ok());
  ASSERT_TRUE(
      driver_.DoAsAlice(CheckinCommand(session_, seat.seat_handles)).ok());
  EXPECT_EQ(used(), 8u);
  const LedgerAnswer refused = solve(1);
  EXPECT_EQ(refused.reason, type::v1::ERROR_REASON_CREDITS_EXHAUSTED);
  EXPECT_EQ(Fact(refused, "feature"), "run");
  EXPECT_EQ(Fact(refused, "asked"), "4");
}

TEST_F(CreditsTest, OfOneLicenceAFeatureHasCreditsOnce) {
  Command twice = InstallCommand("L", 1, {{"run", 5}, {"run", 5}});
  for (auto& feature :
       *twice.mutable_install_license()->mutable_terms()->mutable_features()) {
    feature.set_credits(true);
  }
  EXPECT_EQ(driver_.DoAsAlice(twice).reason,
            type::v1::ERROR_REASON_BAD_REQUEST);
  Command shared = License("L", 1, 5);
  shared.mutable_install_license()
      ->mutable_terms()
      ->mutable_features(0)
      ->add_shared_by(internal::v1::SHARED_BY_USER);
  EXPECT_EQ(driver_.DoAsAlice(shared).reason,
            type::v1::ERROR_REASON_BAD_REQUEST);
}

}  // namespace
}  // namespace quorate::licensing

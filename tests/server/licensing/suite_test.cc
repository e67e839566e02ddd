// Who has any component of a suite out holds one unit of it, and gets the other
// components for no more. Driven through the ledger by hand-written commands,
// with invariants after each.

#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;

constexpr char kSuite[] = "office{shared:user+host}";

class SuiteTest : public testing::Test {
 protected:
  SuiteTest() { Install(2, 1); }

  void Install(uint32_t units, uint64_t serial) {
    Command command = InstallCommand(
        "L", serial, {{"office", units}, {"word", 0}, {"sheet", 0}});
    auto* const terms = command.mutable_install_license()->mutable_terms();
    terms->mutable_features(0)->add_shared_by(internal::v1::SHARED_BY_USER);
    terms->mutable_features(0)->add_shared_by(internal::v1::SHARED_BY_HOST);
    for (int i = 1; i <= 2; ++i) {
      terms->mutable_features(i)->set_token_feature("office");
      terms->mutable_features(i)->set_token_cost(1);
    }
    EXPECT_TRUE(driver_.DoAsAlice(command).ok());
  }

  uint64_t Open(const std::string& user, const std::string& host) {
    Command command = OpenCommand(kDefaultTtlMs);
    auto* const client = command.mutable_open_session()->mutable_description();
    client->set_user(user);
    client->set_host(host);
    return driver_.DoAsAlice(command).session_id;
  }

  LedgerAnswer Take(uint64_t session, const std::string& feature,
                    uint32_t count = 1) {
    return driver_.DoAsAlice(CheckoutCommand(session, {{feature, count}}));
  }

  uint64_t out() const { return driver_.out(kSuite); }

  LedgerDriver driver_;
};

TEST_F(SuiteTest, AllComponentsOfOneUserOnOneHostTakeOneUnit) {
  const uint64_t ann = Open("ann", "h1");
  const LedgerAnswer word = Take(ann, "word");
  ASSERT_TRUE(word.ok());
  EXPECT_EQ(out(), 1u);
  ASSERT_TRUE(Take(ann, "sheet").ok());
  ASSERT_TRUE(Take(Open("ann", "h1"), "sheet").ok());
  // The suite itself, too.
  ASSERT_TRUE(Take(ann, "office").ok());
  EXPECT_EQ(out(), 1u);
  ASSERT_TRUE(driver_.DoAsAlice(CheckinCommand(ann, word.seat_handles)).ok());
  EXPECT_EQ(out(), 1u);
}

TEST_F(SuiteTest, OnAnotherHostItIsAnotherUnit) {
  ASSERT_TRUE(Take(Open("ann", "h1"), "word").ok());
  ASSERT_TRUE(Take(Open("ann", "h2"), "sheet").ok());
  EXPECT_EQ(out(), 2u);
  const LedgerAnswer refused = Take(Open("bob", "h1"), "word");
  EXPECT_EQ(refused.reason, type::v1::ERROR_REASON_POOL_EXHAUSTED);
  EXPECT_EQ(Fact(refused, "feature"), "office");
}

TEST_F(SuiteTest, TheUnitComesBackWithTheLastComponent) {
  const uint64_t ann = Open("ann", "h1");
  const LedgerAnswer both =
      driver_.DoAsAlice(CheckoutCommand(ann, {{"word", 1}, {"sheet", 1}}));
  ASSERT_TRUE(both.ok());
  EXPECT_EQ(out(), 1u);
  for (const uint64_t handle : both.seat_handles) {
    EXPECT_EQ(out(), 1u);
    ASSERT_TRUE(driver_.DoAsAlice(CheckinCommand(ann, {handle})).ok());
  }
  EXPECT_EQ(out(), 0u);
}

TEST_F(SuiteTest, WhoHoldsAUnitGetsComponentsWhenNoneIsFree) {
  const uint64_t ann = Open("ann", "h1");
  ASSERT_TRUE(Take(ann, "word").ok());
  ASSERT_TRUE(Take(Open("bob", "h2"), "word").ok());
  EXPECT_TRUE(Take(ann, "sheet").ok());
  // As many units as the largest of his seats has.
  EXPECT_EQ(Take(ann, "sheet", 2).reason,
            type::v1::ERROR_REASON_POOL_EXHAUSTED);
}

TEST_F(SuiteTest, GrowingTakesWhatTheGroupLacks) {
  const uint64_t ann = Open("ann", "h1");
  const uint64_t word = Take(ann, "word").seat_handles.at(0);
  ASSERT_TRUE(Take(ann, "sheet", 2).ok());
  EXPECT_EQ(out(), 2u);
  EXPECT_TRUE(driver_.DoAsAlice(ResizeCommand(ann, word, 2)).ok());
  EXPECT_EQ(out(), 2u);
  EXPECT_EQ(driver_.DoAsAlice(ResizeCommand(ann, word, 3)).reason,
            type::v1::ERROR_REASON_COUNT_OVER_TOTAL);
}

TEST_F(SuiteTest, ARestartKeepsWhatIsOneUnit) {
  const uint64_t ann = Open("ann", "h1");
  ASSERT_TRUE(Take(ann, "word").ok());
  ASSERT_TRUE(Take(ann, "sheet").ok());
  driver_.ledger = RestoreLedger(driver_.records, driver_.limits, 1);
  EXPECT_EQ(out(), 1u);
  ASSERT_TRUE(driver_.DoAsAlice(CloseCommand(ann)).ok());
  EXPECT_EQ(out(), 0u);
}

}  // namespace
}  // namespace quorate::licensing

// Who waits for one pool keeps nothing of another from others, and tokens are
// kept for whoever waits for them first, whatever feature he wants them for.
// By hand, with the records compared after every command.

#include <cstdint>
#include <functional>
#include <string>

#include "gtest/gtest.h"

#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"

namespace quorate::licensing {
namespace {

using internal::v1::CheckoutItem;
using internal::v1::Command;
using internal::v1::FeatureTerms;

constexpr int64_t kWaitMs = 600'000;

class QueuePoolsTest : public testing::Test {
 protected:
  void Install(const std::string& feature, uint32_t count,
               const std::function<void(FeatureTerms*)>& change) {
    Command command = InstallCommand("L" + std::to_string(++licenses_), 1,
                                     {{feature, count}});
    change(command.mutable_install_license()->mutable_terms()->mutable_features(
        0));
    ASSERT_TRUE(driver_.DoAsAlice(command).ok());
  }

  void InstallRegion(const std::string& region, uint32_t count) {
    Install("cad", count, [&region](FeatureTerms* cad) {
      cad->add_attributes()->set_name("region");
      cad->mutable_attributes(0)->set_value(region);
    });
  }

  void InstallTaker(const std::string& feature, uint32_t cost) {
    Install(feature, 0, [cost](FeatureTerms* terms) {
      terms->set_token_feature("tok");
      terms->set_token_cost(cost);
    });
  }

  static std::function<void(CheckoutItem*)> In(const std::string& region) {
    return [region](CheckoutItem* item) {
      item->add_attributes()->set_name("region");
      item->mutable_attributes(0)->set_value(region);
    };
  }

  LedgerAnswer Take(
      const std::string& feature, uint32_t count,
      const std::function<void(CheckoutItem*)>& change = [](CheckoutItem*) {}) {
    Command command = CheckoutCommand(session_, {{feature, count}});
    change(command.mutable_checkout()->mutable_items(0));
    return driver_.DoAsAlice(command);
  }

  Command Wait(
      const std::string& feature, uint32_t count, uint32_t priority = 5,
      const std::function<void(CheckoutItem*)>& change = [](CheckoutItem*) {}) {
    Command command =
        WaitCommand(session_, {{feature, count}}, kWaitMs, priority);
    change(command.mutable_checkout()->mutable_items(0));
    command = driver_.Prepared(command, kAlice);
    EXPECT_GT(driver_.Apply(command).queue_position.number, 0u);
    return command;
  }

  bool Granted(const Command& command) {
    return !driver_.Apply(command).seat_handles.empty();
  }

  void Return(const LedgerAnswer& seat) {
    EXPECT_TRUE(
        driver_.DoAsAlice(CheckinCommand(session_, {seat.seat_handles.at(0)}))
            .ok());
  }

  LedgerDriver driver_;
  int licenses_ = 0;
  uint64_t session_ = driver_.OpenSession(kMaxTtlMs);
};

TEST_F(QueuePoolsTest, AnotherPoolIsForOthers) {
  InstallRegion("eu", 2);
  InstallRegion("us", 2);
  const LedgerAnswer one = Take("cad", 1, In("eu"));
  const Command large = Wait("cad", 2, 5, In("eu"));
  // One is free in each: that of the eu is his.
  const LedgerAnswer refused = Take("cad", 1, In("eu"));
  EXPECT_EQ(refused.reason, type::v1::ERROR_REASON_POOL_EXHAUSTED);
  EXPECT_EQ(Fact(refused, "waiting"), "1");
  EXPECT_TRUE(Take("cad", 1, In("us")).ok());
  // Who would take any gets of the other pool.
  EXPECT_TRUE(Take("cad", 1).ok());
  EXPECT_EQ(driver_.out("cad{region=us}"), 2u);
  EXPECT_EQ(driver_.out("cad{region=eu}"), 1u);
  Return(one);
  EXPECT_TRUE(Granted(large));
}

TEST_F(QueuePoolsTest, WhoWaitsBehindIsServedFromAnotherPool) {
  InstallRegion("eu", 2);
  InstallRegion("us", 2);
  const LedgerAnswer eu = Take("cad", 1, In("eu"));
  const LedgerAnswer us = Take("cad", 2, In("us"));
  const Command large = Wait("cad", 2, 5, In("eu"));
  const Command behind = Wait("cad", 1, 5, In("us"));
  const Command last = Wait("cad", 1, 5, In("eu"));
  Return(us);
  EXPECT_FALSE(Granted(large));
  EXPECT_TRUE(Granted(behind));
  EXPECT_FALSE(Granted(last)) << "one of eu is free, and kept";
  Return(eu);
  EXPECT_TRUE(Granted(large));
}

TEST_F(QueuePoolsTest, TokensAreKeptAcrossFeatures) {
  Install("tok", 10, [](FeatureTerms*) {});
  InstallTaker("big", 8);
  InstallTaker("small", 1);
  const LedgerAnswer holder = Take("small", 4);
  const Command big = Wait("big", 1);
  EXPECT_EQ(Fact(Take("small", 1), "waiting"), "1");
  EXPECT_FALSE(Take("tok", 1).ok());
  const Command small = Wait("small", 1);
  EXPECT_FALSE(Granted(small));
  Return(holder);
  EXPECT_TRUE(Granted(big));
  EXPECT_TRUE(Granted(small)) << "two are left";
}

TEST_F(QueuePoolsTest, APriorityComesFirstAcrossFeatures) {
  Install("tok", 10, [](FeatureTerms*) {});
  InstallTaker("big", 8);
  InstallTaker("small", 1);
  const LedgerAnswer all = Take("tok", 10);
  const Command big = Wait("big", 1, 4);
  const Command small = Wait("small", 3, 6);
  Return(all);
  EXPECT_TRUE(Granted(small));
  EXPECT_FALSE(Granted(big));
}

TEST_F(QueuePoolsTest, WhenTheKeeperLeavesOthersAreServed) {
  Install("tok", 10, [](FeatureTerms*) {});
  InstallTaker("big", 8);
  InstallTaker("small", 1);
  Take("small", 4);
  const Command big = Wait("big", 1);
  driver_.PassClusterTime(1);
  const Command small = Wait("small", 1);
  driver_.PassClusterTime(kWaitMs - 2);
  EXPECT_FALSE(Granted(small));
  driver_.PassClusterTime(1);
  driver_.DoAsAlice(AdvanceCommand());
  EXPECT_EQ(driver_.out("tok"), 5u);
  EXPECT_TRUE(Granted(small));
}

}  // namespace
}  // namespace quorate::licensing

// A licence's conditions decide who may take a unit and how it counts, and
// tell pools of one feature apart. Each condition is driven through the ledger
// by hand-written commands, with invariants after each.

#include <functional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/licensing/command_digest.h"
#include "server/licensing/pool_kind.h"
#include "server/policy/version_range.h"
#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"

namespace quorate::licensing {
namespace {

using internal::v1::CheckoutItem;
using internal::v1::Command;
using internal::v1::FeatureTerms;

class ConditionsTest : public testing::Test {
 protected:
  // A licence of one feature of `count` units, changed by `change`.
  LedgerAnswer Install(const std::string& feature, uint32_t count,
                       const std::function<void(FeatureTerms*)>& change) {
    Command command = InstallCommand("L" + std::to_string(++licenses_), 1,
                                     {{feature, count}});
    change(command.mutable_install_license()->mutable_terms()->mutable_features(
        0));
    return driver_.DoAsAlice(command);
  }

  uint64_t Open(const std::string& user, const std::string& host) {
    Command command = OpenCommand(kDefaultTtlMs);
    auto* const client = command.mutable_open_session()->mutable_description();
    client->set_user(user);
    client->set_host(host);
    return driver_.DoAsAlice(command).session_id;
  }

  LedgerAnswer CheckOut(
      uint64_t session, uint32_t count = 1,
      const std::function<void(CheckoutItem*)>& change = [](CheckoutItem*) {},
      const std::string& feature = "cad") {
    Command command = CheckoutCommand(session, {{feature, count}});
    change(command.mutable_checkout()->mutable_items(0));
    return driver_.DoAsAlice(command);
  }

  static std::function<void(CheckoutItem*)> Version(
      const std::string& version) {
    return [version](CheckoutItem* item) { item->set_version(version); };
  }

  LedgerDriver driver_;
  int licenses_ = 0;
  uint64_t session_ = Open("ada", "h1");
};

TEST_F(ConditionsTest, VersionsAreComparedPartByPart) {
  const std::vector<std::string> ascending = {
      "2", "2.0.1", "2.9", "2.10", "2.10-1", "10", "61", "61.9", "2026.1"};
  for (size_t i = 0; i + 1 < ascending.size(); ++i) {
    EXPECT_LT(policy::CompareVersions(ascending[i], ascending[i + 1]), 0)
        << ascending[i] << " " << ascending[i + 1];
    EXPECT_GT(policy::CompareVersions(ascending[i + 1], ascending[i]), 0);
  }
  EXPECT_EQ(policy::CompareVersions("2.0", "2"), 0);
  EXPECT_EQ(policy::CompareVersions("007", "7"), 0);
}

TEST_F(ConditionsTest, AnOlderVersionLeavesTheWiderPoolToNewerOnes) {
  ASSERT_TRUE(Install("cad", 1, [](FeatureTerms*) {}).ok());
  ASSERT_TRUE(Install("cad", 1, [](FeatureTerms* cad) {
                cad->set_version_max("2025.9");
              }).ok());
  EXPECT_TRUE(CheckOut(session_, 1, Version("2024.1")).ok());
  EXPECT_EQ(driver_.out("cad{version<=2025.9}"), 1u);
  EXPECT_TRUE(CheckOut(session_, 1, Version("2026.1")).ok());
  EXPECT_EQ(driver_.out("cad"), 1u);
  EXPECT_EQ(CheckOut(session_, 1, Version("2024.1")).reason,
            type::v1::ERROR_REASON_POOL_EXHAUSTED);
}

TEST_F(ConditionsTest, ANewerVersionIsRefusedWhateverIsFree) {
  ASSERT_TRUE(Install("cad", 5, [](FeatureTerms* cad) {
                cad->set_version_max("2025.9");
              }).ok());
  const LedgerAnswer newer = CheckOut(session_, 1, Version("2025.10"));
  EXPECT_EQ(newer.reason, type::v1::ERROR_REASON_VERSION_NOT_COVERED);
  EXPECT_EQ(Fact(newer, "version_max"), "2025.9");
  // Who names no version gets none that is limited.
  EXPECT_EQ(CheckOut(session_).reason,
            type::v1::ERROR_REASON_VERSION_NOT_COVERED);
}

TEST_F(ConditionsTest, MaintenanceCoversWhatWasReleasedBeforeItsEnd) {
  ASSERT_TRUE(Install("cad", 5, [](FeatureTerms* cad) {
                cad->set_maintenance_end_ms(1'000);
              }).ok());
  const auto released = [](int64_t ms) {
    return [ms](CheckoutItem* item) { item->set_released_ms(ms); };
  };
  EXPECT_TRUE(CheckOut(session_, 1, released(999)).ok());
  EXPECT_EQ(CheckOut(session_, 1, released(1'000)).reason,
            type::v1::ERROR_REASON_RELEASE_NOT_COVERED);
  EXPECT_EQ(CheckOut(session_).reason,
            type::v1::ERROR_REASON_RELEASE_NOT_COVERED);
}

TEST_F(ConditionsTest, AttributesChooseThePool) {
  for (const char* region : {"eu", "us"}) {
    ASSERT_TRUE(Install("cad", 1, [region](FeatureTerms* cad) {
                  cad->add_attributes()->set_name("region");
                  cad->mutable_attributes(0)->set_value(region);
                }).ok());
  }
  const auto region = [](const char* value) {
    return [value](CheckoutItem* item) {
      item->add_attributes()->set_name("region");
      item->mutable_attributes(0)->set_value(value);
    };
  };
  EXPECT_TRUE(CheckOut(session_, 1, region("us")).ok());
  EXPECT_EQ(driver_.out("cad{region=us}"), 1u);
  EXPECT_EQ(CheckOut(session_, 1, region("us")).reason,
            type::v1::ERROR_REASON_POOL_EXHAUSTED);
  EXPECT_EQ(CheckOut(session_, 1, region("asia")).reason,
            type::v1::ERROR_REASON_ATTRIBUTE_NOT_OFFERED);
  EXPECT_TRUE(CheckOut(session_).ok());
  EXPECT_EQ(driver_.out("cad{region=eu}"), 1u);
}

TEST_F(ConditionsTest, NoSeatIsOfTwoPools) {
  ASSERT_TRUE(Install("cad", 2, [](FeatureTerms*) {}).ok());
  ASSERT_TRUE(Install("cad", 2, [](FeatureTerms* cad) {
                cad->set_version_max("9");
              }).ok());
  EXPECT_EQ(CheckOut(session_, 3, Version("1")).reason,
            type::v1::ERROR_REASON_COUNT_OVER_TOTAL);
  EXPECT_TRUE(driver_.DoAsAlice(CheckoutCommand(session_, {{"cad", 2}})).ok());
}

TEST_F(ConditionsTest, LicencesThatAgreeAddUp) {
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(Install("cad", 3, [](FeatureTerms* cad) {
                  cad->add_hosts("H1");
                }).ok());
  }
  EXPECT_EQ(driver_.total("cad{host:h1}"), 6u);
  EXPECT_TRUE(CheckOut(session_, 6).ok());
  EXPECT_EQ(CheckOut(Open("bob", "h2")).reason,
            type::v1::ERROR_REASON_HOST_NOT_COVERED);
}

TEST_F(ConditionsTest, AnOverdraftEndsAndThenDrains) {
  const int64_t end_ms = driver_.now.calendar_ms + 1'000;
  ASSERT_TRUE(Install("cad", 2, [end_ms](FeatureTerms* cad) {
                cad->set_overdraft(1);
                cad->set_overdraft_end_ms(end_ms);
              }).ok());
  const LedgerAnswer all = CheckOut(session_, 3);
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(CheckOut(session_).reason, type::v1::ERROR_REASON_POOL_EXHAUSTED);
  EXPECT_EQ(driver_.ledger->NextDueCalendarMs(), end_ms);
  driver_.PassCalendar(1'000);
  EXPECT_EQ(CheckOut(session_, 3).reason,
            type::v1::ERROR_REASON_COUNT_OVER_TOTAL);
  EXPECT_EQ(driver_.out("cad"), 3u);
  ASSERT_TRUE(
      driver_.DoAsAlice(CheckinCommand(session_, all.seat_handles)).ok());
  EXPECT_TRUE(CheckOut(session_, 2).ok());
}

TEST_F(ConditionsTest, UncountedGivesAsManyAsAreAskedFor) {
  ASSERT_TRUE(Install("cad", 0, [](FeatureTerms* cad) {
                cad->set_uncounted(true);
              }).ok());
  EXPECT_TRUE(CheckOut(session_, 4'000'000'000).ok());
  EXPECT_TRUE(CheckOut(session_, 4'000'000'000).ok());
}

TEST_F(ConditionsTest, SharedSeatsCountAsTheLargest) {
  ASSERT_TRUE(Install("cad", 5, [](FeatureTerms* cad) {
                cad->add_shared_by(internal::v1::SHARED_BY_USER);
                cad->add_shared_by(internal::v1::SHARED_BY_HOST);
              }).ok());
  const std::string pool = "cad{shared:user+host}";
  const uint64_t again = Open("ada", "h1");
  const LedgerAnswer two = CheckOut(session_, 2);
  const LedgerAnswer three = CheckOut(again, 3);
  ASSERT_TRUE(two.ok() && three.ok());
  EXPECT_EQ(driver_.out(pool), 3u);
  EXPECT_EQ(CheckOut(Open("ada", "h2"), 3).reason,
            type::v1::ERROR_REASON_POOL_EXHAUSTED);
  EXPECT_TRUE(CheckOut(Open("bob", "h1"), 2).ok());
  EXPECT_EQ(driver_.out(pool), 5u);
  // Nothing more is needed for it, although all are out.
  EXPECT_TRUE(CheckOut(again, 1).ok());
  ASSERT_TRUE(
      driver_.DoAsAlice(CheckinCommand(again, three.seat_handles)).ok());
  EXPECT_EQ(driver_.out(pool), 4u);
}

TEST_F(ConditionsTest, OnlyTheSameKeyIsShared) {
  ASSERT_TRUE(Install("cad", 2, [](FeatureTerms* cad) {
                cad->add_shared_by(internal::v1::SHARED_BY_KEY);
              }).ok());
  const auto key = [](const char* value) {
    return [value](CheckoutItem* item) { item->set_share_key(value); };
  };
  EXPECT_TRUE(CheckOut(session_, 1, key("job1")).ok());
  EXPECT_TRUE(CheckOut(Open("bob", "h2"), 1, key("job1")).ok());
  EXPECT_EQ(driver_.out("cad{shared:key}"), 1u);
  EXPECT_TRUE(CheckOut(session_).ok());
  EXPECT_EQ(CheckOut(session_).reason, type::v1::ERROR_REASON_POOL_EXHAUSTED);
}

TEST_F(ConditionsTest, ARestoredSharedSeatIsGivenBackOnce) {
  ASSERT_TRUE(Install("cad", 5, [](FeatureTerms* cad) {
                cad->add_shared_by(internal::v1::SHARED_BY_SITE);
              }).ok());
  ASSERT_TRUE(CheckOut(session_, 2).ok());
  ASSERT_TRUE(CheckOut(session_, 4).ok());
  driver_.ledger = RestoreLedger(driver_.records, driver_.limits, 1);
  EXPECT_EQ(driver_.out("cad{shared:site}"), 4u);
  ASSERT_TRUE(driver_.DoAsAlice(CloseCommand(session_)).ok());
  EXPECT_EQ(driver_.out("cad{shared:site}"), 0u);
}

TEST_F(ConditionsTest, TokensAreTakenOfAnotherPoolAllOrNone) {
  ASSERT_TRUE(Install("tok", 10, [](FeatureTerms*) {}).ok());
  for (const char* feature : {"cad", "mesh"}) {
    const uint32_t cost = feature[0] == 'c' ? 3 : 5;
    ASSERT_TRUE(Install(feature, 0, [cost](FeatureTerms* terms) {
                  terms->set_token_feature("tok");
                  terms->set_token_cost(cost);
                }).ok());
  }
  EXPECT_EQ(
      driver_.DoAsAlice(CheckoutCommand(session_, {{"cad", 2}, {"mesh", 1}}))
          .reason,
      type::v1::ERROR_REASON_COUNT_OVER_TOTAL);
  EXPECT_EQ(driver_.out("tok"), 0u);
  const LedgerAnswer both =
      driver_.DoAsAlice(CheckoutCommand(session_, {{"cad", 1}, {"mesh", 1}}));
  ASSERT_TRUE(both.ok());
  EXPECT_EQ(driver_.out("tok"), 8u);
  const LedgerAnswer more = CheckOut(session_);
  EXPECT_EQ(more.reason, type::v1::ERROR_REASON_POOL_EXHAUSTED);
  EXPECT_EQ(Fact(more, "feature"), "tok");
  EXPECT_EQ(Fact(more, "asked"), "3");
  ASSERT_TRUE(
      driver_.DoAsAlice(CheckinCommand(session_, {both.seat_handles[1]})).ok());
  EXPECT_EQ(driver_.out("tok"), 3u);
  EXPECT_TRUE(CheckOut(session_, 2).ok());
}

TEST_F(ConditionsTest, AnIssueWithOtherConditionsIsAnotherPool) {
  Command first = InstallCommand("X", 1, {{"cad", 2}});
  ASSERT_TRUE(driver_.DoAsAlice(first).ok());
  const LedgerAnswer seat = CheckOut(session_, 2);
  Command second = InstallCommand("X", 2, {{"cad", 1}});
  second.mutable_install_license()
      ->mutable_terms()
      ->mutable_features(0)
      ->add_hosts("h1");
  ASSERT_TRUE(driver_.DoAsAlice(second).ok());
  EXPECT_EQ(driver_.out("cad"), 2u);
  EXPECT_EQ(driver_.total("cad"), 0u);
  EXPECT_TRUE(CheckOut(session_).ok());
  ASSERT_TRUE(
      driver_.DoAsAlice(CheckinCommand(session_, seat.seat_handles)).ok());
  EXPECT_EQ(driver_.ledger->FindPool("cad"), std::nullopt);
}

TEST_F(ConditionsTest, WhatContradictsItselfIsRefused) {
  const std::vector<std::function<void(FeatureTerms*)>> wrong = {
      [](FeatureTerms* terms) { terms->set_uncounted(true); },
      [](FeatureTerms* terms) { terms->set_token_feature("tok"); },
      [](FeatureTerms* terms) { terms->set_version_max("a b"); },
      [](FeatureTerms* terms) { terms->add_hosts(""); },
      [](FeatureTerms* terms) {
        terms->add_shared_by(internal::v1::SharedBy{});
      },
      [](FeatureTerms* terms) { terms->add_attributes()->set_name("x"); },
      [](FeatureTerms* terms) { terms->set_overdraft_end_ms(-1); },
      [](FeatureTerms* terms) {
        terms->set_count(0);
        terms->set_token_feature("cad");
        terms->set_token_cost(1);
      },
  };
  for (size_t i = 0; i < wrong.size(); ++i) {
    EXPECT_EQ(Install("cad", 1, wrong[i]).reason,
              type::v1::ERROR_REASON_BAD_REQUEST)
        << i;
  }
  EXPECT_EQ(driver_.ledger->FindPool("cad"), std::nullopt);
}

// Members of two versions remember the same digest of what both know.
TEST_F(ConditionsTest, AnItemWithoutConditionsKeepsItsDigest) {
  const Command plain = CheckoutCommand(7, {{"cad", 2}});
  const CommandDigest digest = DigestCommand(plain);
  EXPECT_EQ(digest[0], 0xd7);
  for (const auto& change : std::vector<std::function<void(CheckoutItem*)>>{
           [](CheckoutItem* item) { item->set_version("1"); },
           [](CheckoutItem* item) { item->set_released_ms(1); },
           [](CheckoutItem* item) { item->set_share_key("1"); },
           [](CheckoutItem* item) { item->add_attributes()->set_name("1"); }}) {
    Command other = plain;
    change(other.mutable_checkout()->mutable_items(0));
    EXPECT_NE(DigestCommand(other), digest);
  }
}

}  // namespace
}  // namespace quorate::licensing

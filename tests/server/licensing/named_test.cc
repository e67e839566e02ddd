// Each name of a licence for named users is one user's, until an administrator
// frees it as often as the licence allows. Each rule is driven through the
// ledger by hand-written commands, with invariants after each.

#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;

constexpr int64_t kDayMs = int64_t{24} * 3'600'000;
constexpr char kPool[] = "edit{named,recycle:2/30d}";

class NamedTest : public testing::Test {
 protected:
  void Install(uint32_t names, uint64_t serial = 1, uint32_t recycle = 2) {
    Command command = InstallCommand("L", serial, {{"edit", names}});
    auto* const terms =
        command.mutable_install_license()->mutable_terms()->mutable_features(0);
    terms->set_named_users(true);
    terms->set_recycle_count(recycle);
    terms->set_recycle_days(recycle > 0 ? 30 : 0);
    ASSERT_TRUE(driver_.DoAsAlice(command).ok());
  }

  uint64_t Open(const std::string& user) {
    Command command = OpenCommand(kMaxTtlMs);
    command.mutable_open_session()->mutable_description()->set_user(user);
    return driver_.DoAsAlice(command).session_id;
  }

  LedgerAnswer Take(uint64_t session, uint32_t count = 1) {
    return driver_.DoAsAlice(CheckoutCommand(session, {{"edit", count}}));
  }

  // One seat out and in.
  ErrorReason Visit(const std::string& user) {
    const uint64_t session = Open(user);
    const ErrorReason reason = Take(session).reason;
    driver_.DoAsAlice(CloseCommand(session));
    return reason;
  }

  LedgerAnswer Release(const std::string& user) {
    return driver_.DoAsAlice(ReleaseUserCommand("edit", user));
  }

  uint64_t used(const std::string& pool = kPool) {
    return driver_.ledger->FindPool(pool)->used;
  }

  LedgerDriver driver_;
};

TEST_F(NamedTest, TheFirstUsersHaveTheNamesForGood) {
  Install(2);
  EXPECT_EQ(Visit("ann"), 0);
  EXPECT_EQ(Visit("bob"), 0);
  EXPECT_EQ(used(), 2u);
  const LedgerAnswer refused =
      driver_.DoAsAlice(WaitCommand(Open("eve"), {{"edit", 1}}, 60'000));
  EXPECT_EQ(refused.reason, type::v1::ERROR_REASON_NAMES_EXHAUSTED);
  EXPECT_EQ(Fact(refused, "total"), "2");
  EXPECT_EQ(Visit("Ann"), type::v1::ERROR_REASON_NAMES_EXHAUSTED);
  EXPECT_EQ(Visit("bob"), 0);
  EXPECT_EQ(used(), 2u);
}

TEST_F(NamedTest, OneNameServesAllSessionsAndUnitsOfItsUser) {
  Install(1);
  EXPECT_TRUE(Take(Open("ann"), 5).ok());
  EXPECT_TRUE(Take(Open("ann"), 3).ok());
  EXPECT_EQ(used(), 1u);
  EXPECT_EQ(driver_.out(kPool), 5u);
}

TEST_F(NamedTest, ARefusedRequestTakesNoName) {
  Install(1);
  EXPECT_EQ(
      driver_
          .DoAsAlice(CheckoutCommand(Open("ann"), {{"edit", 1}, {"none", 1}}))
          .reason,
      type::v1::ERROR_REASON_FEATURE_UNKNOWN);
  EXPECT_EQ(used(), 0u);
  EXPECT_EQ(Visit("bob"), 0);
}

TEST_F(NamedTest, AFreedNameIsTheNextUsers) {
  Install(1);
  ASSERT_EQ(Visit("ann"), 0);
  ASSERT_TRUE(Release("ann").ok());
  EXPECT_EQ(used(), 0u);
  EXPECT_EQ(Visit("bob"), 0);
  EXPECT_EQ(Visit("ann"), type::v1::ERROR_REASON_NAMES_EXHAUSTED);
}

TEST_F(NamedTest, WhoHasASeatOutKeepsHisName) {
  Install(1);
  const uint64_t session = Open("ann");
  ASSERT_TRUE(Take(session).ok());
  EXPECT_EQ(Release("ann").reason, type::v1::ERROR_REASON_NAME_IN_USE);
  EXPECT_EQ(used(), 1u);
  ASSERT_TRUE(driver_.DoAsAlice(CloseCommand(session)).ok());
  EXPECT_TRUE(Release("ann").ok());
}

TEST_F(NamedTest, NamesAreFreedAsOftenAsTheLicenceSays) {
  Install(3);
  for (const char* user : {"ann", "bob", "eve"})
    ASSERT_EQ(Visit(user), 0);
  const int64_t first_ms = driver_.now.calendar_ms;
  ASSERT_TRUE(Release("ann").ok());
  driver_.PassCalendar(kDayMs);
  ASSERT_TRUE(Release("bob").ok());
  const LedgerAnswer refused = Release("eve");
  EXPECT_EQ(refused.reason, type::v1::ERROR_REASON_RECYCLING_LIMIT);
  EXPECT_EQ(Fact(refused, "next_ms"), std::to_string(first_ms + 30 * kDayMs));
  driver_.ledger = RestoreLedger(driver_.records, driver_.limits, 1);
  driver_.PassCalendar(29 * kDayMs - 1);
  EXPECT_EQ(Release("eve").reason, type::v1::ERROR_REASON_RECYCLING_LIMIT);
  driver_.PassCalendar(1);
  EXPECT_TRUE(Release("eve").ok());
}

TEST_F(NamedTest, WithoutALimitNoNameIsEverFreed) {
  Install(1, 1, 0);
  ASSERT_EQ(Visit("ann"), 0);
  const LedgerAnswer refused = Release("ann");
  EXPECT_EQ(refused.reason, type::v1::ERROR_REASON_RECYCLING_LIMIT);
  EXPECT_EQ(Fact(refused, "next_ms"), "");
}

TEST_F(NamedTest, WhoHasNoNameCannotBeReleased) {
  Install(1);
  EXPECT_EQ(Release("ann").reason, type::v1::ERROR_REASON_NAME_NOT_FOUND);
  EXPECT_EQ(driver_.DoAsAlice(ReleaseUserCommand("none", "ann")).reason,
            type::v1::ERROR_REASON_NAME_NOT_FOUND);
}

TEST_F(NamedTest, ARepeatedReleaseFreesNothingMore) {
  Install(1);
  ASSERT_EQ(Visit("ann"), 0);
  const Command release =
      driver_.Prepared(ReleaseUserCommand("edit", "ann"), kAlice);
  ASSERT_TRUE(driver_.Apply(release).ok());
  ASSERT_EQ(Visit("ann"), 0);
  EXPECT_TRUE(driver_.Apply(release).repeated);
  EXPECT_EQ(used(), 1u);
}

TEST_F(NamedTest, AfterADecreaseTheFirstNamesStayOfUse) {
  Install(2);
  ASSERT_EQ(Visit("zoe"), 0);
  driver_.PassCalendar(1);
  ASSERT_EQ(Visit("ann"), 0);
  Install(1, 2);
  EXPECT_EQ(Visit("ann"), type::v1::ERROR_REASON_NAMES_EXHAUSTED);
  EXPECT_EQ(Visit("zoe"), 0);
  ASSERT_TRUE(Release("zoe").ok());
  EXPECT_EQ(Visit("ann"), 0);
}

TEST_F(NamedTest, ARestartKeepsNamesAndWhoIsActive) {
  Install(2);
  ASSERT_EQ(Visit("ann"), 0);
  ASSERT_TRUE(Take(Open("bob")).ok());
  driver_.ledger = RestoreLedger(driver_.records, driver_.limits, 1);
  const auto users = driver_.ledger->NamedUsersOf("edit", {}, 10);
  ASSERT_EQ(users.size(), 2u);
  EXPECT_EQ(users[0].user, "ann");
  EXPECT_FALSE(users[0].active);
  EXPECT_EQ(users[1].user, "bob");
  EXPECT_TRUE(users[1].active);
  const auto rest = driver_.ledger->NamedUsersOf("", {kPool, "ann"}, 10);
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_TRUE(driver_.ledger->NamedUsersOf("other", {}, 10).empty());
  EXPECT_EQ(Visit("eve"), type::v1::ERROR_REASON_NAMES_EXHAUSTED);
}

TEST_F(NamedTest, WhoHasNoNameTakesWhatFloats) {
  Install(1);
  ASSERT_TRUE(driver_.DoAsAlice(InstallCommand("F", 1, {{"edit", 1}})).ok());
  ASSERT_TRUE(Take(Open("ann")).ok());
  EXPECT_EQ(driver_.out("edit"), 0u);
  ASSERT_TRUE(Take(Open("bob")).ok());
  EXPECT_EQ(driver_.out("edit"), 1u);
  // Waiting helps: he may take what floats.
  EXPECT_EQ(Take(Open("eve")).reason, type::v1::ERROR_REASON_POOL_EXHAUSTED);
}

}  // namespace
}  // namespace quorate::licensing

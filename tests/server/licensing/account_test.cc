// Accounts are set and deleted by those who saw them as they are, survive a
// restart and a backup, and the last administrator stays where a command says
// so. Commands are written by hand; the driver checks invariants and that the
// records are the whole ledger after each.

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/licensing/accounts.h"
#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"

namespace quorate::licensing {
namespace {

using internal::v1::ACCOUNT_ROLE_ADMINISTRATOR;
using internal::v1::ACCOUNT_ROLE_USER;
using internal::v1::ACCOUNT_ROLE_VIEWER;
using internal::v1::AccountRole;
using internal::v1::Command;

Command Set(const std::string& account, const std::vector<AccountRole>& roles,
            uint64_t base_version = 0) {
  Command command;
  internal::v1::SetAccount* const body = command.mutable_set_account();
  body->set_account(account);
  for (const AccountRole role : roles)
    body->add_roles(role);
  body->set_base_version(base_version);
  body->set_keep_administrator(true);
  return command;
}

Command Delete(const std::string& account, uint64_t base_version = 0) {
  Command command;
  command.mutable_delete_account()->set_account(account);
  command.mutable_delete_account()->set_base_version(base_version);
  command.mutable_delete_account()->set_keep_administrator(true);
  return command;
}

class AccountTest : public testing::Test {
 protected:
  explicit AccountTest(const LedgerLimits& limits = {}) : driver_(limits) {}

  const internal::v1::AccountRecord* Find(const std::string& account) {
    return driver_.ledger->accounts().Find(account);
  }

  LedgerDriver driver_;
};

TEST_F(AccountTest, TheRecordSaysWhoSetWhatAndWhen) {
  ASSERT_TRUE(driver_.DoAsAlice(Set("ann", {ACCOUNT_ROLE_VIEWER})).ok());
  ASSERT_NE(Find("ann"), nullptr);
  EXPECT_EQ(Find("ann")->set_by(), kAlice);
  EXPECT_EQ(Find("ann")->set_calendar_ms(), driver_.now.calendar_ms);
  EXPECT_EQ(Find("ann")->version(), 1U);
  EXPECT_EQ(Find("ann")->roles(0), ACCOUNT_ROLE_VIEWER);
}

TEST_F(AccountTest, WhoDidNotSeeItAsItIsIsRefused) {
  ASSERT_TRUE(driver_.DoAsAlice(Set("ann", {ACCOUNT_ROLE_VIEWER})).ok());
  ASSERT_TRUE(driver_.DoAsAlice(Delete("ann")).ok());
  ASSERT_TRUE(driver_.DoAsAlice(Set("ann", {ACCOUNT_ROLE_USER})).ok());
  // Not version 1 again.
  const LedgerAnswer refused = driver_.DoAsAlice(Set("ann", {}, 1));
  EXPECT_EQ(refused.reason, type::v1::ERROR_REASON_ACCOUNT_CHANGED);
  EXPECT_EQ(Fact(refused, "version"), "3");
  EXPECT_EQ(driver_.DoAsAlice(Set("ann", {})).reason,
            type::v1::ERROR_REASON_ACCOUNT_CHANGED);
  EXPECT_EQ(driver_.DoAsAlice(Delete("ann", 1)).reason,
            type::v1::ERROR_REASON_ACCOUNT_CHANGED);
  EXPECT_TRUE(driver_.DoAsAlice(Set("ann", {}, 3)).ok());
  EXPECT_EQ(driver_.DoAsAlice(Delete("bob")).reason,
            type::v1::ERROR_REASON_ACCOUNT_NOT_FOUND);
}

TEST_F(AccountTest, TheLastAdministratorStaysWhereNobodyElseIsOne) {
  ASSERT_TRUE(driver_.DoAsAlice(Set("ann", {ACCOUNT_ROLE_ADMINISTRATOR})).ok());
  EXPECT_EQ(driver_.DoAsAlice(Delete("ann")).reason,
            type::v1::ERROR_REASON_LAST_ADMINISTRATOR);
  EXPECT_EQ(driver_.DoAsAlice(Set("ann", {ACCOUNT_ROLE_USER}, 1)).reason,
            type::v1::ERROR_REASON_LAST_ADMINISTRATOR);
  // The same roles again, and where a configuration names somebody.
  ASSERT_TRUE(
      driver_.DoAsAlice(Set("ann", {ACCOUNT_ROLE_ADMINISTRATOR}, 1)).ok());
  Command free = Delete("ann");
  free.mutable_delete_account()->set_keep_administrator(false);
  EXPECT_TRUE(driver_.DoAsAlice(free).ok());
  EXPECT_EQ(driver_.ledger->accounts().administrators(), 0U);
}

TEST_F(AccountTest, ARepeatGetsTheFirstAnswerWhoeverTakesIt) {
  const Command set = driver_.Prepared(Set("ann", {ACCOUNT_ROLE_USER}), kAlice);
  ASSERT_TRUE(driver_.Apply(set).ok());
  Command again = set;
  again.mutable_set_account()->set_keep_administrator(false);
  EXPECT_TRUE(driver_.Apply(again).repeated);
  EXPECT_EQ(driver_.ledger->account_changes(), 1U);
}

TEST_F(AccountTest, BadFieldsOfANewerMemberAreRefused) {
  EXPECT_EQ(driver_.DoAsAlice(Set("", {})).reason,
            type::v1::ERROR_REASON_BAD_REQUEST);
  EXPECT_EQ(driver_.DoAsAlice(Set("a", {static_cast<AccountRole>(9)})).reason,
            type::v1::ERROR_REASON_BAD_REQUEST);
  EXPECT_EQ(
      driver_.DoAsAlice(Set("a", {ACCOUNT_ROLE_VIEWER, ACCOUNT_ROLE_USER}))
          .reason,
      type::v1::ERROR_REASON_BAD_REQUEST);
  Command command = Set("a", {});
  command.mutable_set_account()->set_remark("a\x01");
  EXPECT_EQ(driver_.DoAsAlice(command).reason,
            type::v1::ERROR_REASON_BAD_REQUEST);
}

TEST_F(AccountTest, ABackupKeepsThem) {
  ASSERT_TRUE(driver_.DoAsAlice(Set("ann", {ACCOUNT_ROLE_ADMINISTRATOR})).ok());
  const auto restored = RestoredRecords(driver_.records, 2);
  ASSERT_TRUE(restored.ok()) << restored.status();
  const auto ledger = RestoreLedger(*restored, driver_.limits, 1, 2);
  ASSERT_NE(ledger->accounts().Find("ann"), nullptr);
  EXPECT_EQ(ledger->accounts().administrators(), 1U);
  EXPECT_EQ(ledger->account_changes(), 1U);
}

class FullAccountTest : public AccountTest {
 protected:
  FullAccountTest() : AccountTest({.accounts = 1}) {}
};

TEST_F(FullAccountTest, OneMoreIsRefusedAndChangesAreNot) {
  ASSERT_TRUE(driver_.DoAsAlice(Set("ann", {})).ok());
  const LedgerAnswer refused = driver_.DoAsAlice(Set("bob", {}));
  EXPECT_EQ(refused.reason, type::v1::ERROR_REASON_LIMIT_REACHED);
  EXPECT_EQ(Fact(refused, "limit"), "accounts");
  EXPECT_TRUE(driver_.DoAsAlice(Set("ann", {ACCOUNT_ROLE_USER}, 1)).ok());
}

}  // namespace
}  // namespace quorate::licensing

// A look that begins after a publication sees it, on every thread, and a
// thread that looks into two tables does not mix them up. Threads look while
// another one publishes again and again.

#include "server/rpc/access_table.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace quorate::server {
namespace {

using internal::v1::ACCOUNT_ROLE_ADMINISTRATOR;
using internal::v1::ACCOUNT_ROLE_USER;
using internal::v1::ACCOUNT_ROLE_VIEWER;
using internal::v1::AccountRole;

licensing::AccountBook BookOf(const std::string& name, AccountRole role) {
  internal::v1::AccountRecord account;
  account.set_account(name);
  account.add_roles(role);
  licensing::AccountBook book;
  book.Set(account);
  return book;
}

TEST(AccessTableTest, EachTableHasItsOwn) {
  AccessTable one;
  AccessTable other;
  one.Publish(BookOf("ann", ACCOUNT_ROLE_USER), 1);
  other.Publish(BookOf("ann", ACCOUNT_ROLE_VIEWER), 1);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(one.RolesOf("ann"), RoleSet(ACCOUNT_ROLE_USER));
    EXPECT_EQ(other.RolesOf("ann"), RoleSet(ACCOUNT_ROLE_VIEWER));
    EXPECT_EQ(one.RolesOf("bob"), std::nullopt);
  }
}

TEST(AccessTableTest, NothingIsCopiedWhereNothingChanged) {
  AccessTable table;
  table.Publish(BookOf("ann", ACCOUNT_ROLE_USER), 1);
  // Not what a ledger does: to see that it is not looked at.
  table.Publish(BookOf("ann", ACCOUNT_ROLE_VIEWER), 1);
  EXPECT_EQ(table.RolesOf("ann"), RoleSet(ACCOUNT_ROLE_USER));
  table.Publish(licensing::AccountBook(), 2);
  EXPECT_EQ(table.RolesOf("ann"), std::nullopt);
}

TEST(AccessTableTest, NoThreadSeesWhatWasTakenAwayBeforeItLooked) {
  constexpr int kThreads = 4;
  constexpr uint64_t kChanges = 2'000;
  AccessTable table;
  // Odd while one is being published; 2 of 4: it was taken away, 0 of 4: it was
  // given. Whoever reads the same even number around his look must agree.
  std::atomic<uint64_t> published = 0;
  std::atomic<uint64_t> wrong = 0;
  std::atomic<uint64_t> looks = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      while (published.load() < kChanges) {
        const uint64_t before = published.load();
        const auto roles = table.RolesOf("ann");
        if (published.load() != before || before == 0 || before % 2 == 1) {
          continue;
        }
        ++looks;
        const bool is = roles == RoleSet(ACCOUNT_ROLE_ADMINISTRATOR);
        if (before % 4 == 2 && is) ++wrong;
        if (before % 4 == 0 && !is) ++wrong;
      }
    });
  }
  const licensing::AccountBook with = BookOf("ann", ACCOUNT_ROLE_ADMINISTRATOR);
  const licensing::AccountBook without = BookOf("ann", ACCOUNT_ROLE_USER);
  for (uint64_t change = 0; change < kChanges; change += 2) {
    published.store(change + 1);
    table.Publish(change % 4 == 0 ? without : with, change + 1);
    published.store(change + 2);
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(wrong.load(), 0U) << "of " << looks.load() << " looks";
}

}  // namespace
}  // namespace quorate::server

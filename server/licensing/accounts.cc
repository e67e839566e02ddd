#include "server/licensing/accounts.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace quorate::licensing {

using internal::v1::AccountRecord;

bool IsAdministrator(const AccountRecord& account) {
  return std::find(account.roles().begin(), account.roles().end(),
                   internal::v1::ACCOUNT_ROLE_ADMINISTRATOR) !=
         account.roles().end();
}

const AccountRecord* AccountBook::Find(absl::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &found->second;
}

void AccountBook::Set(AccountRecord account) {
  if (Find(account.account()) != nullptr) Erase(account.account());
  if (IsAdministrator(account)) ++administrators_;
  std::string name = account.account();
  by_name_.emplace(std::move(name), std::move(account));
}

void AccountBook::Erase(absl::string_view name) {
  const auto found = by_name_.find(name);
  QUORATE_CHECK(found != by_name_.end());
  if (IsAdministrator(found->second)) --administrators_;
  by_name_.erase(found);
}

}  // namespace quorate::licensing

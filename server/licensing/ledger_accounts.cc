#include "server/licensing/ledger_accounts.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

#include "server/licensing/accounts.h"
#include "server/licensing/field_rules.h"
#include "server/licensing/ledger_state.h"
#include "server/licensing/record_codec.h"
#include "server/licensing/refusals.h"
#include "server/licensing/restoring.h"

namespace quorate::licensing {
namespace {

using internal::v1::AccountRecord;
using internal::v1::Command;

// Known ones, each once, in their order.
bool AreRoles(const google::protobuf::RepeatedField<int>& roles) {
  return std::all_of(roles.begin(), roles.end(),
                     [](int role) {
                       return role > 0 &&
                              internal::v1::AccountRole_IsValid(role);
                     }) &&
         std::adjacent_find(roles.begin(), roles.end(),
                            std::greater_equal<>()) == roles.end();
}

LedgerAnswer RefuseChanged(absl::string_view name, uint64_t base_version,
                           uint64_t version) {
  return Refuse(type::v1::ERROR_REASON_ACCOUNT_CHANGED,
                {{"account", std::string(name)},
                 {"base_version", absl::StrCat(base_version)},
                 {"version", absl::StrCat(version)}});
}

// Where `account` is the last administrator and must stay one.
std::optional<LedgerAnswer> RefuseLast(const AccountBook& accounts,
                                       const AccountRecord* account,
                                       bool keep_administrator) {
  if (!keep_administrator || account == nullptr || !IsAdministrator(*account) ||
      accounts.administrators() > 1) {
    return std::nullopt;
  }
  return Refuse(type::v1::ERROR_REASON_LAST_ADMINISTRATOR,
                {{"account", account->account()}});
}

}  // namespace

LedgerAnswer SetAccount(const Command& command, size_t max_accounts,
                        Tables* tables, std::vector<RecordChange>* changes) {
  const internal::v1::SetAccount& body = command.set_account();
  if (!IsPrincipal(body.account())) {
    return RefuseField("account", "must be 1 to 256 bytes of plain text");
  }
  if (!AreRoles(body.roles())) {
    return RefuseField("roles", "must be known ones, in their order");
  }
  if (!IsPlainText(body.remark())) {
    return RefuseField("remark", "must be plain text of at most 256 bytes");
  }
  AccountBook& accounts = tables->accounts;
  const AccountRecord* const before = accounts.Find(body.account());
  const uint64_t version = before == nullptr ? 0 : before->version();
  if (body.base_version() != version) {
    return RefuseChanged(body.account(), body.base_version(), version);
  }
  if (before == nullptr && accounts.by_name().size() >= max_accounts) {
    return RefuseOverLimit("accounts", max_accounts);
  }
  AccountRecord account;
  account.set_account(body.account());
  *account.mutable_roles() = body.roles();
  if (!IsAdministrator(account)) {
    if (auto refusal =
            RefuseLast(accounts, before, body.keep_administrator())) {
      return *std::move(refusal);
    }
  }
  account.set_remark(body.remark());
  account.set_version(++tables->counters.account_changes);
  account.set_set_by(command.principal());
  account.set_set_calendar_ms(tables->counters.calendar_ms);
  changes->push_back(PutRecord(account));
  accounts.Set(std::move(account));
  return {};
}

LedgerAnswer DeleteAccount(const Command& command, Tables* tables,
                           std::vector<RecordChange>* changes) {
  const internal::v1::DeleteAccount& body = command.delete_account();
  AccountBook& accounts = tables->accounts;
  const AccountRecord* const before = accounts.Find(body.account());
  if (before == nullptr) {
    return Refuse(type::v1::ERROR_REASON_ACCOUNT_NOT_FOUND,
                  {{"account", body.account()}});
  }
  if (body.base_version() != 0 && body.base_version() != before->version()) {
    return RefuseChanged(body.account(), body.base_version(),
                         before->version());
  }
  if (auto refusal = RefuseLast(accounts, before, body.keep_administrator())) {
    return *std::move(refusal);
  }
  changes->push_back(EraseRecord(AccountKey(body.account())));
  accounts.Erase(body.account());
  // So that whoever watches the counter sees that something changed.
  ++tables->counters.account_changes;
  return {};
}

absl::Status RestoreAccounts(std::vector<AccountRecord> records,
                             Tables* tables) {
  for (AccountRecord& record : records) {
    if (!IsPrincipal(record.account()) || !AreRoles(record.roles()) ||
        record.version() == 0 ||
        record.version() > tables->counters.account_changes) {
      return Contradiction("account ", record.account(), " is out of range");
    }
    if (tables->accounts.Find(record.account()) != nullptr) {
      return Contradiction("account ", record.account(), " is there twice");
    }
    tables->accounts.Set(std::move(record));
  }
  return absl::OkStatus();
}

absl::Status CheckAccounts(const Tables& tables) {
  std::set<uint64_t> versions;
  size_t administrators = 0;
  for (const auto& [name, account] : tables.accounts.by_name()) {
    if (name != account.account() || account.version() == 0 ||
        account.version() > tables.counters.account_changes ||
        !versions.insert(account.version()).second) {
      return absl::InternalError(
          absl::StrCat("account ", name, " does not fit"));
    }
    if (IsAdministrator(account)) ++administrators;
  }
  if (administrators != tables.accounts.administrators()) {
    return absl::InternalError(
        absl::StrCat("there are ", administrators, " administrators, and ",
                     tables.accounts.administrators(), " are counted"));
  }
  return absl::OkStatus();
}

const AccountBook& Ledger::accounts() const {
  return state_->tables().accounts;
}

uint64_t Ledger::account_changes() const {
  return state_->tables().counters.account_changes;
}

}  // namespace quorate::licensing

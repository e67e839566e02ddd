// The commands about accounts.

#ifndef QUORATE_SERVER_LICENSING_LEDGER_ACCOUNTS_H_
#define QUORATE_SERVER_LICENSING_LEDGER_ACCOUNTS_H_

#include <cstddef>
#include <vector>

#include "absl/status/status.h"

#include "quorate/internal/v1/command.pb.h"
#include "quorate/internal/v1/record.pb.h"

#include "server/licensing/ledger.h"
#include "server/licensing/ledger_tables.h"

namespace quorate::licensing {

// Both refuse one who has not seen the account as it is (ACCOUNT_CHANGED), and
// what takes the last administrator away where the command says that he must
// stay (LAST_ADMINISTRATOR). Whether the caller may is not asked here: who is
// an administrator by a member's configuration, no ledger knows.
LedgerAnswer SetAccount(const internal::v1::Command& command,
                        size_t max_accounts, Tables* tables,
                        std::vector<RecordChange>* changes);
LedgerAnswer DeleteAccount(const internal::v1::Command& command, Tables* tables,
                           std::vector<RecordChange>* changes);

// After the counters. DATA_LOSS where one contradicts them.
absl::Status RestoreAccounts(std::vector<internal::v1::AccountRecord> records,
                             Tables* tables);

// Of invariants.h.
absl::Status CheckAccounts(const Tables& tables);

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_LEDGER_ACCOUNTS_H_

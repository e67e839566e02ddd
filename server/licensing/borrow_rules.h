// What the policy says of a borrow.

#ifndef QUORATE_SERVER_LICENSING_BORROW_RULES_H_
#define QUORATE_SERVER_LICENSING_BORROW_RULES_H_

#include <cstdint>
#include <optional>

#include "google/protobuf/repeated_field.h"

#include "server/licensing/ledger.h"
#include "server/licensing/ledger_tables.h"

namespace quorate::licensing {

// Who wants to borrow what: the seats are there, and the session's. Not owned.
struct BorrowAsk {
  const Session* session = nullptr;
  const google::protobuf::RepeatedField<uint64_t>* handles = nullptr;
  int64_t until_ms = 0;
};

// What waiting does not help: he may not, or not for so long.
std::optional<LedgerAnswer> RefuseByBorrowRules(const BorrowAsk& ask,
                                                const Tables& tables);

// Too many are borrowed, or too few would stay.
std::optional<LedgerAnswer> RefuseByBorrowCounts(const BorrowAsk& ask,
                                                 const Tables& tables);

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_BORROW_RULES_H_

// The rules that always hold between the ledger's tables, as code.

#ifndef QUORATE_SERVER_LICENSING_INVARIANTS_H_
#define QUORATE_SERVER_LICENSING_INVARIANTS_H_

#include "absl/status/status.h"

#include "server/licensing/ledger_state.h"

namespace quorate::licensing {

// INTERNAL with the first rule that does not hold. Looks at everything: for
// tests and the simulator.
absl::Status CheckTables(const Tables& tables);

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_INVARIANTS_H_

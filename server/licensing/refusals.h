// The answers that say no, each with the facts that docs/errors.md promises.

#ifndef QUORATE_SERVER_LICENSING_REFUSALS_H_
#define QUORATE_SERVER_LICENSING_REFUSALS_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

#include "server/licensing/ledger.h"

namespace quorate::licensing {

using Fact = std::pair<absl::string_view, std::string>;

LedgerAnswer Refuse(ErrorReason reason, std::initializer_list<Fact> facts);

// `field` is the path in the command, like "items[2].count".
LedgerAnswer RefuseField(absl::string_view field, absl::string_view problem);

// A cool-down that lasts for so long yet; told in seconds, rounded up.
LedgerAnswer RefuseCoolDown(absl::string_view feature, int64_t left_ms);

// `limit` names what there is too much of, like "sessions".
LedgerAnswer RefuseOverLimit(absl::string_view limit, uint64_t max);

// True where a checkout would be granted once others give back.
bool WaitingHelps(const LedgerAnswer& refusal);

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_REFUSALS_H_

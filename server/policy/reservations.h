// What the reservations of one feature keep now, for those who look on.

#ifndef QUORATE_SERVER_POLICY_RESERVATIONS_H_
#define QUORATE_SERVER_POLICY_RESERVATIONS_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"

#include "server/policy/compiled_policy.h"
#include "server/policy/rule_use.h"

namespace quorate::policy {

// True where the rule lends what is not in use, and calls it back.
inline bool CallsBack(const internal::v1::PolicyRule& rule) {
  return rule.kind() == internal::v1::POLICY_RULE_KIND_RESERVE && rule.lend() &&
         rule.span_ms() > 0;
}

// One rule that is in effect at the moment.
struct Reservation {
  uint32_t rule = 0;
  uint64_t units = 0;  // What the total leaves for it.
  uint64_t used = 0;   // Out of those whom it matches; may be more.

  uint64_t unused() const { return units > used ? units - used : 0; }
};

// In the order of the rules, of which the earlier one has the first call on a
// total that is too small for all; as Decide counts them.
std::vector<Reservation> ReservationsOf(const CompiledPolicy& policy,
                                        const RuleUse& use,
                                        absl::string_view feature,
                                        uint64_t total, int64_t calendar_ms);

}  // namespace quorate::policy

#endif  // QUORATE_SERVER_POLICY_RESERVATIONS_H_

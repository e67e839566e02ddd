#include "server/policy/reservations.h"

#include <algorithm>

namespace quorate::policy {

std::vector<Reservation> ReservationsOf(const CompiledPolicy& policy,
                                        const RuleUse& use,
                                        absl::string_view feature,
                                        uint64_t total, int64_t calendar_ms) {
  std::vector<Reservation> reservations;
  uint64_t left = total;
  for (const uint32_t rule : policy.RulesOf(feature).reserve) {
    if (!policy.InEffect(rule, calendar_ms)) continue;
    const uint64_t units = std::min(policy.rule(rule).units(), left);
    left -= units;
    reservations.push_back(
        {.rule = rule, .units = units, .used = use.UnitsOf(rule, feature, "")});
  }
  return reservations;
}

}  // namespace quorate::policy

#include "server/policy/seat_terms.h"

namespace quorate::policy {

std::optional<IdleTerms> FindIdleTerms(const CompiledPolicy& policy,
                                       const Subject& folded,
                                       absl::string_view feature) {
  for (const uint32_t index : policy.RulesOf(feature).idle) {
    if (!policy.Matches(index, folded)) continue;
    const internal::v1::PolicyRule& rule = policy.rule(index);
    if (rule.span_ms() == 0) return std::nullopt;
    return IdleTerms{.rule = index,
                     .span_ms = rule.span_ms(),
                     .warning_ms = rule.warning_ms()};
  }
  return std::nullopt;
}

}  // namespace quorate::policy

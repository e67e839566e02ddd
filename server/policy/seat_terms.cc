#include "server/policy/seat_terms.h"

#include <algorithm>
#include <vector>

namespace quorate::policy {

namespace {

// The first that matches, null where none does.
const uint32_t* FirstOf(const std::vector<uint32_t>& rules,
                        const CompiledPolicy& policy, const Subject& folded) {
  const auto found = std::find_if(
      rules.begin(), rules.end(),
      [&](uint32_t index) { return policy.Matches(index, folded); });
  return found == rules.end() ? nullptr : &*found;
}

// As FirstOf, of those that are in effect.
const uint32_t* FirstInEffect(const std::vector<uint32_t>& rules,
                              const CompiledPolicy& policy,
                              const Subject& folded, int64_t calendar_ms) {
  const auto found =
      std::find_if(rules.begin(), rules.end(), [&](uint32_t index) {
        return policy.Matches(index, folded) &&
               policy.InEffect(index, calendar_ms);
      });
  return found == rules.end() ? nullptr : &*found;
}

}  // namespace

std::optional<IdleTerms> FindIdleTerms(const CompiledPolicy& policy,
                                       const Subject& folded,
                                       absl::string_view feature) {
  const uint32_t* const first =
      FirstOf(policy.RulesOf(feature).idle, policy, folded);
  if (first == nullptr || policy.rule(*first).span_ms() == 0) {
    return std::nullopt;
  }
  return IdleTerms{.rule = *first,
                   .span_ms = policy.rule(*first).span_ms(),
                   .warning_ms = policy.rule(*first).warning_ms()};
}

int64_t FindLingerMs(const CompiledPolicy& policy, const Subject& folded,
                     absl::string_view feature) {
  const uint32_t* const first =
      FirstOf(policy.RulesOf(feature).linger, policy, folded);
  return first == nullptr ? 0 : policy.rule(*first).span_ms();
}

std::optional<BorrowTerms> FindBorrowTerms(const CompiledPolicy& policy,
                                           const Subject& folded,
                                           absl::string_view feature,
                                           int64_t calendar_ms) {
  const uint32_t* const first = FirstInEffect(policy.RulesOf(feature).borrow,
                                              policy, folded, calendar_ms);
  if (first == nullptr) return std::nullopt;
  const internal::v1::PolicyRule& rule = policy.rule(*first);
  return BorrowTerms{
      .rule = *first,
      .allowed = rule.kind() == internal::v1::POLICY_RULE_KIND_BORROW,
      .span_ms = rule.span_ms(),
      .units = rule.units(),
      .low_water = rule.low_water()};
}

const internal::v1::PolicyRule* FindPriorityRule(const CompiledPolicy& policy,
                                                 const Subject& folded,
                                                 absl::string_view feature,
                                                 int64_t calendar_ms) {
  const uint32_t* const first = FirstInEffect(policy.RulesOf(feature).priority,
                                              policy, folded, calendar_ms);
  return first == nullptr ? nullptr : &policy.rule(*first);
}

}  // namespace quorate::policy

#include "server/policy/rule_use.h"

#include <algorithm>

#include "base/check.h"
#include "base/ordered_encoding.h"

namespace quorate::policy {
namespace {

constexpr size_t kRuleBytes = 8;

}  // namespace

template <typename Visit>
void RuleUse::VisitCounting(const CompiledPolicy& policy, const Subject& folded,
                            absl::string_view feature,
                            const Visit& visit) const {
  const FeatureRules& rules = policy.RulesOf(feature);
  const auto visit_all = [&](const std::vector<uint32_t>& list) {
    for (const uint32_t rule : list) {
      if (policy.Matches(rule, folded)) visit(rule);
    }
  };
  if (of_ == Of::kBorrows) return visit_all(rules.borrow);
  visit_all(rules.reserve);
  visit_all(rules.limit);
}

std::string RuleUse::Place(uint32_t rule, absl::string_view feature,
                           absl::string_view key) {
  std::string place;
  place.reserve(kRuleBytes + feature.size() + 1 + key.size());
  AppendOrdered64(rule, &place);
  place.append(feature.data(), feature.size());
  // No feature's name has one.
  place.push_back('\0');
  place.append(key.data(), key.size());
  return place;
}

void RuleUse::Take(const CompiledPolicy& policy, const Subject& folded,
                   absl::string_view feature, uint64_t units) {
  if (units == 0) return;
  VisitCounting(policy, folded, feature, [&](uint32_t rule) {
    units_[Place(rule, feature, policy.KeyOf(rule, folded))] += units;
  });
}

void RuleUse::GiveBack(const CompiledPolicy& policy, const Subject& folded,
                       absl::string_view feature, uint64_t units) {
  if (units == 0) return;
  VisitCounting(policy, folded, feature, [&](uint32_t rule) {
    const auto found =
        units_.find(Place(rule, feature, policy.KeyOf(rule, folded)));
    QUORATE_CHECK(found != units_.end() && found->second >= units);
    found->second -= units;
    if (found->second == 0) units_.erase(found);
  });
}

uint64_t RuleUse::UnitsOf(uint32_t rule, absl::string_view feature,
                          absl::string_view key) const {
  const auto found = units_.find(Place(rule, feature, key));
  return found == units_.end() ? 0 : found->second;
}

std::vector<RuleCount> RuleUse::Counts() const {
  std::vector<std::pair<std::string, uint64_t>> places(units_.begin(),
                                                       units_.end());
  std::sort(places.begin(), places.end());
  std::vector<RuleCount> counts;
  counts.reserve(places.size());
  for (const auto& [place, units] : places) {
    const absl::string_view whole = place;
    const std::optional<uint64_t> rule =
        ParseOrdered64(whole.substr(0, kRuleBytes));
    const absl::string_view rest = whole.substr(kRuleBytes);
    const size_t end = rest.find('\0');
    counts.push_back({.rule = static_cast<uint32_t>(rule.value_or(0)),
                      .feature = std::string(rest.substr(0, end)),
                      .key = std::string(rest.substr(end + 1)),
                      .units = units});
  }
  return counts;
}

}  // namespace quorate::policy

#include "server/policy/rule_features.h"

#include <set>

namespace quorate::policy {

using internal::v1::Policy;
using internal::v1::PolicyGroup;
using internal::v1::PolicyRule;

bool NamesFeatures(const PolicyRule& rule) {
  return !rule.feature().empty() || !rule.feature_group().empty();
}

std::vector<std::string> FeaturesOf(const Policy& policy,
                                    const PolicyRule& rule) {
  if (!rule.feature().empty()) return {rule.feature()};
  if (rule.feature_group().empty()) return {};
  std::set<std::string> features;
  for (const PolicyGroup& group : policy.groups()) {
    if (group.kind() == internal::v1::POLICY_GROUP_KIND_FEATURES &&
        group.name() == rule.feature_group()) {
      features.insert(group.members().begin(), group.members().end());
    }
  }
  return {features.begin(), features.end()};
}

}  // namespace quorate::policy

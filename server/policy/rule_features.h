// Which features a rule is about.

#ifndef QUORATE_SERVER_POLICY_RULE_FEATURES_H_
#define QUORATE_SERVER_POLICY_RULE_FEATURES_H_

#include <string>
#include <vector>

#include "quorate/internal/v1/policy.pb.h"

namespace quorate::policy {

// False where the rule is about all features, each by itself.
bool NamesFeatures(const internal::v1::PolicyRule& rule);

// The one it names, or those of the group it names, each once and in the order
// of bytes; none where that group is empty, or NamesFeatures is false.
std::vector<std::string> FeaturesOf(const internal::v1::Policy& policy,
                                    const internal::v1::PolicyRule& rule);

}  // namespace quorate::policy

#endif  // QUORATE_SERVER_POLICY_RULE_FEATURES_H_

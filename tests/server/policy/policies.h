// Policies as tests write them, and at random.

#ifndef QUORATE_TESTS_SERVER_POLICY_POLICIES_H_
#define QUORATE_TESTS_SERVER_POLICY_POLICIES_H_

#include <string>
#include <vector>

#include "quorate/internal/v1/policy.pb.h"

#include "base/random.h"

namespace quorate::policy {

struct TestPart {
  internal::v1::PolicyField field;
  std::vector<std::string> values;
  bool negated = false;
};

// A rule of those parts; an empty feature stands for all.
internal::v1::PolicyRule RuleOf(const std::string& name,
                                internal::v1::PolicyRuleKind kind,
                                const std::string& feature, uint64_t units,
                                const std::vector<TestPart>& parts);

internal::v1::Policy PolicyOf(
    const std::vector<internal::v1::PolicyRule>& rules);

// A sound policy over features "a" to "d" and two groups of them, users u0 to
// u4, hosts h0 to h3, some projects, applications, versions, displays,
// addresses of 10.0.0.0/24, and times; what it says of each hits and misses
// often.
internal::v1::Policy RandomPolicy(Random* random);

// What a session of that world says of itself, and where it comes from.
internal::v1::PolicyField RandomField(Random* random);
std::string RandomUser(Random* random);
std::string RandomHost(Random* random);
std::string RandomProject(Random* random);
std::string RandomVersion(Random* random);
std::string RandomAddress(Random* random);  // "" or "10.0.0.7".

}  // namespace quorate::policy

#endif  // QUORATE_TESTS_SERVER_POLICY_POLICIES_H_

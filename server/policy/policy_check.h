// What a policy must look like to be put in force, and how large it may be.

#ifndef QUORATE_SERVER_POLICY_POLICY_CHECK_H_
#define QUORATE_SERVER_POLICY_POLICY_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "quorate/internal/v1/policy.pb.h"

namespace quorate::policy {

// Part of the replicated behaviour: the same on all members. A policy is one
// command, is kept in a hundred versions, and is shown as one message.
inline constexpr size_t kMaxPolicyBytes = 256 * 1024;
// Rules that people still understand; a checkout looks at those of its feature.
inline constexpr int kMaxRules = 1'000;
inline constexpr int kMaxGroups = 1'000;
// A rule about a group of features stands in the list of each.
inline constexpr int kMaxFeaturesOfGroup = 256;
inline constexpr int kMaxPartsOfRule = 16;
inline constexpr int kMaxValuesOfPart = 1'000;
// Limits and reservations that one feature may have. When a policy comes into
// force each seat that is out is held against those of its feature.
inline constexpr size_t kMaxCountingRulesOfFeature = 256;
inline constexpr size_t kMaxPolicyNameBytes = 64;  // Of rules and groups.
inline constexpr size_t kMaxPolicyValueBytes = 256;
// As a licence's count.
inline constexpr uint64_t kMaxPolicyUnits = 0xffff'ffff;
// How long a seat may be idle. Activity is reported each minute or so.
inline constexpr int64_t kMinIdleMs = 60'000;
inline constexpr int64_t kMaxIdleMs = int64_t{30} * 24 * 3'600'000;
// A holder who is called needs so long to save. At most kMaxIdleMs.
inline constexpr int64_t kMinCallMs = 10'000;
inline constexpr int64_t kMaxLingerMs = int64_t{30} * 24 * 3'600'000;
// As long as a licence may let a seat be borrowed.
inline constexpr int64_t kMaxBorrowSpanMs = int64_t{366} * 24 * 3'600'000;
// As a checkout may ask for.
inline constexpr uint32_t kMaxPolicyPriority = 9;
// Faults of one policy beyond these help nobody.
inline constexpr size_t kMaxPolicyFaults = 20;

// What is wrong, and where: "rules[3].parts[0].values[1]".
struct PolicyFault {
  std::string path;
  std::string problem;

  friend bool operator==(const PolicyFault&, const PolicyFault&) = default;
};

// Nothing where the policy may be put in force.
std::vector<PolicyFault> CheckPolicy(const internal::v1::Policy& policy);

// What a value may look like: 1 to 256 bytes, no control characters, nor what
// XML cannot hold.
bool IsPolicyText(absl::string_view text);

// "deny", "user", "mon-fri": the words that people read and write.
const char* WordOf(internal::v1::PolicyRuleKind kind);
const char* WordOf(internal::v1::PolicyField field);
const char* WordOf(internal::v1::PolicyGroupKind kind);

// The kind of the groups that a part of this field names; unspecified where it
// names none.
internal::v1::PolicyGroupKind GroupKindOf(internal::v1::PolicyField field);

}  // namespace quorate::policy

#endif  // QUORATE_SERVER_POLICY_POLICY_CHECK_H_

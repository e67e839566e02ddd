// What the policy says of seats that are out.

#ifndef QUORATE_SERVER_POLICY_SEAT_TERMS_H_
#define QUORATE_SERVER_POLICY_SEAT_TERMS_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

#include "server/policy/compiled_policy.h"

namespace quorate::policy {

// How long a seat may be idle.
struct IdleTerms {
  uint32_t rule = 0;
  int64_t span_ms = 0;
  int64_t warning_ms = 0;  // So long before its holder is warned; 0: not.

  friend bool operator==(const IdleTerms&, const IdleTerms&) = default;
};

// Of the first idle rule that matches, those that name the feature before the
// others; nothing where none does, or it says never.
std::optional<IdleTerms> FindIdleTerms(const CompiledPolicy& policy,
                                       const Subject& folded,
                                       absl::string_view feature);

// How long a seat that the subject gives back stays out, by the first linger
// rule in the same order; 0 where it does not.
int64_t FindLingerMs(const CompiledPolicy& policy, const Subject& folded,
                     absl::string_view feature);

}  // namespace quorate::policy

#endif  // QUORATE_SERVER_POLICY_SEAT_TERMS_H_

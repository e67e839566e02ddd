// What the policy says of seats that are out, of those that want to leave the
// house, and of those that wait for one.

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

// What may be borrowed.
struct BorrowTerms {
  uint32_t rule = 0;
  bool allowed = true;
  int64_t span_ms = 0;     // For so long at most; 0: as the licences say.
  uint64_t units = 0;      // Of those whom it counts together; 0: any number.
  uint64_t low_water = 0;  // So many units of the feature stay.

  friend bool operator==(const BorrowTerms&, const BorrowTerms&) = default;
};

// Of the first rule about borrowing that matches and is in effect, those that
// name the feature before the others; nothing where none does.
std::optional<BorrowTerms> FindBorrowTerms(const CompiledPolicy& policy,
                                           const Subject& folded,
                                           absl::string_view feature,
                                           int64_t calendar_ms);

// The first rule about priority, in the same order; null where none is.
const internal::v1::PolicyRule* FindPriorityRule(const CompiledPolicy& policy,
                                                 const Subject& folded,
                                                 absl::string_view feature,
                                                 int64_t calendar_ms);

}  // namespace quorate::policy

#endif  // QUORATE_SERVER_POLICY_SEAT_TERMS_H_

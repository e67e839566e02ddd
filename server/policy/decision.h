// May this subject take these units now?
//
// The one order of precedence, that of FlexNet (EXCLUDE, RESERVE, MAX, INCLUDE;
// docs/licensing.md):
//   1. Deny: whom a rule denies gets nothing.
//   2. Reserve: what is kept for him and not in use he may take; neither limits
//      nor allow-lists are asked for it.
//   3. Limit: what is out of those whom a limit counts together, and what is
//      asked for, is at most its units.
//   4. Allow: where some rule allows the feature, he must match one of these.
// And always: what is free and kept for others by rules that do not match him
// he cannot take, unless they lend it. What a rule lends and calls back it
// keeps as soon as somebody waits for it, but not from whom another rule
// covers.
//
// Where several things are in the way, the one that waiting does not help is
// told: Deny, Allow, Limit, reserved for others.

#ifndef QUORATE_SERVER_POLICY_DECISION_H_
#define QUORATE_SERVER_POLICY_DECISION_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"

#include "server/policy/compiled_policy.h"
#include "server/policy/rule_use.h"

namespace quorate::policy {

// Ascending: of several verdicts the least is told.
enum class Verdict {
  kDenied,      // By `rule`.
  kNotAllowed,  // Others are allowed; `rule` is the first that does.
  kOverLimit,   // By `rule`.
  kReserved,    // For others, the most of it by `rule`.
  kGranted,     // `rule` is the reservation that covers it, or none.
};

// What is asked. Views are of the caller's.
struct Question {
  const Subject* folded = nullptr;  // CompiledPolicy::Folded; not owned.
  absl::string_view feature;
  uint64_t count = 0;
  int64_t calendar_ms = 0;
  uint64_t total = 0;  // Of the feature, in force.
  uint64_t taken = 0;  // Of these, not free.
  // What those wait for for whom rules call lent units back.
  uint64_t claimed = 0;
};

struct Decision {
  Verdict verdict = Verdict::kGranted;
  std::optional<uint32_t> rule;
  uint64_t used = 0;   // kOverLimit: out of those who are counted together.
  uint64_t units = 0;  // kOverLimit: the limit. kReserved: kept for others.
};

// What one rule of the feature means for the question.
enum class Effect {
  kNoMatch,  // `part` does not match.
  kNotNow,   // It matches, but its times do not.
  kDenies,
  kAllows,
  kKeepsForHim,  // Covers what is asked for.
  kKeptIsUsed,   // Kept for him, but too much of it is in use.
  kKeepsForOthers,
  kHasRoom,
  kIsFull,
};

struct TraceLine {
  uint32_t rule = 0;
  Effect effect = Effect::kNoMatch;
  int part = 0;
  uint64_t used = 0;   // Of limits and reservations.
  uint64_t units = 0;  // Of reservations what the total leaves for them.
};

// Decides. Where `trace` is not null, each rule of the feature gets a line, by
// kind in the order above and then in the policy's.
Decision Decide(const CompiledPolicy& policy, const RuleUse& use,
                const Question& question, std::vector<TraceLine>* trace);

}  // namespace quorate::policy

#endif  // QUORATE_SERVER_POLICY_DECISION_H_

// How many units are out, or borrowed, of what each rule counts.

#ifndef QUORATE_SERVER_POLICY_RULE_USE_H_
#define QUORATE_SERVER_POLICY_RULE_USE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

#include "server/policy/compiled_policy.h"

namespace quorate::policy {

// One count of a rule: of one feature, and of one user or host where the rule
// counts each.
struct RuleCount {
  uint32_t rule = 0;
  std::string feature;
  std::string key;
  uint64_t units = 0;

  friend bool operator==(const RuleCount&, const RuleCount&) = default;
};

// The units by (rule, feature, key). Made from the seats alone, so that it is
// the same on every member. Thread-compatible.
class RuleUse {
 public:
  enum class Of {
    kSeats,    // That are out, by limits and reservations.
    kBorrows,  // That are borrowed, by borrow rules.
  };

  explicit RuleUse(Of of = Of::kSeats) : of_(of) {}

  // Counts a seat of `units` that `folded` takes, or gives back, under
  // `policy`: the same one for both.
  void Take(const CompiledPolicy& policy, const Subject& folded,
            absl::string_view feature, uint64_t units);
  void GiveBack(const CompiledPolicy& policy, const Subject& folded,
                absl::string_view feature, uint64_t units);

  uint64_t UnitsOf(uint32_t rule, absl::string_view feature,
                   absl::string_view key) const;

  // All that are not 0, ordered by rule, feature and key.
  std::vector<RuleCount> Counts() const;

  void Clear() { units_.clear(); }

 private:
  template <typename Visit>
  void VisitCounting(const CompiledPolicy& policy, const Subject& folded,
                     absl::string_view feature, const Visit& visit) const;

  static std::string Place(uint32_t rule, absl::string_view feature,
                           absl::string_view key);

  Of of_;
  // By Place: one string is one allocation, or none.
  absl::flat_hash_map<std::string, uint64_t> units_;
};

}  // namespace quorate::policy

#endif  // QUORATE_SERVER_POLICY_RULE_USE_H_

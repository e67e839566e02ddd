// A policy made ready to be asked.

#ifndef QUORATE_SERVER_POLICY_COMPILED_POLICY_H_
#define QUORATE_SERVER_POLICY_COMPILED_POLICY_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"

#include "quorate/internal/v1/policy.pb.h"

#include "server/policy/ip_address.h"
#include "server/policy/policy_check.h"
#include "server/policy/time_window.h"
#include "server/policy/version_range.h"

namespace quorate::policy {

// What a rule looks at of a session: what the application says of itself, and
// where its connection comes from.
struct Subject {
  std::string user;
  std::string host;
  std::string display;
  std::string application;
  std::string version;
  std::string project;
  std::optional<IpAddress> address;
};

// Rules by their index in the policy, each list in its order.
struct FeatureRules {
  std::vector<uint32_t> deny;
  std::vector<uint32_t> reserve;
  std::vector<uint32_t> limit;
  std::vector<uint32_t> allow;
  // Of these those that name the feature come first.
  std::vector<uint32_t> idle;
  std::vector<uint32_t> linger;
  std::vector<uint32_t> borrow;  // Borrow and NoBorrow.
  std::vector<uint32_t> priority;
  bool some_call_back = false;  // Of the reservations; see CallsBack.
};

// A policy with its names hashed, its ranges sorted, and its rules sorted by
// feature, so that what a checkout costs depends on the rules of its feature
// alone. Two names are equal byte by byte, or but for the case of A to Z where
// the policy says so (IgnoreCase below).
//
// A part about what is not known (no address, no project) does not match;
// negated it does.
//
// Immutable after construction.
class CompiledPolicy {
 public:
  // Null, with what is wrong in `faults`, where CheckPolicy refuses it.
  static std::unique_ptr<const CompiledPolicy> Compile(
      internal::v1::Policy policy, std::vector<PolicyFault>* faults);

  // Of no rule.
  static std::unique_ptr<const CompiledPolicy> Empty();

  CompiledPolicy(const CompiledPolicy&) = delete;
  CompiledPolicy& operator=(const CompiledPolicy&) = delete;

  const internal::v1::Policy& policy() const { return policy_; }

  const internal::v1::PolicyRule& rule(uint32_t index) const {
    return policy_.rules(static_cast<int>(index));
  }

  bool empty() const { return policy_.rules().empty(); }

  // The rules of this feature, those of all features among them.
  const FeatureRules& RulesOf(absl::string_view feature) const;

  // The subject as this policy's names compare; everything below takes it.
  Subject Folded(Subject subject) const;

  // True where all parts of the rule match but for its times: that holds for a
  // session as long as it lives.
  bool Matches(uint32_t rule, const Subject& folded) const;

  // The first part of the rule, in its order and but for its times, that does
  // not match; nothing where all do.
  std::optional<int> MismatchOf(uint32_t rule, const Subject& folded) const;

  // True where its times, if it has some, contain that moment.
  bool InEffect(uint32_t rule, int64_t calendar_ms) const;

  // A later moment, before or at the next one at which InEffect of some rule
  // changes; nothing where none ever does.
  std::optional<int64_t> NextChangeMs(int64_t calendar_ms) const;

  // Whose units the rule counts together: a user, a host, or "" for all.
  absl::string_view KeyOf(uint32_t rule, const Subject& folded) const;

 private:
  using Names = absl::flat_hash_set<std::string>;
  using Ranges = std::vector<IpRange>;  // Ascending, apart from each other.

  struct Part {
    int index = 0;  // In the rule.
    internal::v1::PolicyField field;
    bool negated = false;
    Names names;
    std::vector<const Names*> groups;  // Not owned; in groups_.
    Ranges ranges;
    std::vector<const Ranges*> range_groups;  // Not owned; in range_groups_.
    std::vector<VersionRange> versions;
    std::vector<TimeWindow> times;
  };

  struct Rule {
    std::vector<Part> who;
    std::vector<Part> when;
  };

  explicit CompiledPolicy(internal::v1::Policy policy)
      : policy_(std::move(policy)) {}

  void CompileGroups();
  void CompileRules();
  Part CompilePart(const internal::v1::PolicyPart& from, int index) const;
  std::string Fold(absl::string_view name) const;
  static Ranges Sorted(Ranges ranges);
  static bool Contains(const Ranges& ranges, const IpAddress& address);
  static bool ValueMatches(const Part& part, const Subject& folded);
  static bool AddressMatches(const Part& part, const Subject& folded);

  const internal::v1::Policy policy_;
  // A map's values stay where they are.
  std::map<std::pair<int, std::string>, Names> groups_;
  std::map<std::string, Ranges> range_groups_;
  std::vector<Rule> rules_;
  FeatureRules of_all_;
  absl::flat_hash_map<std::string, FeatureRules> of_feature_;
};

}  // namespace quorate::policy

#endif  // QUORATE_SERVER_POLICY_COMPILED_POLICY_H_

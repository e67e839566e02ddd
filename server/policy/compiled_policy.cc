#include "server/policy/compiled_policy.h"

#include <algorithm>

#include "absl/strings/ascii.h"

#include "server/policy/reservations.h"
#include "server/policy/rule_features.h"

namespace quorate::policy {
namespace {

using internal::v1::Policy;
using internal::v1::PolicyGroup;
using internal::v1::PolicyPart;
using internal::v1::PolicyRule;

// What a part of this field compares by name.
const std::string& TextOf(internal::v1::PolicyField field,
                          const Subject& subject) {
  switch (field) {
    case internal::v1::POLICY_FIELD_HOST:
    case internal::v1::POLICY_FIELD_HOST_GROUP:
      return subject.host;
    case internal::v1::POLICY_FIELD_PROJECT:
    case internal::v1::POLICY_FIELD_PROJECT_GROUP:
      return subject.project;
    case internal::v1::POLICY_FIELD_APPLICATION:
      return subject.application;
    case internal::v1::POLICY_FIELD_DISPLAY:
      return subject.display;
    case internal::v1::POLICY_FIELD_VERSION:
      return subject.version;
    default:
      return subject.user;
  }
}

std::vector<uint32_t>* ListOf(FeatureRules* rules,
                              internal::v1::PolicyRuleKind kind) {
  switch (kind) {
    case internal::v1::POLICY_RULE_KIND_DENY:
      return &rules->deny;
    case internal::v1::POLICY_RULE_KIND_RESERVE:
      return &rules->reserve;
    case internal::v1::POLICY_RULE_KIND_LIMIT:
      return &rules->limit;
    case internal::v1::POLICY_RULE_KIND_IDLE:
      return &rules->idle;
    case internal::v1::POLICY_RULE_KIND_LINGER:
      return &rules->linger;
    case internal::v1::POLICY_RULE_KIND_BORROW:
    case internal::v1::POLICY_RULE_KIND_NO_BORROW:
      return &rules->borrow;
    case internal::v1::POLICY_RULE_KIND_PRIORITY:
      return &rules->priority;
    default:
      return &rules->allow;
  }
}

}  // namespace

std::unique_ptr<const CompiledPolicy> CompiledPolicy::Compile(
    Policy policy, std::vector<PolicyFault>* faults) {
  *faults = CheckPolicy(policy);
  if (!faults->empty()) return nullptr;
  std::unique_ptr<CompiledPolicy> compiled(
      new CompiledPolicy(std::move(policy)));
  compiled->CompileGroups();
  compiled->CompileRules();
  return compiled;
}

std::unique_ptr<const CompiledPolicy> CompiledPolicy::Empty() {
  return std::unique_ptr<const CompiledPolicy>(new CompiledPolicy(Policy()));
}

void CompiledPolicy::CompileGroups() {
  for (const PolicyGroup& group : policy_.groups()) {
    if (group.kind() == internal::v1::POLICY_GROUP_KIND_FEATURES) continue;
    if (group.kind() == internal::v1::POLICY_GROUP_KIND_ADDRESSES) {
      Ranges ranges;
      for (const std::string& member : group.members()) {
        ranges.push_back(*ParseIpRange(member));
      }
      range_groups_[group.name()] = Sorted(std::move(ranges));
      continue;
    }
    Names& names = groups_[{group.kind(), group.name()}];
    for (const std::string& member : group.members())
      names.insert(Fold(member));
  }
}

void CompiledPolicy::CompileRules() {
  for (const PolicyRule& from : policy_.rules()) {
    Rule& rule = rules_.emplace_back();
    for (int i = 0; i < from.parts_size(); ++i) {
      const bool time =
          from.parts(i).field() == internal::v1::POLICY_FIELD_TIME;
      (time ? rule.when : rule.who).push_back(CompilePart(from.parts(i), i));
    }
    for (const std::string& feature : FeaturesOf(policy_, from))
      of_feature_[feature];
  }
  for (uint32_t i = 0; i < rules_.size(); ++i) {
    const PolicyRule& from = rule(i);
    for (const std::string& feature : FeaturesOf(policy_, from)) {
      ListOf(&of_feature_[feature], from.kind())->push_back(i);
    }
    if (NamesFeatures(from)) continue;
    ListOf(&of_all_, from.kind())->push_back(i);
    for (auto& [feature, rules] : of_feature_) {
      ListOf(&rules, from.kind())->push_back(i);
    }
  }
  const auto mark_calling = [this](FeatureRules* rules) {
    rules->some_call_back =
        std::any_of(rules->reserve.begin(), rules->reserve.end(),
                    [this](uint32_t index) { return CallsBack(rule(index)); });
  };
  mark_calling(&of_all_);
  for (auto& [feature, rules] : of_feature_) {
    mark_calling(&rules);
    for (std::vector<uint32_t>* const list :
         {&rules.idle, &rules.linger, &rules.borrow, &rules.priority}) {
      std::stable_partition(list->begin(), list->end(), [this](uint32_t index) {
        return NamesFeatures(rule(index));
      });
    }
  }
}

CompiledPolicy::Part CompiledPolicy::CompilePart(const PolicyPart& from,
                                                 int index) const {
  Part part = {
      .index = index, .field = from.field(), .negated = from.negated()};
  const internal::v1::PolicyGroupKind kind = GroupKindOf(from.field());
  for (const std::string& value : from.values()) {
    if (kind == internal::v1::POLICY_GROUP_KIND_ADDRESSES) {
      part.range_groups.push_back(&range_groups_.at(value));
    } else if (kind != internal::v1::POLICY_GROUP_KIND_UNSPECIFIED) {
      part.groups.push_back(&groups_.at({kind, value}));
    } else if (from.field() == internal::v1::POLICY_FIELD_ADDRESS) {
      part.ranges.push_back(*ParseIpRange(value));
    } else if (from.field() == internal::v1::POLICY_FIELD_VERSION) {
      part.versions.push_back(*ParseVersionRange(value));
    } else if (from.field() == internal::v1::POLICY_FIELD_TIME) {
      part.times.push_back(*ParseTimeWindow(value));
    } else {
      part.names.insert(Fold(value));
    }
  }
  part.ranges = Sorted(std::move(part.ranges));
  return part;
}

CompiledPolicy::Ranges CompiledPolicy::Sorted(Ranges ranges) {
  std::sort(
      ranges.begin(), ranges.end(),
      [](const IpRange& a, const IpRange& b) { return a.first < b.first; });
  Ranges apart;
  for (const IpRange& range : ranges) {
    if (apart.empty() || apart.back().last < range.first) {
      apart.push_back(range);
    } else {
      apart.back().last = std::max(apart.back().last, range.last);
    }
  }
  return apart;
}

bool CompiledPolicy::Contains(const Ranges& ranges, const IpAddress& address) {
  const auto after =
      std::upper_bound(ranges.begin(), ranges.end(), address,
                       [](const IpAddress& value, const IpRange& range) {
                         return value < range.first;
                       });
  return after != ranges.begin() && std::prev(after)->Contains(address);
}

std::string CompiledPolicy::Fold(absl::string_view name) const {
  return policy_.ignore_case() ? absl::AsciiStrToLower(name)
                               : std::string(name);
}

Subject CompiledPolicy::Folded(Subject subject) const {
  if (!policy_.ignore_case()) return subject;
  for (std::string* const text :
       {&subject.user, &subject.host, &subject.display, &subject.application,
        &subject.project}) {
    absl::AsciiStrToLower(text);
  }
  return subject;
}

const FeatureRules& CompiledPolicy::RulesOf(absl::string_view feature) const {
  const auto found = of_feature_.find(feature);
  return found == of_feature_.end() ? of_all_ : found->second;
}

bool CompiledPolicy::AddressMatches(const Part& part, const Subject& folded) {
  if (!folded.address.has_value()) return false;
  return Contains(part.ranges, *folded.address) ||
         std::any_of(part.range_groups.begin(), part.range_groups.end(),
                     [&folded](const Ranges* ranges) {
                       return Contains(*ranges, *folded.address);
                     });
}

bool CompiledPolicy::ValueMatches(const Part& part, const Subject& folded) {
  if (part.field == internal::v1::POLICY_FIELD_ADDRESS ||
      part.field == internal::v1::POLICY_FIELD_ADDRESS_GROUP) {
    return AddressMatches(part, folded);
  }
  const std::string& text = TextOf(part.field, folded);
  if (text.empty()) return false;
  if (part.field == internal::v1::POLICY_FIELD_VERSION) {
    return std::any_of(
        part.versions.begin(), part.versions.end(),
        [&text](const VersionRange& range) { return range.Contains(text); });
  }
  return part.names.contains(text) ||
         std::any_of(
             part.groups.begin(), part.groups.end(),
             [&text](const Names* names) { return names->contains(text); });
}

bool CompiledPolicy::Matches(uint32_t rule, const Subject& folded) const {
  return !MismatchOf(rule, folded).has_value();
}

std::optional<int> CompiledPolicy::MismatchOf(uint32_t rule,
                                              const Subject& folded) const {
  for (const Part& part : rules_[rule].who) {
    if (ValueMatches(part, folded) == part.negated) return part.index;
  }
  return std::nullopt;
}

bool CompiledPolicy::InEffect(uint32_t rule, int64_t calendar_ms) const {
  const std::vector<Part>& when = rules_[rule].when;
  return std::all_of(when.begin(), when.end(), [calendar_ms](const Part& part) {
    const bool within = std::any_of(part.times.begin(), part.times.end(),
                                    [calendar_ms](const TimeWindow& window) {
                                      return window.Contains(calendar_ms);
                                    });
    return within != part.negated;
  });
}

std::optional<int64_t> CompiledPolicy::NextChangeMs(int64_t calendar_ms) const {
  std::optional<int64_t> next_ms;
  for (const Rule& rule : rules_) {
    for (const Part& part : rule.when) {
      for (const TimeWindow& window : part.times) {
        const int64_t edge_ms = window.NextEdgeMs(calendar_ms);
        next_ms = std::min(next_ms.value_or(edge_ms), edge_ms);
      }
    }
  }
  return next_ms;
}

absl::string_view CompiledPolicy::KeyOf(uint32_t index,
                                        const Subject& folded) const {
  switch (rule(index).each()) {
    case internal::v1::POLICY_EACH_USER:
      return folded.user;
    case internal::v1::POLICY_EACH_HOST:
      return folded.host;
    default:
      return "";
  }
}

}  // namespace quorate::policy

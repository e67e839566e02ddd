#include "server/policy/policy_check.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "base/utf8.h"
#include "server/policy/ip_address.h"
#include "server/policy/rule_features.h"
#include "server/policy/time_window.h"
#include "server/policy/version_range.h"

namespace quorate::policy {
namespace {

using internal::v1::Policy;
using internal::v1::PolicyGroup;
using internal::v1::PolicyGroupKind;
using internal::v1::PolicyPart;
using internal::v1::PolicyRule;

constexpr char kNotAName[] =
    "must be 1 to 64 bytes of text without control characters, U+FFFE and "
    "U+FFFF";
constexpr char kNotAFeature[] = "must be 1 to 64 letters, digits, '_' or '-'";
constexpr char kNotAnAddress[] =
    "must be an address, a range \"10.0.0.1-10.0.0.9\" or a prefix "
    "\"10.0.0.0/8\"";

// What every format can hold: XML 1.0 has neither control characters nor these
// two, however they are written (XML 1.0, 2.2).
bool HoldsInXml(absl::string_view text) {
  return !absl::StrContains(text, "\xEF\xBF\xBE") &&
         !absl::StrContains(text, "\xEF\xBF\xBF") &&
         std::none_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_iscntrl(static_cast<unsigned char>(c));
         });
}

bool IsText(absl::string_view text, size_t most) {
  return !text.empty() && text.size() <= most && IsUtf8(text) &&
         HoldsInXml(text);
}

// As licensing::IsFeatureName, which is above this folder.
bool IsFeature(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxPolicyNameBytes &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  c == '_' || c == '-';
         });
}

// Looks at one policy. Thread-compatible.
class PolicyCheck {
 public:
  explicit PolicyCheck(const Policy& policy) : policy_(policy) {}

  std::vector<PolicyFault> Run() &&;

 private:
  void Fault(std::string path, std::string problem) {
    if (faults_.size() >= kMaxPolicyFaults) return;
    faults_.push_back({std::move(path), std::move(problem)});
  }

  void CheckGroup(const PolicyGroup& group, const std::string& path);
  void CheckMember(PolicyGroupKind kind, const std::string& member,
                   const std::string& path);
  void CheckRule(const PolicyRule& rule, const std::string& path);
  void CheckFeatures(const PolicyRule& rule, const std::string& path);
  void CheckUnits(const PolicyRule& rule, const std::string& path);
  void CheckWhose(const PolicyRule& rule, const std::string& path);
  void CheckSpans(const PolicyRule& rule, const std::string& path);
  void CheckPart(const PolicyPart& part, const std::string& path);
  std::string ProblemOf(internal::v1::PolicyField field,
                        const std::string& value) const;
  void CheckCountingRules();

  const Policy& policy_;
  std::vector<PolicyFault> faults_;
  std::set<std::pair<int, std::string>> groups_;
  std::set<std::string> rules_;
};

std::vector<PolicyFault> PolicyCheck::Run() && {
  if (policy_.ByteSizeLong() > kMaxPolicyBytes) {
    Fault("", absl::StrCat("the policy is larger than ", kMaxPolicyBytes / 1024,
                           " KiB"));
    return std::move(faults_);
  }
  if (policy_.rules_size() > kMaxRules) {
    Fault("rules", absl::StrCat("must be at most ", kMaxRules));
    return std::move(faults_);
  }
  if (policy_.groups_size() > kMaxGroups) {
    Fault("groups", absl::StrCat("must be at most ", kMaxGroups));
    return std::move(faults_);
  }
  for (int i = 0; i < policy_.groups_size(); ++i) {
    CheckGroup(policy_.groups(i), absl::StrCat("groups[", i, "]"));
  }
  for (int i = 0; i < policy_.rules_size(); ++i) {
    CheckRule(policy_.rules(i), absl::StrCat("rules[", i, "]"));
  }
  CheckCountingRules();
  return std::move(faults_);
}

void PolicyCheck::CheckGroup(const PolicyGroup& group,
                             const std::string& path) {
  if (!IsText(group.name(), kMaxPolicyNameBytes)) {
    Fault(absl::StrCat(path, ".name"), kNotAName);
  }
  if (group.kind() == internal::v1::POLICY_GROUP_KIND_UNSPECIFIED ||
      !internal::v1::PolicyGroupKind_IsValid(group.kind())) {
    Fault(absl::StrCat(path, ".kind"), "is not one that this version knows");
  }
  if (!groups_.insert({group.kind(), group.name()}).second) {
    Fault(absl::StrCat(path, ".name"),
          absl::StrCat("another group of ", WordOf(group.kind()),
                       " has this name"));
  }
  if (group.kind() == internal::v1::POLICY_GROUP_KIND_FEATURES &&
      group.members_size() > kMaxFeaturesOfGroup) {
    Fault(absl::StrCat(path, ".members"),
          absl::StrCat("must be at most ", kMaxFeaturesOfGroup));
    return;
  }
  for (int i = 0; i < group.members_size(); ++i) {
    CheckMember(group.kind(), group.members(i),
                absl::StrCat(path, ".members[", i, "]"));
  }
}

void PolicyCheck::CheckMember(PolicyGroupKind kind, const std::string& member,
                              const std::string& path) {
  if (kind == internal::v1::POLICY_GROUP_KIND_FEATURES) {
    if (!IsFeature(member)) Fault(path, kNotAFeature);
  } else if (!IsPolicyText(member)) {
    Fault(path, "must be 1 to 256 bytes of text");
  } else if (kind == internal::v1::POLICY_GROUP_KIND_ADDRESSES &&
             !ParseIpRange(member).has_value()) {
    Fault(path, kNotAnAddress);
  }
}

void PolicyCheck::CheckRule(const PolicyRule& rule, const std::string& path) {
  if (!IsText(rule.name(), kMaxPolicyNameBytes)) {
    Fault(absl::StrCat(path, ".name"), kNotAName);
  } else if (!rules_.insert(rule.name()).second) {
    Fault(absl::StrCat(path, ".name"), "another rule has this name");
  }
  CheckFeatures(rule, path);
  CheckUnits(rule, path);
  CheckWhose(rule, path);
  CheckSpans(rule, path);
  if (rule.parts_size() > kMaxPartsOfRule) {
    Fault(absl::StrCat(path, ".parts"),
          absl::StrCat("must be at most ", kMaxPartsOfRule));
    return;
  }
  for (int i = 0; i < rule.parts_size(); ++i) {
    CheckPart(rule.parts(i), absl::StrCat(path, ".parts[", i, "]"));
  }
}

void PolicyCheck::CheckFeatures(const PolicyRule& rule,
                                const std::string& path) {
  if (!rule.feature().empty() && !IsFeature(rule.feature())) {
    Fault(absl::StrCat(path, ".feature"), kNotAFeature);
  }
  if (rule.feature_group().empty()) return;
  if (!rule.feature().empty()) {
    Fault(absl::StrCat(path, ".feature_group"),
          "is there beside a feature: a rule is about one or the other");
  } else if (groups_.count({internal::v1::POLICY_GROUP_KIND_FEATURES,
                            rule.feature_group()}) == 0) {
    Fault(absl::StrCat(path, ".feature_group"),
          absl::StrCat("there is no group of features named ",
                       rule.feature_group()));
  }
}

void PolicyCheck::CheckUnits(const PolicyRule& rule, const std::string& path) {
  const bool limits = rule.kind() == internal::v1::POLICY_RULE_KIND_LIMIT;
  const bool reserves = rule.kind() == internal::v1::POLICY_RULE_KIND_RESERVE;
  const bool borrows = rule.kind() == internal::v1::POLICY_RULE_KIND_BORROW;
  if (rule.kind() == internal::v1::POLICY_RULE_KIND_UNSPECIFIED ||
      !internal::v1::PolicyRuleKind_IsValid(rule.kind())) {
    Fault(absl::StrCat(path, ".kind"), "is not one that this version knows");
  }
  if (rule.units() > kMaxPolicyUnits) {
    Fault(absl::StrCat(path, ".units"), "is more than any licence has");
  } else if (reserves && rule.units() == 0) {
    Fault(absl::StrCat(path, ".units"), "must be at least 1");
  } else if (!limits && !reserves && !borrows && rule.units() != 0) {
    Fault(absl::StrCat(path, ".units"),
          "means nothing but with limit, reserve and borrow");
  }
  if (rule.low_water() > kMaxPolicyUnits) {
    Fault(absl::StrCat(path, ".low_water"), "is more than any licence has");
  } else if (!borrows && rule.low_water() != 0) {
    Fault(absl::StrCat(path, ".low_water"), "means nothing but with borrow");
  }
  const bool bounds = rule.kind() == internal::v1::POLICY_RULE_KIND_PRIORITY;
  if (rule.max_priority() > kMaxPolicyPriority) {
    Fault(absl::StrCat(path, ".max_priority"),
          absl::StrCat("must be 0 to ", kMaxPolicyPriority));
  } else if (!bounds && rule.max_priority() != 0) {
    Fault(absl::StrCat(path, ".max_priority"),
          "means nothing but with priority");
  }
}

void PolicyCheck::CheckWhose(const PolicyRule& rule, const std::string& path) {
  const bool reserves = rule.kind() == internal::v1::POLICY_RULE_KIND_RESERVE;
  const bool counts = rule.kind() == internal::v1::POLICY_RULE_KIND_LIMIT ||
                      (rule.kind() == internal::v1::POLICY_RULE_KIND_BORROW &&
                       rule.units() != 0);
  if (rule.lend() && !reserves) {
    Fault(absl::StrCat(path, ".lend"), "means nothing but with reserve");
  }
  if (!internal::v1::PolicyEach_IsValid(rule.each())) {
    Fault(absl::StrCat(path, ".each"), "is not one that this version knows");
  } else if (rule.each() != internal::v1::POLICY_EACH_UNSPECIFIED && !counts) {
    Fault(absl::StrCat(path, ".each"),
          "means nothing but with limit, and with borrow and units");
  }
  if (reserves && rule.parts().empty()) {
    Fault(absl::StrCat(path, ".parts"), "must say for whom the units are kept");
  }
}

void PolicyCheck::CheckSpans(const PolicyRule& rule, const std::string& path) {
  const bool idle = rule.kind() == internal::v1::POLICY_RULE_KIND_IDLE;
  const bool lingers = rule.kind() == internal::v1::POLICY_RULE_KIND_LINGER;
  const bool borrows = rule.kind() == internal::v1::POLICY_RULE_KIND_BORROW;
  const int64_t span = rule.span_ms();
  const int64_t warning = rule.warning_ms();
  if (!idle && warning != 0) {
    Fault(absl::StrCat(path, ".warning"), "means nothing but with idle");
  }
  if (rule.kind() == internal::v1::POLICY_RULE_KIND_RESERVE && rule.lend()) {
    if (span != 0 &&
        (span < kMinCallMs || span > kMaxIdleMs || span % 1000 != 0)) {
      Fault(absl::StrCat(path, ".span"),
            "must be 10 seconds to 30 days in whole seconds, or 0: lent units "
            "are not called back");
    }
    return;
  }
  if (!idle && !lingers && !borrows) {
    if (span == 0) return;
    Fault(
        absl::StrCat(path, ".span"),
        "means nothing but with idle, linger, borrow, and reserve that lends");
    return;
  }
  if (borrows) {
    if (span >= 0 && span <= kMaxBorrowSpanMs && span % 1000 == 0) return;
    Fault(absl::StrCat(path, ".span"), "must be whole seconds, up to 366 days");
    return;
  }
  if (lingers && (span < 0 || span > kMaxLingerMs || span % 1000 != 0)) {
    Fault(absl::StrCat(path, ".span"), "must be whole seconds, up to 30 days");
  }
  if (idle && span != 0 &&
      (span < kMinIdleMs || span > kMaxIdleMs || span % 1000 != 0)) {
    Fault(absl::StrCat(path, ".span"),
          "must be 1 minute to 30 days in whole seconds, or 0 for never");
  }
  if (idle && (warning < 0 || warning > span / 2 || warning % 1000 != 0)) {
    Fault(absl::StrCat(path, ".warning"),
          "must be whole seconds, and at most half of the span");
  }
  for (int i = 0; i < rule.parts_size(); ++i) {
    if (rule.parts(i).field() != internal::v1::POLICY_FIELD_TIME) continue;
    Fault(absl::StrCat(path, ".parts[", i, "]"),
          "cannot be a time: such a rule holds at all hours");
  }
}

void PolicyCheck::CheckPart(const PolicyPart& part, const std::string& path) {
  if (part.field() == internal::v1::POLICY_FIELD_UNSPECIFIED ||
      !internal::v1::PolicyField_IsValid(part.field())) {
    Fault(absl::StrCat(path, ".field"), "is not one that this version knows");
    return;
  }
  if (part.values_size() < 1 || part.values_size() > kMaxValuesOfPart) {
    Fault(absl::StrCat(path, ".values"),
          absl::StrCat("must be 1 to ", kMaxValuesOfPart));
    return;
  }
  for (int i = 0; i < part.values_size(); ++i) {
    std::string problem = ProblemOf(part.field(), part.values(i));
    if (problem.empty()) continue;
    Fault(absl::StrCat(path, ".values[", i, "]"), std::move(problem));
  }
}

std::string PolicyCheck::ProblemOf(internal::v1::PolicyField field,
                                   const std::string& value) const {
  if (!IsPolicyText(value)) {
    return "must be 1 to 256 bytes of text";
  }
  if (const PolicyGroupKind kind = GroupKindOf(field);
      kind != internal::v1::POLICY_GROUP_KIND_UNSPECIFIED) {
    if (groups_.count({kind, value}) > 0) return "";
    return absl::StrCat("there is no group of ", WordOf(kind), " named ",
                        value);
  }
  switch (field) {
    case internal::v1::POLICY_FIELD_ADDRESS:
      return ParseIpRange(value).has_value() ? "" : kNotAnAddress;
    case internal::v1::POLICY_FIELD_VERSION:
      return ParseVersionRange(value).has_value()
                 ? ""
                 : "must be like \"2.0\", \"2.0..2.9\", \"2.0..\" or \"..2.9\"";
    case internal::v1::POLICY_FIELD_TIME:
      return ParseTimeWindow(value).has_value()
                 ? ""
                 : "must be days, hours (UTC) or both, like \"mon-fri "
                   "08:00-18:00\"";
    default:
      return "";
  }
}

void PolicyCheck::CheckCountingRules() {
  std::map<std::string, size_t> of_feature;
  size_t of_all = 0;
  size_t most = 0;
  for (const PolicyRule& rule : policy_.rules()) {
    if (rule.kind() != internal::v1::POLICY_RULE_KIND_LIMIT &&
        rule.kind() != internal::v1::POLICY_RULE_KIND_RESERVE) {
      continue;
    }
    if (!NamesFeatures(rule)) ++of_all;
    for (const std::string& feature : FeaturesOf(policy_, rule)) {
      most = std::max(most, ++of_feature[feature]);
    }
  }
  if (most + of_all <= kMaxCountingRulesOfFeature) return;
  Fault("rules",
        absl::StrCat("one feature has ", most + of_all,
                     " limits and reservations; at most ",
                     kMaxCountingRulesOfFeature,
                     " are allowed: put users into groups, or limit each"));
}

}  // namespace

const char* WordOf(internal::v1::PolicyRuleKind kind) {
  switch (kind) {
    case internal::v1::POLICY_RULE_KIND_DENY:
      return "deny";
    case internal::v1::POLICY_RULE_KIND_RESERVE:
      return "reserve";
    case internal::v1::POLICY_RULE_KIND_LIMIT:
      return "limit";
    case internal::v1::POLICY_RULE_KIND_ALLOW:
      return "allow";
    case internal::v1::POLICY_RULE_KIND_IDLE:
      return "idle";
    case internal::v1::POLICY_RULE_KIND_LINGER:
      return "linger";
    case internal::v1::POLICY_RULE_KIND_BORROW:
      return "borrow";
    case internal::v1::POLICY_RULE_KIND_NO_BORROW:
      return "no_borrow";
    case internal::v1::POLICY_RULE_KIND_PRIORITY:
      return "priority";
    default:
      return "unknown";
  }
}

const char* WordOf(internal::v1::PolicyField field) {
  switch (field) {
    case internal::v1::POLICY_FIELD_USER:
      return "user";
    case internal::v1::POLICY_FIELD_USER_GROUP:
      return "user_group";
    case internal::v1::POLICY_FIELD_HOST:
      return "host";
    case internal::v1::POLICY_FIELD_HOST_GROUP:
      return "host_group";
    case internal::v1::POLICY_FIELD_ADDRESS:
      return "address";
    case internal::v1::POLICY_FIELD_ADDRESS_GROUP:
      return "address_group";
    case internal::v1::POLICY_FIELD_PROJECT:
      return "project";
    case internal::v1::POLICY_FIELD_PROJECT_GROUP:
      return "project_group";
    case internal::v1::POLICY_FIELD_APPLICATION:
      return "application";
    case internal::v1::POLICY_FIELD_VERSION:
      return "version";
    case internal::v1::POLICY_FIELD_DISPLAY:
      return "display";
    case internal::v1::POLICY_FIELD_TIME:
      return "time";
    default:
      return "unknown";
  }
}

const char* WordOf(PolicyGroupKind kind) {
  switch (kind) {
    case internal::v1::POLICY_GROUP_KIND_USERS:
      return "users";
    case internal::v1::POLICY_GROUP_KIND_HOSTS:
      return "hosts";
    case internal::v1::POLICY_GROUP_KIND_ADDRESSES:
      return "addresses";
    case internal::v1::POLICY_GROUP_KIND_PROJECTS:
      return "projects";
    case internal::v1::POLICY_GROUP_KIND_FEATURES:
      return "features";
    default:
      return "unknown";
  }
}

PolicyGroupKind GroupKindOf(internal::v1::PolicyField field) {
  switch (field) {
    case internal::v1::POLICY_FIELD_USER_GROUP:
      return internal::v1::POLICY_GROUP_KIND_USERS;
    case internal::v1::POLICY_FIELD_HOST_GROUP:
      return internal::v1::POLICY_GROUP_KIND_HOSTS;
    case internal::v1::POLICY_FIELD_ADDRESS_GROUP:
      return internal::v1::POLICY_GROUP_KIND_ADDRESSES;
    case internal::v1::POLICY_FIELD_PROJECT_GROUP:
      return internal::v1::POLICY_GROUP_KIND_PROJECTS;
    default:
      return internal::v1::POLICY_GROUP_KIND_UNSPECIFIED;
  }
}

bool IsPolicyText(absl::string_view text) {
  return IsText(text, kMaxPolicyValueBytes);
}

std::vector<PolicyFault> CheckPolicy(const Policy& policy) {
  return PolicyCheck(policy).Run();
}

}  // namespace quorate::policy

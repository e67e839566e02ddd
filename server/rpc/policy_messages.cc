#include "server/rpc/policy_messages.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "server/policy/policy_check.h"
#include "server/rpc/response_header.h"

namespace quorate::server {
namespace {

// The enums of both have the same numbers.
static_assert(static_cast<int>(admin::v1::PolicyField_MAX) ==
              static_cast<int>(internal::v1::PolicyField_MAX));
static_assert(static_cast<int>(admin::v1::PolicyRuleKind_MAX) ==
              static_cast<int>(internal::v1::PolicyRuleKind_MAX));
static_assert(static_cast<int>(admin::v1::PolicyGroupKind_MAX) ==
              static_cast<int>(internal::v1::PolicyGroupKind_MAX));
static_assert(static_cast<int>(admin::v1::PolicyEach_MAX) ==
              static_cast<int>(internal::v1::PolicyEach_MAX));

template <typename To, typename From>
To SameNumber(From from) {
  return static_cast<To>(static_cast<int>(from));
}

void CopySpans(const admin::v1::PolicyRule& from,
               internal::v1::PolicyRule* rule) {
  // What is out of range stays so, and is refused.
  const auto ms_of = [](const google::protobuf::Duration& span) {
    const bool whole = span.nanos() == 0 && span.seconds() >= 0 &&
                       span.seconds() <= policy::kMaxBorrowSpanMs / 1000;
    return whole ? span.seconds() * 1000 : int64_t{-1};
  };
  rule->set_span_ms(ms_of(from.span()));
  rule->set_warning_ms(ms_of(from.warning()));
}

void CopySpans(const internal::v1::PolicyRule& from,
               admin::v1::PolicyRule* rule) {
  if (from.span_ms() != 0) {
    SetDuration(absl::Milliseconds(from.span_ms()), rule->mutable_span());
  }
  if (from.warning_ms() != 0) {
    SetDuration(absl::Milliseconds(from.warning_ms()), rule->mutable_warning());
  }
}

template <typename From, typename To>
void CopyRule(const From& from, To* rule) {
  rule->set_name(from.name());
  rule->set_kind(SameNumber<decltype(rule->kind())>(from.kind()));
  rule->set_feature(from.feature());
  rule->set_feature_group(from.feature_group());
  rule->set_units(from.units());
  rule->set_lend(from.lend());
  rule->set_low_water(from.low_water());
  rule->set_max_priority(from.max_priority());
  rule->set_each(SameNumber<decltype(rule->each())>(from.each()));
  CopySpans(from, rule);
  for (const auto& each : from.parts()) {
    auto* const part = rule->add_parts();
    part->set_field(SameNumber<decltype(part->field())>(each.field()));
    part->set_negated(each.negated());
    *part->mutable_values() = each.values();
  }
}

template <typename To, typename From>
To CopyPolicy(const From& from) {
  To policy;
  policy.set_ignore_case(from.ignore_case());
  for (const auto& each : from.groups()) {
    auto* const group = policy.add_groups();
    group->set_name(each.name());
    group->set_kind(SameNumber<decltype(group->kind())>(each.kind()));
    *group->mutable_members() = each.members();
  }
  for (const auto& each : from.rules())
    CopyRule(each, policy.add_rules());
  return policy;
}

}  // namespace

internal::v1::Policy ToInternal(const admin::v1::Policy& policy) {
  return CopyPolicy<internal::v1::Policy>(policy);
}

admin::v1::Policy ToPublic(const internal::v1::Policy& policy) {
  return CopyPolicy<admin::v1::Policy>(policy);
}

void DescribeVersion(const internal::v1::PolicyVersionRecord* record,
                     admin::v1::PolicyVersion* version) {
  if (record == nullptr) return;
  version->set_version(record->version());
  version->set_author(record->author());
  version->set_comment(record->comment());
  SetTimestamp(record->applied_calendar_ms(), version->mutable_apply_time());
  version->set_rolled_back_to(record->rolled_back_to());
  version->set_rule_count(static_cast<uint32_t>(record->policy().rules_size()));
}

std::string EtagOf(const licensing::PolicyBook& policies) {
  return absl::StrCat(policies.version());
}

uint64_t CheckEtag(absl::string_view etag, FieldFaults* faults) {
  uint64_t version = 0;
  const bool digits = std::all_of(etag.begin(), etag.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
  if (etag.empty()) {
    faults->Add("etag", "is required: GetPolicy and PlanPolicy give it");
  } else if (!digits || !absl::SimpleAtoi(etag, &version)) {
    faults->Add("etag", "is not one that GetPolicy or PlanPolicy gave");
  }
  return version;
}

void CheckPolicyFields(const internal::v1::Policy& policy,
                       FieldFaults* faults) {
  for (const policy::PolicyFault& fault : policy::CheckPolicy(policy)) {
    faults->Add(
        absl::StrCat("policy", fault.path.empty() ? "" : ".", fault.path),
        fault.problem);
  }
}

}  // namespace quorate::server

#include "server/policy_formats/option_borrows.h"

#include <algorithm>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "server/policy/policy_check.h"

namespace quorate::policy {
namespace {

using internal::v1::PolicyPart;
using internal::v1::PolicyRule;

constexpr absl::string_view kExclude = "EXCLUDE_BORROW";
constexpr absl::string_view kInclude = "INCLUDE_BORROW";
constexpr absl::string_view kHours = "MAX_BORROW_HOURS";
constexpr absl::string_view kLowWater = "BORROW_LOWWATER";

constexpr int64_t kHourMs = 3'600'000;

// Adds one rule.
PolicyRule* AddRule(uint32_t line, absl::string_view what,
                    internal::v1::Policy* policy, PolicyLines* lines) {
  PolicyRule* const rule = policy->add_rules();
  lines->rules.push_back(line);
  rule->set_name(absl::StrCat("line ", line, " ", what));
  return rule;
}

}  // namespace

bool IsBorrowKeyword(absl::string_view keyword) {
  return keyword == kExclude || keyword == kInclude || keyword == kHours ||
         keyword == kLowWater;
}

void OptionBorrows::Read(const OptionLine& line, absl::string_view keyword) {
  const bool whom = keyword == kExclude || keyword == kInclude;
  if (keyword == kLowWater && line.words.size() == 5) {
    return Remark(line, RemarkKind::kIgnored,
                  "units are kept from being borrowed by all here, or by whom "
                  "a borrow rule matches: write one with low_water in TOML");
  }
  const size_t words = whom ? 4 : 3;
  if (line.words.size() != words) {
    return Remark(line, RemarkKind::kFault,
                  absl::StrCat(keyword, " has ", line.words.size() - 1,
                               " words behind it; it needs ", words - 1));
  }
  if (whom) return ReadWhom(line, keyword == kExclude);
  ReadNumber(line, keyword == kHours);
}

bool OptionBorrows::IsNoFeature(const OptionLine& line) {
  if (line.words[1].empty()) {
    Remark(line, RemarkKind::kFault, "names no feature");
    return true;
  }
  std::optional<std::string> why = WhyNoWholeFeature(line.words[1]);
  if (!why.has_value()) return false;
  Remark(line, RemarkKind::kIgnored, *std::move(why));
  return true;
}

void OptionBorrows::ReadWhom(const OptionLine& line, bool excludes) {
  const std::optional<PolicyPart> part =
      names_->ReadPrincipal(line, line.words[2], line.words[3]);
  if (!part.has_value() || IsNoFeature(line)) return;
  const std::string& feature = line.words[1];
  FeatureLines& lines = of_feature_[feature];
  AddWhom(line, *part, excludes ? &lines.excludes : &lines.includes);
  Remark(line, RemarkKind::kEffect,
         excludes
             ? absl::StrCat(feature, " cannot be borrowed by ", WhoOf(*part))
             : absl::StrCat(feature, " may be borrowed by ", WhoOf(*part),
                            ", and by nobody whom no INCLUDE_BORROW names"));
}

void OptionBorrows::AddWhom(const OptionLine& line, const PolicyPart& part,
                            std::vector<Whom>* list) {
  const auto same =
      std::find_if(list->begin(), list->end(), [&part](const Whom& whom) {
        return part.values_size() > 0 && whom.part.field() == part.field() &&
               whom.part.values_size() > 0 &&
               whom.part.values_size() < kMaxValuesOfPart;
      });
  if (same != list->end()) {
    same->part.add_values(part.values(0));
  } else {
    list->push_back({.line = line.number, .part = part});
  }
}

void OptionBorrows::ReadNumber(const OptionLine& line, bool hours) {
  const std::string& word = line.words[2];
  uint32_t number = 0;
  const bool digits =
      word.find_first_not_of("0123456789") == std::string::npos &&
      absl::SimpleAtoi(word, &number);
  if (hours && (!digits || number < 1 || number > kMaxBorrowSpanMs / kHourMs)) {
    return Remark(
        line, RemarkKind::kFault,
        absl::StrCat("\"", word, "\" is no number of hours from 1 to ",
                     kMaxBorrowSpanMs / kHourMs));
  }
  if (!digits) {
    return Remark(line, RemarkKind::kFault,
                  absl::StrCat("\"", word, "\" is no count of units"));
  }
  if (IsNoFeature(line)) return;
  const std::string& feature = line.words[1];
  FeatureLines& lines = of_feature_[feature];
  Number& said = hours ? lines.hours : lines.low_water;
  if (said.line != 0) {
    remarks_->push_back(
        {.line = said.line,
         .kind = RemarkKind::kIgnored,
         .text = absl::StrCat("line ", line.number, " says it anew")});
  }
  said = {.line = line.number, .value = number};
  Remark(line, RemarkKind::kEffect,
         hours ? absl::StrCat(feature, " may be borrowed for ", number,
                              " hours, where its licence does not say less")
               : absl::StrCat(number, " of ", feature,
                              " stay in the house, "
                              "where its licence does not say more"));
}

void OptionBorrows::AddRules(internal::v1::Policy* policy,
                             PolicyLines* lines) const {
  for (const auto& [feature, of] : of_feature_) {
    for (const Whom& whom : of.excludes) {
      PolicyRule* const rule = AddRule(whom.line, kExclude, policy, lines);
      rule->set_kind(internal::v1::POLICY_RULE_KIND_NO_BORROW);
      rule->set_feature(feature);
      if (whom.part.values_size() > 0) *rule->add_parts() = whom.part;
    }
    const auto add_lending = [&, &feature = feature, &of = of](
                                 uint32_t line, absl::string_view what) {
      PolicyRule* const rule = AddRule(line, what, policy, lines);
      rule->set_kind(internal::v1::POLICY_RULE_KIND_BORROW);
      rule->set_feature(feature);
      rule->set_span_ms(of.hours.value * kHourMs);
      rule->set_low_water(static_cast<uint64_t>(of.low_water.value));
      return rule;
    };
    for (const Whom& whom : of.includes) {
      PolicyRule* const rule = add_lending(whom.line, kInclude);
      if (whom.part.values_size() > 0) *rule->add_parts() = whom.part;
    }
    if (!of.includes.empty()) {
      PolicyRule* const rule = AddRule(of.includes.front().line,
                                       "others do not borrow", policy, lines);
      rule->set_kind(internal::v1::POLICY_RULE_KIND_NO_BORROW);
      rule->set_feature(feature);
    } else if (of.hours.line != 0) {
      add_lending(of.hours.line, kHours);
    } else if (of.low_water.line != 0) {
      add_lending(of.low_water.line, kLowWater);
    }
  }
}

}  // namespace quorate::policy

#include "server/policy_formats/toml_policy.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

#include "base/utf8.h"
#include "server/toml_section.h"

namespace quorate::policy {
namespace {

using internal::v1::Policy;
using internal::v1::PolicyEach;
using internal::v1::PolicyField;
using internal::v1::PolicyGroup;
using internal::v1::PolicyPart;
using internal::v1::PolicyRule;
using server::TomlSection;

// In the order in which they are written.
constexpr PolicyField kFields[] = {
    internal::v1::POLICY_FIELD_USER,
    internal::v1::POLICY_FIELD_USER_GROUP,
    internal::v1::POLICY_FIELD_HOST,
    internal::v1::POLICY_FIELD_HOST_GROUP,
    internal::v1::POLICY_FIELD_ADDRESS,
    internal::v1::POLICY_FIELD_ADDRESS_GROUP,
    internal::v1::POLICY_FIELD_PROJECT,
    internal::v1::POLICY_FIELD_PROJECT_GROUP,
    internal::v1::POLICY_FIELD_APPLICATION,
    internal::v1::POLICY_FIELD_VERSION,
    internal::v1::POLICY_FIELD_DISPLAY,
    internal::v1::POLICY_FIELD_TIME,
};

constexpr internal::v1::PolicyRuleKind kRuleKinds[] = {
    internal::v1::POLICY_RULE_KIND_DENY,
    internal::v1::POLICY_RULE_KIND_RESERVE,
    internal::v1::POLICY_RULE_KIND_LIMIT,
    internal::v1::POLICY_RULE_KIND_ALLOW,
    internal::v1::POLICY_RULE_KIND_IDLE,
    internal::v1::POLICY_RULE_KIND_LINGER,
    internal::v1::POLICY_RULE_KIND_BORROW,
    internal::v1::POLICY_RULE_KIND_NO_BORROW,
    internal::v1::POLICY_RULE_KIND_PRIORITY};

constexpr internal::v1::PolicyGroupKind kGroupKinds[] = {
    internal::v1::POLICY_GROUP_KIND_USERS,
    internal::v1::POLICY_GROUP_KIND_HOSTS,
    internal::v1::POLICY_GROUP_KIND_ADDRESSES,
    internal::v1::POLICY_GROUP_KIND_PROJECTS,
    internal::v1::POLICY_GROUP_KIND_FEATURES};

// The kind that a word stands for; a fault, and the unspecified one, for any
// other word.
template <typename Kind, size_t kSize>
Kind ReadKind(TomlSection* section, absl::string_view key,
              const Kind (&kinds)[kSize]) {
  const std::string word = section->RequiredText(key);
  std::vector<std::string> words;
  for (const Kind kind : kinds) {
    if (word == WordOf(kind)) return kind;
    words.push_back(absl::StrCat("\"", WordOf(kind), "\""));
  }
  if (!word.empty()) {
    section->Fault(key,
                   absl::StrCat("must be one of ", absl::StrJoin(words, ", ")));
  }
  return static_cast<Kind>(0);
}

void ReadParts(TomlSection* section, PolicyRule* rule) {
  for (const PolicyField field : kFields) {
    for (const bool negated : {false, true}) {
      const std::string key =
          absl::StrCat(negated ? "not_" : "", WordOf(field));
      const std::vector<std::string> values = section->TextsOrNone(key);
      if (values.empty()) continue;
      PolicyPart* const part = rule->add_parts();
      part->set_field(field);
      part->set_negated(negated);
      *part->mutable_values() = {values.begin(), values.end()};
    }
  }
  for (TomlSection& from : section->SectionsOrNone("part")) {
    PolicyPart* const part = rule->add_parts();
    part->set_field(ReadKind(&from, "field", kFields));
    part->set_negated(from.BooleanOr("not", false));
    const std::vector<std::string> values = from.TextsOrNone("values");
    *part->mutable_values() = {values.begin(), values.end()};
    if (values.empty()) from.Fault("values", "must name at least one");
    from.Close();
  }
}

PolicyEach ReadEach(TomlSection* section) {
  const std::string each = section->TextOr("each", "");
  if (each == "user") return internal::v1::POLICY_EACH_USER;
  if (each == "host") return internal::v1::POLICY_EACH_HOST;
  if (!each.empty()) section->Fault("each", "must be \"user\" or \"host\"");
  return internal::v1::POLICY_EACH_UNSPECIFIED;
}

// Whether it fits is CheckPolicy's to say.
int64_t ReadSpanMs(TomlSection* section, absl::string_view key) {
  return absl::ToInt64Milliseconds(
      section->DurationOr(key, absl::ZeroDuration(), absl::ZeroDuration(),
                          absl::Milliseconds(kMaxBorrowSpanMs)));
}

uint64_t ReadUnits(TomlSection* section, absl::string_view key) {
  return static_cast<uint64_t>(
      section->IntegerOr(key, 0, 0, static_cast<int64_t>(kMaxPolicyUnits)));
}

void ReadRule(TomlSection* section, PolicyRule* rule) {
  rule->set_name(section->RequiredText("name"));
  rule->set_kind(ReadKind(section, "kind", kRuleKinds));
  rule->set_feature(section->TextOr("feature", ""));
  rule->set_feature_group(section->TextOr("feature_group", ""));
  rule->set_units(ReadUnits(section, "units"));
  rule->set_low_water(ReadUnits(section, "low_water"));
  rule->set_max_priority(static_cast<uint32_t>(
      section->IntegerOr("max_priority", 0, 0, kMaxPolicyPriority)));
  rule->set_lend(section->BooleanOr("lend", false));
  rule->set_each(ReadEach(section));
  rule->set_span_ms(ReadSpanMs(section, "span"));
  rule->set_warning_ms(ReadSpanMs(section, "warning"));
  ReadParts(section, rule);
  section->Close();
}

void ReadGroup(TomlSection* section, PolicyGroup* group) {
  group->set_name(section->RequiredText("name"));
  group->set_kind(ReadKind(section, "kind", kGroupKinds));
  const std::vector<std::string> members = section->TextsOrNone("members");
  *group->mutable_members() = {members.begin(), members.end()};
  section->Close();
}

// A basic string of TOML.
std::string Quoted(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  quoted.push_back('"');
  return quoted;
}

template <typename Texts>
std::string QuotedList(const Texts& texts) {
  return absl::StrCat(
      "[",
      absl::StrJoin(texts, ", ",
                    [](std::string* out, const std::string& text) {
                      absl::StrAppend(out, Quoted(text));
                    }),
      "]");
}

std::string KeyOf(const PolicyPart& part) {
  return absl::StrCat(part.negated() ? "not_" : "", WordOf(part.field()));
}

void WriteParts(const PolicyRule& rule, std::string* out) {
  std::vector<const PolicyPart*> parts;
  for (const PolicyPart& part : rule.parts())
    parts.push_back(&part);
  std::stable_sort(parts.begin(), parts.end(),
                   [](const PolicyPart* a, const PolicyPart* b) {
                     return std::pair(a->field(), a->negated()) <
                            std::pair(b->field(), b->negated());
                   });
  std::vector<const PolicyPart*> again;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0 && KeyOf(*parts[i]) == KeyOf(*parts[i - 1])) {
      again.push_back(parts[i]);
      continue;
    }
    absl::StrAppend(out, KeyOf(*parts[i]), " = ",
                    QuotedList(parts[i]->values()), "\n");
  }
  for (const PolicyPart* const part : again) {
    absl::StrAppend(
        out, "\n[[rule.part]]\nfield = ", Quoted(WordOf(part->field())), "\n");
    if (part->negated()) absl::StrAppend(out, "not = true\n");
    absl::StrAppend(out, "values = ", QuotedList(part->values()), "\n");
  }
}

void WriteRule(const PolicyRule& rule, std::string* out) {
  absl::StrAppend(out, "\n[[rule]]\nname = ", Quoted(rule.name()),
                  "\nkind = ", Quoted(WordOf(rule.kind())), "\n");
  if (!rule.feature().empty()) {
    absl::StrAppend(out, "feature = ", Quoted(rule.feature()), "\n");
  }
  if (!rule.feature_group().empty()) {
    absl::StrAppend(out, "feature_group = ", Quoted(rule.feature_group()),
                    "\n");
  }
  const bool counts =
      rule.kind() == internal::v1::POLICY_RULE_KIND_LIMIT || rule.units() > 0;
  if (counts) absl::StrAppend(out, "units = ", rule.units(), "\n");
  if (rule.low_water() > 0) {
    absl::StrAppend(out, "low_water = ", rule.low_water(), "\n");
  }
  if (rule.kind() == internal::v1::POLICY_RULE_KIND_PRIORITY) {
    absl::StrAppend(out, "max_priority = ", rule.max_priority(), "\n");
  }
  if (rule.lend()) absl::StrAppend(out, "lend = true\n");
  if (rule.each() == internal::v1::POLICY_EACH_USER) {
    absl::StrAppend(out, "each = \"user\"\n");
  } else if (rule.each() == internal::v1::POLICY_EACH_HOST) {
    absl::StrAppend(out, "each = \"host\"\n");
  }
  for (const auto& [key, span_ms] : {std::pair("span", rule.span_ms()),
                                     std::pair("warning", rule.warning_ms())}) {
    if (span_ms == 0) continue;
    absl::StrAppend(out, key, " = ",
                    Quoted(absl::FormatDuration(absl::Milliseconds(span_ms))),
                    "\n");
  }
  WriteParts(rule, out);
}

// What the parser says, "rules.toml:7: …", by its line.
ImportRemark SyntaxRemark(const absl::Status& status, absl::string_view file) {
  absl::string_view text = status.message();
  ImportRemark remark;
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, file) && absl::ConsumePrefix(&rest, ":")) {
    const size_t end = rest.find(": ");
    if (absl::SimpleAtoi(rest.substr(0, end), &remark.line)) {
      text = rest.substr(end + 2);
    }
  }
  remark.text = IsUtf8(text) ? std::string(text) : "is not TOML in UTF-8";
  return remark;
}

}  // namespace

ImportedPolicy ReadTomlPolicy(absl::string_view text, absl::string_view file) {
  ImportedPolicy imported;
  if (auto fault = CheckFileSize(text)) {
    imported.remarks.push_back(*std::move(fault));
    return imported;
  }
  server::ConfigFaults faults(file);
  auto root = TomlSection::Parse(text, file, &faults);
  Policy policy;
  PolicyLines lines;
  if (root.ok()) {
    policy.set_ignore_case(root->BooleanOr("ignore_case", false));
    for (TomlSection& group : root->SectionsOrNone("group")) {
      lines.groups.push_back(group.line());
      ReadGroup(&group, policy.add_groups());
    }
    for (TomlSection& rule : root->SectionsOrNone("rule")) {
      lines.rules.push_back(rule.line());
      ReadRule(&rule, policy.add_rules());
    }
    root->Close();
  } else {
    imported.remarks.push_back(SyntaxRemark(root.status(), file));
  }
  for (const server::ConfigFault& fault : faults.faults()) {
    imported.remarks.push_back({.line = fault.line, .text = fault.text});
  }
  if (imported.remarks.empty()) {
    imported.remarks = CheckImported(policy, lines);
  }
  if (imported.remarks.empty()) imported.policy = std::move(policy);
  return imported;
}

std::string WriteTomlPolicy(const Policy& policy) {
  std::string out = absl::StrCat(
      "ignore_case = ", policy.ignore_case() ? "true" : "false", "\n");
  for (const PolicyGroup& group : policy.groups()) {
    absl::StrAppend(&out, "\n[[group]]\nname = ", Quoted(group.name()),
                    "\nkind = ", Quoted(WordOf(group.kind())),
                    "\nmembers = ", QuotedList(group.members()), "\n");
  }
  for (const PolicyRule& rule : policy.rules())
    WriteRule(rule, &out);
  return out;
}

}  // namespace quorate::policy

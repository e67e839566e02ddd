// Writing a DSLS authorization file.

#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "server/policy_formats/dsls_names.h"
#include "server/policy_formats/dsls_policy.h"
#include "server/policy_formats/xml_document.h"

namespace quorate::policy {
namespace {

using internal::v1::Policy;
using internal::v1::PolicyGroup;
using internal::v1::PolicyPart;
using internal::v1::PolicyRule;

// Numbers from 1 on, in the order of the first mention.
class Numbers {
 public:
  size_t Of(const std::string& value) {
    const auto [place, added] = numbers_.emplace(value, numbers_.size() + 1);
    if (added) values_.push_back(value);
    return place->second;
  }

  const std::vector<std::string>& values() const { return values_; }

 private:
  std::map<std::string, size_t> numbers_;
  std::vector<std::string> values_;
};

// Writes one policy. Thread-compatible.
class DslsWriter {
 public:
  explicit DslsWriter(const Policy& policy) : policy_(policy) {}

  std::string Write() &&;

 private:
  void Mention();
  void WriteItems(const DslsKind& kind);
  void WriteGroups(const DslsKind& kind);
  void WriteRule(const PolicyRule& rule);
  void WritePart(const PolicyPart& part);

  const Policy& policy_;
  std::map<std::string, Numbers> items_;   // By "user".
  std::map<std::string, Numbers> groups_;  // By "usergroup".
  std::string out_;
};

void DslsWriter::Mention() {
  for (const DslsKind& kind : kDslsKinds) {
    for (const PolicyGroup& group : policy_.groups()) {
      if (group.kind() != kind.kind) continue;
      groups_[kind.group].Of(group.name());
      for (const std::string& member : group.members())
        items_[kind.item].Of(member);
    }
    for (const PolicyRule& rule : policy_.rules()) {
      for (const PolicyPart& part : rule.parts()) {
        if (part.field() != kind.item_field) continue;
        for (const std::string& value : part.values())
          items_[kind.item].Of(value);
      }
    }
  }
}

// A prefix as cidr; ends, or one address, as a range.
std::string RangeAttribute(const std::string& value) {
  if (absl::StrContains(value, '/')) {
    return absl::StrCat("cidr=\"", XmlEscaped(value), "\"");
  }
  const bool one = !absl::StrContains(value, '-');
  return absl::StrCat("range=\"", XmlEscaped(value),
                      one ? absl::StrCat("-", XmlEscaped(value)) : "", "\"");
}

void DslsWriter::WriteItems(const DslsKind& kind) {
  const std::vector<std::string>& values = items_[kind.item].values();
  if (values.empty()) return;
  const bool ranges = kind.kind == internal::v1::POLICY_GROUP_KIND_ADDRESSES;
  absl::StrAppend(&out_, "  <", kind.list, ">\n");
  for (size_t i = 0; i < values.size(); ++i) {
    absl::StrAppend(&out_, "    <", kind.item, " id=\"", i + 1, "\"");
    if (ranges) {
      absl::StrAppend(&out_, " ", RangeAttribute(values[i]), "/>\n");
    } else {
      absl::StrAppend(&out_, ">", XmlEscaped(values[i]), "</", kind.item,
                      ">\n");
    }
  }
  absl::StrAppend(&out_, "  </", kind.list, ">\n");
}

void DslsWriter::WriteGroups(const DslsKind& kind) {
  if (groups_[kind.group].values().empty()) return;
  absl::StrAppend(&out_, "  <", kind.group_list, ">\n");
  for (const PolicyGroup& group : policy_.groups()) {
    if (group.kind() != kind.kind) continue;
    absl::StrAppend(&out_, "    <", kind.group, " id=\"",
                    groups_[kind.group].Of(group.name()), "\">\n      <name>",
                    XmlEscaped(group.name()), "</name>\n");
    for (const std::string& member : group.members()) {
      absl::StrAppend(&out_, "      <", kind.item, " id=\"",
                      items_[kind.item].Of(member), "\"/>\n");
    }
    absl::StrAppend(&out_, "    </", kind.group, ">\n");
  }
  absl::StrAppend(&out_, "  </", kind.group_list, ">\n");
}

void DslsWriter::WritePart(const PolicyPart& part) {
  absl::StrAppend(&out_, "      <condition",
                  part.negated() ? " not=\"true\"" : "", ">\n");
  for (const std::string& value : part.values()) {
    for (const DslsText& each : kDslsTexts) {
      if (each.field != part.field()) continue;
      absl::StrAppend(&out_, "        <", each.element, ">", XmlEscaped(value),
                      "</", each.element, ">\n");
    }
    for (const DslsKind& each : kDslsKinds) {
      if (each.item_field == part.field()) {
        absl::StrAppend(&out_, "        <", each.item, " id=\"",
                        items_[each.item].Of(value), "\"/>\n");
      } else if (each.group_field == part.field()) {
        absl::StrAppend(&out_, "        <", each.group, " id=\"",
                        groups_[each.group].Of(value), "\"/>\n");
      }
    }
  }
  absl::StrAppend(&out_, "      </condition>\n");
}

void DslsWriter::WriteRule(const PolicyRule& rule) {
  absl::StrAppend(&out_, "    <rule type=\"");
  for (const DslsType& each : kDslsTypes) {
    if (each.kind == rule.kind()) absl::StrAppend(&out_, each.name);
  }
  absl::StrAppend(&out_, "\"");
  if (!rule.feature().empty()) {
    absl::StrAppend(&out_, " feature=\"", XmlEscaped(rule.feature()), "\"");
  }
  if (!rule.feature_group().empty()) {
    absl::StrAppend(&out_, " ", kDslsFeatureGroup, "=\"",
                    groups_[kDslsFeatureGroup].Of(rule.feature_group()), "\"");
  }
  if (rule.kind() == internal::v1::POLICY_RULE_KIND_LIMIT || rule.units() > 0) {
    absl::StrAppend(&out_, " units=\"", rule.units(), "\"");
  }
  if (rule.low_water() > 0) {
    absl::StrAppend(&out_, " lowWater=\"", rule.low_water(), "\"");
  }
  if (rule.kind() == internal::v1::POLICY_RULE_KIND_PRIORITY) {
    absl::StrAppend(&out_, " maxPriority=\"", rule.max_priority(), "\"");
  }
  if (rule.span_ms() > 0) {
    absl::StrAppend(&out_, " span=\"", rule.span_ms() / 1000, "\"");
  }
  if (rule.warning_ms() > 0) {
    absl::StrAppend(&out_, " warning=\"", rule.warning_ms() / 1000, "\"");
  }
  if (rule.lend()) absl::StrAppend(&out_, " lend=\"true\"");
  if (rule.each() == internal::v1::POLICY_EACH_USER) {
    absl::StrAppend(&out_, " each=\"User\"");
  } else if (rule.each() == internal::v1::POLICY_EACH_HOST) {
    absl::StrAppend(&out_, " each=\"Host\"");
  }
  absl::StrAppend(&out_, ">\n      <name>", XmlEscaped(rule.name()),
                  "</name>\n");
  for (const PolicyPart& part : rule.parts())
    WritePart(part);
  absl::StrAppend(&out_, "    </rule>\n");
}

std::string DslsWriter::Write() && {
  Mention();
  out_ =
      "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
      "<authorizations xsi:schemaLocation=\"http://www.3DS.com/DSLS "
      "DSLSAuthorizations.xsd\" xmlns=\"http://www.3DS.com/DSLS\" "
      "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n";
  for (const DslsKind& kind : kDslsKinds) {
    WriteItems(kind);
    WriteGroups(kind);
  }
  absl::StrAppend(&out_, "  <rules",
                  policy_.ignore_case() ? " ignoreCase=\"true\"" : "", ">\n");
  for (const PolicyRule& rule : policy_.rules())
    WriteRule(rule);
  absl::StrAppend(&out_, "  </rules>\n</authorizations>\n");
  return std::move(out_);
}

}  // namespace

std::string WriteDslsPolicy(const Policy& policy) {
  return DslsWriter(policy).Write();
}

}  // namespace quorate::policy

#include "server/policy_formats/dsls_policy.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "server/policy_formats/dsls_names.h"
#include "server/policy_formats/dsls_schema.h"
#include "server/policy_formats/xml_document.h"

namespace quorate::policy {
namespace {

using internal::v1::Policy;
using internal::v1::PolicyGroup;
using internal::v1::PolicyPart;
using internal::v1::PolicyRule;

// Faults of one file beyond these help nobody.
constexpr size_t kMaxRemarks = 1'000;

// Numbers as the schema lets them stand: blanks around, a sign, zeros before.
uint64_t NumberOf(const std::string& attribute) {
  uint64_t number = 0;
  absl::string_view text = absl::StripAsciiWhitespace(attribute);
  absl::ConsumePrefix(&text, "+");
  return absl::SimpleAtoi(text, &number) ? number : 0;
}

// Reads a file that is of the schema. Thread-compatible.
class DslsReader {
 public:
  explicit DslsReader(const XmlElement& root) : root_(root) {}

  ImportedPolicy Read() &&;

 private:
  using ById = std::map<uint64_t, std::string>;

  void Remark(const XmlElement& at, RemarkKind kind, std::string text) {
    if (imported_.remarks.size() >= kMaxRemarks) return;
    imported_.remarks.push_back(
        {.line = at.line(), .kind = kind, .text = std::move(text)});
  }

  void Fault(const XmlElement& at, std::string text) {
    faulty_ = true;
    Remark(at, RemarkKind::kFault, std::move(text));
  }

  // The value that a number stands for; nothing, with a fault, where it stands
  // for none.
  std::optional<std::string> Resolve(const XmlElement& reference);
  std::optional<std::string> Resolve(const XmlElement& at,
                                     const std::string& element,
                                     const std::string& number);
  void Number(const XmlElement& element, std::string value);
  void ReadItems(const DslsKind& kind);
  std::string ReadRange(const XmlElement& range);
  void ReadGroups(const DslsKind& kind);
  void ReadRule(const XmlElement& from);
  void ReadCondition(const XmlElement& from, PolicyRule* rule);

  const XmlElement root_;
  Policy policy_;
  PolicyLines lines_;
  ImportedPolicy imported_;
  bool faulty_ = false;
  // By element name.
  std::map<std::string, ById> numbered_;
};

void DslsReader::Number(const XmlElement& element, std::string value) {
  const uint64_t id = NumberOf(element.Attribute("id"));
  if (!numbered_[element.name()].emplace(id, std::move(value)).second) {
    Fault(element, absl::StrCat(element.name(), " ", id, " is there twice"));
  }
}

std::optional<std::string> DslsReader::Resolve(const XmlElement& reference) {
  return Resolve(reference, reference.name(), reference.Attribute("id"));
}

std::optional<std::string> DslsReader::Resolve(const XmlElement& at,
                                               const std::string& element,
                                               const std::string& number) {
  const ById& all = numbered_[element];
  const uint64_t id = NumberOf(number);
  const auto found = all.find(id);
  if (found != all.end()) return found->second;
  Fault(at, absl::StrCat("there is no ", element, " ", id));
  return std::nullopt;
}

std::string DslsReader::ReadRange(const XmlElement& range) {
  const std::string cidr = range.Attribute("cidr");
  std::string ends = range.Attribute("range");
  if (cidr.empty() == ends.empty()) {
    Fault(range, "an iprange has either cidr or range");
    return "";
  }
  // One address is written as a range of one.
  const size_t dash = ends.find('-');
  if (dash != std::string::npos &&
      ends.substr(0, dash) == ends.substr(dash + 1)) {
    ends.resize(dash);
  }
  std::string value = cidr.empty() ? ends : cidr;
  if (const std::string label = range.Text(); !label.empty()) {
    Remark(
        range, RemarkKind::kIgnored,
        absl::StrCat("the name ", label, " of range ", value, " is not kept"));
  }
  return value;
}

void DslsReader::ReadItems(const DslsKind& kind) {
  const std::optional<XmlElement> list = root_.Child(kind.list);
  if (!list.has_value()) return;
  const bool ranges = kind.kind == internal::v1::POLICY_GROUP_KIND_ADDRESSES;
  for (const XmlElement& item : list->Children()) {
    Number(item, ranges ? ReadRange(item) : item.Text());
  }
}

void DslsReader::ReadGroups(const DslsKind& kind) {
  const std::optional<XmlElement> list = root_.Child(kind.group_list);
  if (!list.has_value()) return;
  for (const XmlElement& from : list->Children()) {
    PolicyGroup* const group = policy_.add_groups();
    lines_.groups.push_back(from.line());
    group->set_kind(kind.kind);
    for (const XmlElement& child : from.Children()) {
      if (child.name() == "name") {
        group->set_name(child.Text());
      } else if (child.name() != kind.item) {
        Fault(child, absl::StrCat("a ", kind.group, " has no ", child.name()));
      } else if (auto member = Resolve(child)) {
        group->add_members(*std::move(member));
      }
    }
    Number(from, group->name());
  }
}

void DslsReader::ReadCondition(const XmlElement& from, PolicyRule* rule) {
  PolicyPart* const part = rule->add_parts();
  part->set_negated(from.BooleanAttribute("not"));
  for (const XmlElement& value : from.Children()) {
    const std::string name = value.name();
    bool text = false;
    for (const DslsText& each : kDslsTexts) {
      if (name != each.element) continue;
      part->set_field(each.field);
      part->add_values(value.Text());
      text = true;
    }
    if (text) continue;
    for (const DslsKind& each : kDslsKinds) {
      if (name == each.item) part->set_field(each.item_field);
      if (name == each.group) part->set_field(each.group_field);
    }
    if (auto resolved = Resolve(value)) part->add_values(*std::move(resolved));
  }
}

void DslsReader::ReadRule(const XmlElement& from) {
  PolicyRule* const rule = policy_.add_rules();
  lines_.rules.push_back(from.line());
  const std::string type = from.Attribute("type");
  for (const DslsType& each : kDslsTypes) {
    if (type == each.name) rule->set_kind(each.kind);
  }
  rule->set_feature(from.Attribute("feature"));
  if (const std::string group = from.Attribute(kDslsFeatureGroup);
      !group.empty()) {
    rule->set_feature_group(
        Resolve(from, kDslsFeatureGroup, group).value_or(""));
  }
  rule->set_units(NumberOf(from.Attribute("units")));
  rule->set_low_water(NumberOf(from.Attribute("lowWater")));
  rule->set_max_priority(
      static_cast<uint32_t>(NumberOf(from.Attribute("maxPriority"))));
  rule->set_span_ms(static_cast<int64_t>(NumberOf(from.Attribute("span"))) *
                    1000);
  rule->set_warning_ms(
      static_cast<int64_t>(NumberOf(from.Attribute("warning"))) * 1000);
  rule->set_lend(from.BooleanAttribute("lend"));
  const std::string each = from.Attribute("each");
  if (each == "User") rule->set_each(internal::v1::POLICY_EACH_USER);
  if (each == "Host") rule->set_each(internal::v1::POLICY_EACH_HOST);
  for (const XmlElement& child : from.Children()) {
    if (child.name() == "name") {
      rule->set_name(child.Text());
    } else {
      ReadCondition(child, rule);
    }
  }
}

ImportedPolicy DslsReader::Read() && {
  for (const DslsKind& kind : kDslsKinds)
    ReadItems(kind);
  for (const DslsKind& kind : kDslsKinds)
    ReadGroups(kind);
  if (const std::optional<XmlElement> rules = root_.Child("rules")) {
    policy_.set_ignore_case(rules->BooleanAttribute("ignoreCase"));
    for (const XmlElement& rule : rules->Children())
      ReadRule(rule);
  }
  if (faulty_) return std::move(imported_);
  for (ImportRemark& fault : CheckImported(policy_, lines_)) {
    faulty_ = true;
    imported_.remarks.push_back(std::move(fault));
  }
  if (!faulty_) imported_.policy = std::move(policy_);
  return std::move(imported_);
}

}  // namespace

ImportedPolicy ReadDslsPolicy(absl::string_view text) {
  ImportedPolicy imported;
  const auto document =
      XmlDocument::Parse(text, kDslsSchema, &imported.remarks);
  if (document == nullptr) return imported;
  return DslsReader(document->root()).Read();
}

}  // namespace quorate::policy

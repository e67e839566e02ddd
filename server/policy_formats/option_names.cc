#include "server/policy_formats/option_names.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "server/policy/ip_address.h"

namespace quorate::policy {
namespace {

using internal::v1::PolicyField;
using internal::v1::PolicyGroup;
using internal::v1::PolicyPart;

constexpr absl::string_view kCase = "GROUPCASEINSENSITIVE";

// "10.0.*.*" as the range that it stands for; nothing where a number follows a
// '*', or it is no such address.
std::optional<std::string> RangeOfPattern(absl::string_view pattern) {
  const std::vector<std::string> bytes = absl::StrSplit(pattern, '.');
  const auto star = std::find(bytes.begin(), bytes.end(), "*");
  if (bytes.size() != 4 || star == bytes.begin() ||
      !std::all_of(star, bytes.end(),
                   [](const std::string& byte) { return byte == "*"; })) {
    return std::nullopt;
  }
  std::vector<std::string> first(bytes.begin(), star);
  first.resize(4, "0");
  std::string range =
      absl::StrCat(absl::StrJoin(first, "."), "/", (star - bytes.begin()) * 8);
  if (!ParseIpRange(range).has_value()) return std::nullopt;
  return range;
}

// The address or the range that a word stands for; nothing where it is none.
std::optional<std::string> AddressOf(const std::string& word) {
  if (ParseIpAddress(word).has_value()) return word;
  return RangeOfPattern(word);
}

}  // namespace

bool IsNameKeyword(absl::string_view keyword) {
  return keyword == "GROUP" || keyword == "USER_GROUP" ||
         keyword == "HOST_GROUP" || keyword == kCase;
}

std::string WhoOf(const PolicyPart& part) {
  if (part.values_size() == 0) return "everybody";
  std::string field = WordOf(part.field());
  std::replace(field.begin(), field.end(), '_', ' ');
  return absl::StrCat(field, " ", part.values(0));
}

std::optional<std::string> WhyNoWholeFeature(absl::string_view feature) {
  const size_t end = feature.find_first_of(": ");
  if (end == absl::string_view::npos) return std::nullopt;
  const absl::string_view part = feature.substr(end + 1);
  std::string why = absl::StrCat(
      "it is about the licences of ", feature.substr(0, end), " with ", part,
      " alone, and rules are about all of a feature's: write it for ",
      feature.substr(0, end));
  if (absl::StartsWithIgnoreCase(part, "VERSION=")) {
    absl::StrAppend(&why, "; in TOML a rule may name versions of the ",
                    "application (version)");
  }
  return why;
}

PolicyGroup* OptionNames::FindGroup(internal::v1::PolicyGroupKind kind,
                                    const std::string& name) {
  for (PolicyGroup& group : *policy_->mutable_groups()) {
    if (group.kind() == kind && group.name() == name) return &group;
  }
  return nullptr;
}

void OptionNames::ReadGroup(const OptionLine& line,
                            internal::v1::PolicyGroupKind kind) {
  if (line.words.size() < 2) {
    return Fault(line, "has no name behind it");
  }
  const std::string& name = line.words[1];
  PolicyGroup* group = FindGroup(kind, name);
  const bool again = group != nullptr;
  if (!again) {
    group = policy_->add_groups();
    group->set_name(name);
    group->set_kind(kind);
    lines_->groups.push_back(line.number);
  }
  std::vector<std::string> addresses;
  for (size_t i = 2; i < line.words.size(); ++i) {
    const std::string& member = line.words[i];
    if (kind == internal::v1::POLICY_GROUP_KIND_HOSTS &&
        AddressOf(member).has_value()) {
      addresses.push_back(member);
    } else {
      group->add_members(member);
    }
  }
  Remark(line, RemarkKind::kEffect,
         absl::StrCat("group ", name, " of ", WordOf(kind),
                      again ? " has more members, " : " has ",
                      group->members_size(), again ? " now" : " members"));
  if (!addresses.empty()) {
    Remark(line, RemarkKind::kIgnored,
           absl::StrCat("addresses in a group of hosts (",
                        absl::StrJoin(addresses, ", "),
                        "): write them in lines of type INTERNET"));
  }
}

void OptionNames::ReadCase(const OptionLine& line) {
  const std::string word =
      line.words.size() == 2 ? absl::AsciiStrToUpper(line.words[1]) : "";
  if (word != "ON" && word != "OFF") {
    return Fault(line, "must be followed by ON or OFF");
  }
  policy_->set_ignore_case(word == "ON");
  Remark(line, RemarkKind::kEffect,
         word == "ON" ? "all names compare without regard to case, not only "
                        "those in groups"
                      : "names compare by case");
}

void OptionNames::ReadGroups(const std::vector<OptionLine>& lines) {
  for (const OptionLine& line : lines) {
    const std::string keyword = absl::AsciiStrToUpper(line.words[0]);
    if (keyword == "GROUP" || keyword == "USER_GROUP") {
      ReadGroup(line, internal::v1::POLICY_GROUP_KIND_USERS);
    } else if (keyword == "HOST_GROUP") {
      ReadGroup(line, internal::v1::POLICY_GROUP_KIND_HOSTS);
    } else if (keyword == kCase) {
      ReadCase(line);
    }
  }
}

std::optional<PolicyPart> OptionNames::ReadPrincipal(const OptionLine& line,
                                                     const std::string& type,
                                                     const std::string& name) {
  constexpr struct {
    absl::string_view type;
    PolicyField field;
  } kTypes[] = {{"USER", internal::v1::POLICY_FIELD_USER},
                {"HOST", internal::v1::POLICY_FIELD_HOST},
                {"DISPLAY", internal::v1::POLICY_FIELD_DISPLAY},
                {"INTERNET", internal::v1::POLICY_FIELD_ADDRESS},
                {"PROJECT", internal::v1::POLICY_FIELD_PROJECT},
                {"GROUP", internal::v1::POLICY_FIELD_USER_GROUP},
                {"USER_GROUP", internal::v1::POLICY_FIELD_USER_GROUP},
                {"HOST_GROUP", internal::v1::POLICY_FIELD_HOST_GROUP}};

  PolicyPart part;
  for (const auto& each : kTypes) {
    if (absl::EqualsIgnoreCase(type, each.type)) part.set_field(each.field);
  }
  if (part.field() == internal::v1::POLICY_FIELD_UNSPECIFIED) {
    Fault(line, absl::StrCat("\"", type,
                             "\" is none of USER, HOST, DISPLAY, INTERNET, "
                             "PROJECT, GROUP, HOST_GROUP"));
    return std::nullopt;
  }
  if (part.field() == internal::v1::POLICY_FIELD_USER && name == "ALL_USERS") {
    return part;
  }
  // Here, since a rule may be of several lines.
  if (!IsPolicyText(name)) {
    Fault(line, "the last word must be 1 to 256 bytes of text");
    return std::nullopt;
  }
  const std::optional<std::string> address = AddressOf(name);
  if (part.field() == internal::v1::POLICY_FIELD_HOST && address.has_value()) {
    part.set_field(internal::v1::POLICY_FIELD_ADDRESS);
  }
  if (part.field() == internal::v1::POLICY_FIELD_ADDRESS) {
    if (!address.has_value()) {
      Fault(line, absl::StrCat("\"", name,
                               "\" is no address, and '*' may stand only at "
                               "its end"));
      return std::nullopt;
    }
    part.add_values(*address);
    return part;
  }
  if (const auto kind = GroupKindOf(part.field());
      kind != internal::v1::POLICY_GROUP_KIND_UNSPECIFIED) {
    const PolicyGroup* const group = FindGroup(kind, name);
    if (group == nullptr) {
      Fault(line,
            absl::StrCat("there is no group ", name, " of ", WordOf(kind)));
      return std::nullopt;
    }
    used_.insert(group);
  }
  part.add_values(name);
  return part;
}

void OptionNames::RemarkUnusedGroups() {
  for (int i = 0; i < policy_->groups_size(); ++i) {
    const PolicyGroup& group = policy_->groups(i);
    if (used_.count(&group) > 0) continue;
    remarks_->push_back(
        {.line = lines_->groups[static_cast<size_t>(i)],
         .kind = RemarkKind::kIgnored,
         .text = absl::StrCat("no line names group ", group.name())});
  }
}

}  // namespace quorate::policy

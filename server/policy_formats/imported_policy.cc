#include "server/policy_formats/imported_policy.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace quorate::policy {
namespace {

using internal::v1::Policy;
using internal::v1::PolicyRule;

// Takes "NAME[7]" off the front of a path, and the dot behind it.
std::optional<size_t> TakeIndex(absl::string_view name,
                                absl::string_view* path) {
  absl::string_view rest = *path;
  if (!absl::ConsumePrefix(&rest, name) || !absl::ConsumePrefix(&rest, "[")) {
    return std::nullopt;
  }
  const size_t end = rest.find(']');
  uint32_t index = 0;
  if (end == absl::string_view::npos ||
      !absl::SimpleAtoi(rest.substr(0, end), &index)) {
    return std::nullopt;
  }
  rest.remove_prefix(end + 1);
  absl::ConsumePrefix(&rest, ".");
  *path = rest;
  return index;
}

// "user_group \"boss\"" for "parts[0].values[1]".
std::string PlaceInRule(const PolicyRule& rule, absl::string_view path) {
  const std::optional<size_t> index = TakeIndex("parts", &path);
  if (!index.has_value() || *index >= static_cast<size_t>(rule.parts_size())) {
    return std::string(path);
  }
  const internal::v1::PolicyPart& part = rule.parts(static_cast<int>(*index));
  const std::string field =
      absl::StrCat(part.negated() ? "not_" : "", WordOf(part.field()));
  const std::optional<size_t> value = TakeIndex("values", &path);
  if (!value.has_value() || *value >= static_cast<size_t>(part.values_size())) {
    return field;
  }
  return absl::StrCat(field, " \"", part.values(static_cast<int>(*value)),
                      "\"");
}

ImportRemark RemarkOf(const PolicyFault& fault, const Policy& policy,
                      const PolicyLines& lines) {
  absl::string_view path = fault.path;
  ImportRemark remark;
  if (const auto rule = TakeIndex("rules", &path)) {
    const PolicyRule& at = policy.rules(static_cast<int>(*rule));
    remark.line = *rule < lines.rules.size() ? lines.rules[*rule] : 0;
    remark.text =
        absl::StrCat("rule \"", at.name(), "\": ", PlaceInRule(at, path), ": ",
                     fault.problem);
  } else if (const auto group = TakeIndex("groups", &path)) {
    const internal::v1::PolicyGroup& at =
        policy.groups(static_cast<int>(*group));
    remark.line = *group < lines.groups.size() ? lines.groups[*group] : 0;
    remark.text =
        absl::StrCat("group \"", at.name(), "\": ", path, ": ", fault.problem);
  } else {
    remark.text = absl::StrCat(path, path.empty() ? "" : ": ", fault.problem);
  }
  return remark;
}

}  // namespace

std::vector<ImportRemark> CheckImported(const Policy& policy,
                                        const PolicyLines& lines) {
  std::vector<ImportRemark> remarks;
  for (const PolicyFault& fault : CheckPolicy(policy)) {
    remarks.push_back(RemarkOf(fault, policy, lines));
  }
  return remarks;
}

std::optional<ImportRemark> CheckFileSize(absl::string_view text) {
  if (text.size() <= kMaxPolicyFileBytes) return std::nullopt;
  return ImportRemark{.text = absl::StrCat("the file is larger than ",
                                           kMaxPolicyFileBytes / 1024, " KiB")};
}

}  // namespace quorate::policy

// The names in an options file: its groups, whom a line is about, and what.

#ifndef QUORATE_SERVER_POLICY_FORMATS_OPTION_NAMES_H_
#define QUORATE_SERVER_POLICY_FORMATS_OPTION_NAMES_H_

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

#include "quorate/internal/v1/policy.pb.h"

#include "server/policy_formats/imported_policy.h"
#include "server/policy_formats/option_lines.h"

namespace quorate::policy {

// True of GROUP, USER_GROUP, HOST_GROUP and GROUPCASEINSENSITIVE.
bool IsNameKeyword(absl::string_view keyword);

// "user group designers"; "everybody" for a part without values.
std::string WhoOf(const internal::v1::PolicyPart& part);

// Why a line about "cad:VERSION=2.0" comes to nothing; nothing where it names a
// feature and no part of its licences.
std::optional<std::string> WhyNoWholeFeature(absl::string_view feature);

// Reads them. What is wrong becomes a remark. Thread-compatible.
class OptionNames {
 public:
  // Groups are added to these. Not owned.
  OptionNames(internal::v1::Policy* policy, PolicyLines* lines,
              std::vector<ImportRemark>* remarks)
      : policy_(policy), lines_(lines), remarks_(remarks) {}

  OptionNames(const OptionNames&) = delete;
  OptionNames& operator=(const OptionNames&) = delete;

  // The first pass: groups may stand behind the lines that name them.
  void ReadGroups(const std::vector<OptionLine>& lines);

  // The part that a type and a name make; nothing, with a remark, where they
  // make none. A part without values stands for everybody.
  std::optional<internal::v1::PolicyPart> ReadPrincipal(
      const OptionLine& line, const std::string& type, const std::string& name);

  // The last pass.
  void RemarkUnusedGroups();

 private:
  void Remark(const OptionLine& line, RemarkKind kind, std::string text) {
    remarks_->push_back(
        {.line = line.number, .kind = kind, .text = std::move(text)});
  }

  void Fault(const OptionLine& line, std::string text) {
    Remark(line, RemarkKind::kFault, std::move(text));
  }

  void ReadGroup(const OptionLine& line, internal::v1::PolicyGroupKind kind);
  void ReadCase(const OptionLine& line);
  internal::v1::PolicyGroup* FindGroup(internal::v1::PolicyGroupKind kind,
                                       const std::string& name);

  internal::v1::Policy* const policy_;
  PolicyLines* const lines_;
  std::vector<ImportRemark>* const remarks_;
  std::set<const internal::v1::PolicyGroup*> used_;
};

}  // namespace quorate::policy

#endif  // QUORATE_SERVER_POLICY_FORMATS_OPTION_NAMES_H_

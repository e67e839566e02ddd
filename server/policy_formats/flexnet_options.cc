#include "server/policy_formats/flexnet_options.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "base/utf8.h"
#include "server/policy_formats/option_borrows.h"
#include "server/policy_formats/option_lines.h"
#include "server/policy_formats/option_names.h"
#include "server/policy_formats/option_spans.h"

namespace quorate::policy {
namespace {

using internal::v1::Policy;
using internal::v1::PolicyPart;
using internal::v1::PolicyRule;
using internal::v1::PolicyRuleKind;

// Keywords that come to nothing here, and why.
struct IgnoredKeyword {
  absl::string_view keyword;
  absl::string_view why;
};

constexpr absl::string_view kNoTrustedStorage =
    "there is no trusted storage here: licences are files of the vendor";
constexpr absl::string_view kOtherLog =
    "it is about the other server's log; this one writes its own "
    "(docs/operations.md)";

constexpr IgnoredKeyword kIgnored[] = {
    {"INCLUDE_ENTITLEMENT", kNoTrustedStorage},
    {"EXCLUDE_ENTITLEMENT", kNoTrustedStorage},
    {"INCLUDEALL_ENTITLEMENT", kNoTrustedStorage},
    {"EXCLUDEALL_ENTITLEMENT", kNoTrustedStorage},
    {"ACTIVATION_LOWWATER", kNoTrustedStorage},
    {"ACTIVATION_EXPIRY_DAYS", kNoTrustedStorage},
    {"MAX_OVERDRAFT", "how far a pool is overdrawn is the licence's to say"},
    {"NOLOG", kOtherLog},
    {"REPORTLOG", kOtherLog},
    {"DEBUGLOG", kOtherLog},
    {"AUTOMATIC_REREAD", "rules are in force here as soon as they are applied"},
    {"MAX_CONNECTIONS", "connections have the limits of the members"},
    {"DAEMON_SELECT_TIMEOUT", "there is no vendor daemon here"},
};

// A line that makes rules: what it makes, and which words it has.
struct RuleKeyword {
  absl::string_view keyword;
  PolicyRuleKind kind;
  bool all;      // INCLUDEALL: no feature.
  bool counted;  // MAX: a number comes first.
};

constexpr RuleKeyword kRuleKeywords[] = {
    {"INCLUDE", internal::v1::POLICY_RULE_KIND_ALLOW, false, false},
    {"EXCLUDE", internal::v1::POLICY_RULE_KIND_DENY, false, false},
    {"INCLUDEALL", internal::v1::POLICY_RULE_KIND_ALLOW, true, false},
    {"EXCLUDEALL", internal::v1::POLICY_RULE_KIND_DENY, true, false},
    {"RESERVE", internal::v1::POLICY_RULE_KIND_RESERVE, false, true},
    {"MAX", internal::v1::POLICY_RULE_KIND_LIMIT, false, true},
};

template <typename Row, size_t kSize>
const Row* FindRow(const Row (&rows)[kSize], absl::string_view keyword) {
  const Row* const row = std::find_if(
      std::begin(rows), std::end(rows),
      [keyword](const Row& each) { return each.keyword == keyword; });
  return row == std::end(rows) ? nullptr : row;
}

// Reads one file. Thread-compatible.
class OptionsReader {
 public:
  ImportedPolicy Read(absl::string_view text) &&;

 private:
  void Remark(const OptionLine& line, RemarkKind kind, std::string text) {
    imported_.remarks.push_back(
        {.line = line.number, .kind = kind, .text = std::move(text)});
  }

  void Fault(const OptionLine& line, std::string text) {
    Remark(line, RemarkKind::kFault, std::move(text));
  }

  void ReadLine(const OptionLine& line);
  void ReadSetting(const OptionLine& line, const std::string& keyword);
  void ReadRule(const OptionLine& line, const RuleKeyword& keyword);
  void ReadSpan(const OptionLine& line, const std::string& keyword);
  bool ReadUnits(const OptionLine& line, const RuleKeyword& keyword,
                 const std::string& word, uint64_t* units);
  void AddRule(const OptionLine& line, const RuleKeyword& keyword,
               const std::string& feature, uint64_t units, PolicyPart part);
  Policy policy_;
  PolicyLines lines_;
  ImportedPolicy imported_;
  OptionNames names_{&policy_, &lines_, &imported_.remarks};
  OptionBorrows borrows_{&names_, &imported_.remarks};
};

bool OptionsReader::ReadUnits(const OptionLine& line,
                              const RuleKeyword& keyword,
                              const std::string& word, uint64_t* units) {
  const bool reserves = keyword.kind == internal::v1::POLICY_RULE_KIND_RESERVE;
  if (word.find_first_not_of("0123456789") == std::string::npos &&
      absl::SimpleAtoi(word, units) && *units <= kMaxPolicyUnits &&
      (*units > 0 || !reserves)) {
    return true;
  }
  Fault(line, absl::StrCat("\"", word, "\" is no count of units"));
  return false;
}

void OptionsReader::AddRule(const OptionLine& line, const RuleKeyword& keyword,
                            const std::string& feature, uint64_t units,
                            PolicyPart part) {
  // Lines of INCLUDE, and of EXCLUDE, for one feature are one list.
  if (!keyword.counted && part.values_size() > 0) {
    for (PolicyRule& rule : *policy_.mutable_rules()) {
      if (rule.kind() == keyword.kind && rule.feature() == feature &&
          rule.parts_size() == 1 && rule.parts(0).field() == part.field() &&
          rule.parts(0).values_size() < kMaxValuesOfPart) {
        rule.mutable_parts(0)->add_values(part.values(0));
        return;
      }
    }
  }
  PolicyRule* const rule = policy_.add_rules();
  lines_.rules.push_back(line.number);
  rule->set_name(absl::StrCat("line ", line.number, " ", keyword.keyword));
  rule->set_kind(keyword.kind);
  rule->set_feature(feature);
  rule->set_units(units);
  if (part.values_size() > 0) {
    *rule->add_parts() = std::move(part);
  } else if (keyword.kind == internal::v1::POLICY_RULE_KIND_LIMIT) {
    rule->set_each(internal::v1::POLICY_EACH_USER);
  }
}

// What a rule that was read comes to, for its author.
std::string EffectOf(const RuleKeyword& keyword, const std::string& feature,
                     uint64_t units, const PolicyPart& part) {
  const std::string what = feature.empty() ? "every feature" : feature;
  const std::string who = WhoOf(part);
  switch (keyword.kind) {
    case internal::v1::POLICY_RULE_KIND_ALLOW:
      return absl::StrCat(what, " is allowed to ", who,
                          ", and denied to all whom no INCLUDE names");
    case internal::v1::POLICY_RULE_KIND_DENY:
      return absl::StrCat(what, " is denied to ", who);
    case internal::v1::POLICY_RULE_KIND_RESERVE:
      return absl::StrCat(units, " of ", what, " are kept for ", who);
    default:
      break;
  }
  if (part.values_size() == 0) {
    return absl::StrCat("each user has at most ", units, " of ", what);
  }
  return absl::StrCat(who, " has at most ", units, " of ", what, " together");
}

void OptionsReader::ReadRule(const OptionLine& line,
                             const RuleKeyword& keyword) {
  const size_t words = 3 + (keyword.all ? 0 : 1) + (keyword.counted ? 1 : 0);
  if (line.words.size() != words) {
    return Fault(line,
                 absl::StrCat(keyword.keyword, " has ", line.words.size() - 1,
                              " words behind it; it needs ", words - 1));
  }
  size_t next = 1;
  uint64_t units = 0;
  if (keyword.counted &&
      !ReadUnits(line, keyword, line.words[next++], &units)) {
    return;
  }
  const std::string feature = keyword.all ? "" : line.words[next++];
  // None would be all of them.
  if (!keyword.all && feature.empty()) return Fault(line, "names no feature");
  std::optional<PolicyPart> part =
      names_.ReadPrincipal(line, line.words[next], line.words[next + 1]);
  if (!part.has_value()) return;
  if (auto why = WhyNoWholeFeature(feature)) {
    return Remark(line, RemarkKind::kIgnored, *std::move(why));
  }
  if (keyword.kind == internal::v1::POLICY_RULE_KIND_RESERVE &&
      part->values_size() == 0) {
    return Fault(line, "what is kept for everybody is kept for nobody");
  }
  Remark(line, RemarkKind::kEffect, EffectOf(keyword, feature, units, *part));
  AddRule(line, keyword, feature, units, *std::move(part));
}

void OptionsReader::ReadSpan(const OptionLine& line,
                             const std::string& keyword) {
  SpanLine read = ReadSpanLine(line, keyword);
  imported_.remarks.push_back(std::move(read.remark));
  if (!read.rule.has_value()) return;
  *policy_.add_rules() = *std::move(read.rule);
  lines_.rules.push_back(line.number);
}

void OptionsReader::ReadSetting(const OptionLine& line,
                                const std::string& keyword) {
  if (keyword != "FQDN_MATCHING") {
    return Fault(line, absl::StrCat("\"", line.words[0],
                                    "\" is no keyword of an options file"));
  }
  const std::string word =
      line.words.size() == 2 ? absl::AsciiStrToLower(line.words[1]) : "";
  if (word == "exact") {
    return Remark(line, RemarkKind::kEffect,
                  "hosts are compared as they are written, as always here");
  }
  if (word != "lenient") {
    return Fault(line, "must be followed by exact or lenient");
  }
  Remark(line, RemarkKind::kIgnored,
         "hosts are compared as they are written: name them as the "
         "applications do");
}

void OptionsReader::ReadLine(const OptionLine& line) {
  if (line.bytes > kMaxOptionLineBytes) {
    return Fault(line, absl::StrCat("is longer than ", kMaxOptionLineBytes,
                                    " characters"));
  }
  const std::string keyword = absl::AsciiStrToUpper(line.words[0]);
  if (IsNameKeyword(keyword)) return;  // Read before.
  if (const RuleKeyword* const rule = FindRow(kRuleKeywords, keyword)) {
    return ReadRule(line, *rule);
  }
  if (IsSpanKeyword(keyword)) return ReadSpan(line, keyword);
  if (IsBorrowKeyword(keyword)) {
    return borrows_.Read(line, keyword);
  }
  if (const IgnoredKeyword* const ignored = FindRow(kIgnored, keyword)) {
    return Remark(line, RemarkKind::kIgnored,
                  absl::StrCat(keyword, ": ", ignored->why));
  }
  ReadSetting(line, keyword);
}

ImportedPolicy OptionsReader::Read(absl::string_view text) && {
  if (auto fault = CheckFileSize(text)) {
    imported_.remarks.push_back(*std::move(fault));
    return std::move(imported_);
  }
  if (!IsUtf8(text)) {
    imported_.remarks.push_back({.text = "the file is not UTF-8"});
    return std::move(imported_);
  }
  const std::vector<OptionLine> lines =
      SplitOptionLines(text, kMaxOptionLines + 1);
  if (lines.size() > kMaxOptionLines) {
    imported_.remarks.push_back({.text = "the file has too many lines"});
    return std::move(imported_);
  }
  names_.ReadGroups(lines);
  for (const OptionLine& line : lines)
    ReadLine(line);
  borrows_.AddRules(&policy_, &lines_);
  names_.RemarkUnusedGroups();
  const std::vector<ImportRemark> faults = CheckImported(policy_, lines_);
  imported_.remarks.insert(imported_.remarks.end(), faults.begin(),
                           faults.end());
  std::stable_sort(imported_.remarks.begin(), imported_.remarks.end(),
                   [](const ImportRemark& a, const ImportRemark& b) {
                     return a.line < b.line;
                   });
  const bool sound =
      std::none_of(imported_.remarks.begin(), imported_.remarks.end(),
                   [](const ImportRemark& remark) {
                     return remark.kind == RemarkKind::kFault;
                   });
  if (sound) imported_.policy = std::move(policy_);
  return std::move(imported_);
}

}  // namespace

ImportedPolicy ReadFlexnetOptions(absl::string_view text) {
  return OptionsReader().Read(text);
}

}  // namespace quorate::policy

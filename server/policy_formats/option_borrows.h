// The lines of an options file about borrowing, which make rules together.

#ifndef QUORATE_SERVER_POLICY_FORMATS_OPTION_BORROWS_H_
#define QUORATE_SERVER_POLICY_FORMATS_OPTION_BORROWS_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

#include "quorate/internal/v1/policy.pb.h"

#include "server/policy_formats/imported_policy.h"
#include "server/policy_formats/option_lines.h"
#include "server/policy_formats/option_names.h"

namespace quorate::policy {

// True of EXCLUDE_BORROW, INCLUDE_BORROW, MAX_BORROW_HOURS, BORROW_LOWWATER.
bool IsBorrowKeyword(absl::string_view keyword);

// Those of one file. As the other server does: EXCLUDE_BORROW comes before
// INCLUDE_BORROW; where a feature has one of these, nobody else borrows it; of
// several MAX_BORROW_HOURS, and here also of BORROW_LOWWATER, the last counts,
// for all who may borrow. Thread-compatible.
class OptionBorrows {
 public:
  // Not owned. What a line comes to is remarked.
  OptionBorrows(OptionNames* names, std::vector<ImportRemark>* remarks)
      : names_(names), remarks_(remarks) {}

  OptionBorrows(const OptionBorrows&) = delete;
  OptionBorrows& operator=(const OptionBorrows&) = delete;

  // `keyword` is the line's first word, in capitals.
  void Read(const OptionLine& line, absl::string_view keyword);

  // By feature, in the order in which the first that matches counts.
  void AddRules(internal::v1::Policy* policy, PolicyLines* lines) const;

 private:
  // Lines that name the same kind of thing are one rule.
  struct Whom {
    uint32_t line = 0;
    internal::v1::PolicyPart part;  // Without values: everybody.
  };

  struct Number {
    uint32_t line = 0;  // 0: no line says it.
    int64_t value = 0;
  };

  struct FeatureLines {
    std::vector<Whom> excludes;
    std::vector<Whom> includes;
    Number hours;
    Number low_water;
  };

  void Remark(const OptionLine& line, RemarkKind kind, std::string text) {
    remarks_->push_back(
        {.line = line.number, .kind = kind, .text = std::move(text)});
  }

  // True, with a remark, where the line is not about a whole feature.
  bool IsNoFeature(const OptionLine& line);
  void ReadWhom(const OptionLine& line, bool excludes);
  void ReadNumber(const OptionLine& line, bool hours);
  static void AddWhom(const OptionLine& line,
                      const internal::v1::PolicyPart& part,
                      std::vector<Whom>* list);

  OptionNames* const names_;
  std::vector<ImportRemark>* const remarks_;
  std::map<std::string, FeatureLines> of_feature_;
};

}  // namespace quorate::policy

#endif  // QUORATE_SERVER_POLICY_FORMATS_OPTION_BORROWS_H_

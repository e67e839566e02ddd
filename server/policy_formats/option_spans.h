// The lines of an options file that say how long.

#ifndef QUORATE_SERVER_POLICY_FORMATS_OPTION_SPANS_H_
#define QUORATE_SERVER_POLICY_FORMATS_OPTION_SPANS_H_

#include <optional>

#include "absl/strings/string_view.h"

#include "quorate/internal/v1/policy.pb.h"

#include "server/policy_formats/imported_policy.h"
#include "server/policy_formats/option_lines.h"

namespace quorate::policy {

// True of TIMEOUT, TIMEOUTALL and LINGER.
bool IsSpanKeyword(absl::string_view keyword);

struct SpanLine {
  std::optional<internal::v1::PolicyRule> rule;  // Nothing: it makes none.
  ImportRemark remark;
};

// `keyword` is the line's first word, in capitals.
SpanLine ReadSpanLine(const OptionLine& line, absl::string_view keyword);

}  // namespace quorate::policy

#endif  // QUORATE_SERVER_POLICY_FORMATS_OPTION_SPANS_H_

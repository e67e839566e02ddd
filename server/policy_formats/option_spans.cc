#include "server/policy_formats/option_spans.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace quorate::policy {
namespace {

constexpr absl::string_view kTimeout = "TIMEOUT";
constexpr absl::string_view kTimeoutAll = "TIMEOUTALL";

// Options files know no warning. Nobody shall lose a seat unawares, so holders
// get one of so long, or of a quarter of the time.
constexpr int64_t kWarningSeconds = 300;

std::string Show(int64_t span_ms) {
  return absl::FormatDuration(absl::Milliseconds(span_ms));
}

SpanLine Remarked(const OptionLine& line, RemarkKind kind, std::string text) {
  return {
      .rule = std::nullopt,
      .remark = {.line = line.number, .kind = kind, .text = std::move(text)}};
}

}  // namespace

bool IsSpanKeyword(absl::string_view keyword) {
  return keyword == kTimeout || keyword == kTimeoutAll;
}

SpanLine ReadSpanLine(const OptionLine& line, absl::string_view keyword) {
  const bool all = keyword == kTimeoutAll;
  const size_t words = all ? 2 : 3;
  if (line.words.size() != words) {
    return Remarked(line, RemarkKind::kFault,
                    absl::StrCat(keyword, " has ", line.words.size() - 1,
                                 " words behind it; it needs ", words - 1));
  }
  const std::string& number = line.words.back();
  const std::string feature = all ? "" : line.words[1];
  int64_t seconds = 0;
  if (number.find_first_not_of("0123456789") != std::string::npos ||
      !absl::SimpleAtoi(number, &seconds) || seconds > kMaxIdleMs / 1000) {
    return Remarked(
        line, RemarkKind::kFault,
        absl::StrCat("\"", number, "\" is no number of seconds to 30 days"));
  }
  if (!all && feature.empty()) {
    return Remarked(line, RemarkKind::kFault, "names no feature");
  }
  if (feature.find_first_of(": ") != std::string::npos) {
    return Remarked(line, RemarkKind::kIgnored,
                    "rules cannot be about a part of a feature's licences; "
                    "write it for the whole feature");
  }
  // The other server raises what is less than its vendor's least, too.
  if (seconds > 0) seconds = std::max(seconds, kMinIdleMs / 1000);
  internal::v1::PolicyRule rule;
  rule.set_name(absl::StrCat("line ", line.number, " ", keyword));
  rule.set_kind(internal::v1::POLICY_RULE_KIND_IDLE);
  rule.set_feature(feature);
  rule.set_span_ms(seconds * 1000);
  rule.set_warning_ms(std::min(kWarningSeconds, seconds / 4) * 1000);
  const std::string what =
      feature.empty() ? "idle seats of every feature that no TIMEOUT names"
                      : absl::StrCat("idle seats of ", feature);
  SpanLine read = Remarked(
      line, RemarkKind::kEffect,
      seconds == 0 ? absl::StrCat(what, " are never taken back")
                   : absl::StrCat(what, " are taken back after ",
                                  Show(rule.span_ms()), ", with a warning ",
                                  Show(rule.warning_ms()), " before"));
  read.rule = std::move(rule);
  return read;
}

}  // namespace quorate::policy

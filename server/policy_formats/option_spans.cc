#include "server/policy_formats/option_spans.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "server/policy_formats/option_names.h"

namespace quorate::policy {
namespace {

constexpr absl::string_view kTimeout = "TIMEOUT";
constexpr absl::string_view kTimeoutAll = "TIMEOUTALL";
constexpr absl::string_view kLinger = "LINGER";

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

std::string IdleEffect(const internal::v1::PolicyRule& rule) {
  const std::string what =
      rule.feature().empty()
          ? "idle seats of every feature that no TIMEOUT names"
          : absl::StrCat("idle seats of ", rule.feature());
  if (rule.span_ms() == 0) return absl::StrCat(what, " are never taken back");
  return absl::StrCat(what, " are taken back after ", Show(rule.span_ms()),
                      ", with a warning ", Show(rule.warning_ms()), " before");
}

std::string LingerEffect(const internal::v1::PolicyRule& rule) {
  if (rule.span_ms() == 0) {
    return absl::StrCat("seats of ", rule.feature(),
                        " are free at once when they are given back, unless "
                        "their licence says otherwise");
  }
  return absl::StrCat("seats of ", rule.feature(), " that are given back stay ",
                      "out for their user for ", Show(rule.span_ms()));
}

}  // namespace

bool IsSpanKeyword(absl::string_view keyword) {
  return keyword == kTimeout || keyword == kTimeoutAll || keyword == kLinger;
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
  if (auto why = WhyNoWholeFeature(feature)) {
    return Remarked(line, RemarkKind::kIgnored, *std::move(why));
  }
  internal::v1::PolicyRule rule;
  rule.set_name(absl::StrCat("line ", line.number, " ", keyword));
  rule.set_feature(feature);
  std::string effect;
  if (keyword == kLinger) {
    rule.set_kind(internal::v1::POLICY_RULE_KIND_LINGER);
    rule.set_span_ms(seconds * 1000);
    effect = LingerEffect(rule);
  } else {
    // The other server raises what is less than its vendor's least, too.
    if (seconds > 0) seconds = std::max(seconds, kMinIdleMs / 1000);
    rule.set_kind(internal::v1::POLICY_RULE_KIND_IDLE);
    rule.set_span_ms(seconds * 1000);
    rule.set_warning_ms(std::min(kWarningSeconds, seconds / 4) * 1000);
    effect = IdleEffect(rule);
  }
  SpanLine read = Remarked(line, RemarkKind::kEffect, std::move(effect));
  read.rule = std::move(rule);
  return read;
}

}  // namespace quorate::policy

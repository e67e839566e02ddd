#include "tools/quorate/duration.h"

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace quorate::cli {

std::optional<absl::Duration> ParseDuration(absl::string_view text) {
  absl::Duration duration;
  absl::string_view days = text;
  int64_t count = 0;
  if (absl::ConsumeSuffix(&days, "d") && absl::SimpleAtoi(days, &count)) {
    if (count > kMostDays) return std::nullopt;
    duration = absl::Hours(24) * count;
  } else if (!absl::ParseDuration(text, &duration)) {
    return std::nullopt;
  }
  if (duration <= absl::ZeroDuration() ||
      duration > absl::Hours(24) * kMostDays) {
    return std::nullopt;
  }
  return duration;
}

absl::StatusOr<absl::Duration> ParsePositiveDuration(absl::string_view flag,
                                                     absl::string_view text) {
  if (const auto duration = ParseDuration(text)) return *duration;
  return absl::InvalidArgumentError(
      absl::StrCat(flag, " \"", text,
                   "\" is not a duration: write 500ms, 30s, 1h30m or 7d"));
}

}  // namespace quorate::cli

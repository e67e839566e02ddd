#include "tools/vendor/dates.h"

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

#include "base/status.h"
#include "trust/document_rules.h"
#include "trust/names.h"

namespace quorate::vendor {
namespace {

constexpr int64_t kDayMs = 24 * 60 * 60 * 1000;

}  // namespace

absl::StatusOr<int64_t> FirstMsOf(absl::string_view day) {
  absl::CivilDay parsed;
  // The parser takes other spellings too; ours is the one that it writes.
  if (day.size() != 10 || !absl::ParseCivilTime(day, &parsed) ||
      absl::FormatCivilTime(parsed) != day || parsed.year() < 1970) {
    return absl::InvalidArgumentError(
        absl::StrCat(trust::Quoted(day),
                     " is not a day from 1970-01-01 on, "
                     "written YYYY-MM-DD"));
  }
  return absl::ToUnixMillis(absl::FromCivil(parsed, absl::UTCTimeZone()));
}

absl::StatusOr<int64_t> LastMsOf(absl::string_view day) {
  QUORATE_ASSIGN_OR_RETURN(const int64_t first, FirstMsOf(day));
  return first + kDayMs - 1;
}

int64_t StartOfDay(int64_t unix_ms) {
  return unix_ms - unix_ms % kDayMs;
}

std::string FormatMs(int64_t unix_ms) {
  if (unix_ms < 0 || unix_ms > trust::kMaxUnixMs) {
    return absl::StrCat(unix_ms, " ms");
  }
  return absl::FormatTime(
      unix_ms % 1000 == 0 ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%dT%H:%M:%E3SZ",
      absl::FromUnixMillis(unix_ms), absl::UTCTimeZone());
}

}  // namespace quorate::vendor

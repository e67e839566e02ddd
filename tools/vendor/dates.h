// Days as vendors write them, and moments as they read them: UTC throughout.

#ifndef QUORATE_TOOLS_VENDOR_DATES_H_
#define QUORATE_TOOLS_VENDOR_DATES_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quorate::vendor {

// YYYY-MM-DD as the first millisecond of that day. INVALID_ARGUMENT for any
// other spelling and for days that are not in the calendar.
absl::StatusOr<int64_t> FirstMsOf(absl::string_view day);

// YYYY-MM-DD as the last millisecond of that day: an end date is a day on
// which the licence still counts.
absl::StatusOr<int64_t> LastMsOf(absl::string_view day);

// The first millisecond of the day that `unix_ms` is in.
int64_t StartOfDay(int64_t unix_ms);

// RFC 3339, with milliseconds only where there are any; the bare number for
// what has no such text.
std::string FormatMs(int64_t unix_ms);

}  // namespace quorate::vendor

#endif  // QUORATE_TOOLS_VENDOR_DATES_H_

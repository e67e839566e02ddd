// Durations as people write them on a command line.

#ifndef QUORATE_TOOLS_QUORATE_DURATION_H_
#define QUORATE_TOOLS_QUORATE_DURATION_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace quorate::cli {

// The longest that is taken: a hundred years.
inline constexpr int64_t kMostDays = 36'500;

// "500ms", "30s", "1h30m" as Abseil reads them, and whole days, "7d". Nothing
// where it is no such text, not over 0, or longer than kMostDays.
std::optional<absl::Duration> ParseDuration(absl::string_view text);

// The same of a flag's value. INVALID_ARGUMENT, with examples, where it is
// nothing.
absl::StatusOr<absl::Duration> ParsePositiveDuration(absl::string_view flag,
                                                     absl::string_view text);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_DURATION_H_

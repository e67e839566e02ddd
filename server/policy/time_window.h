// Hours of a week at which a rule is in effect.

#ifndef QUORATE_SERVER_POLICY_TIME_WINDOW_H_
#define QUORATE_SERVER_POLICY_TIME_WINDOW_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace quorate::policy {

// The same hours, UTC, on some days of the week. Where it ends before it
// begins, it ends on the next day: "fri 22:00-06:00" is Friday's night.
struct TimeWindow {
  uint8_t days = 0x7f;  // Bit 0: Monday.
  int first_minute = 0;
  int end_minute = 24 * 60;  // Not included.

  // By the cluster's calendar, ms since 1970.
  bool Contains(int64_t calendar_ms) const;

  // A later moment, before or at the next one at which Contains changes.
  int64_t NextEdgeMs(int64_t calendar_ms) const;
};

// Days, hours or both: "mon-fri 08:00-18:00", "sat,sun", "22:00-06:00". Nothing
// for anything else.
std::optional<TimeWindow> ParseTimeWindow(absl::string_view text);

}  // namespace quorate::policy

#endif  // QUORATE_SERVER_POLICY_TIME_WINDOW_H_

// Sums of times that cannot overflow, whatever a stamp says.

#ifndef QUORATE_SERVER_LICENSING_TIMES_H_
#define QUORATE_SERVER_LICENSING_TIMES_H_

#include <cstdint>
#include <limits>

namespace quorate::licensing {

inline constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

// `time_ms` and `span_ms` are not negative; ends at the greatest time there
// is.
inline int64_t AddMs(int64_t time_ms, int64_t span_ms) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  return time_ms > kMax - span_ms ? kMax : time_ms + span_ms;
}

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_TIMES_H_

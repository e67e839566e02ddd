// A graph of latencies for a terminal: bars over time, in ASCII.

#ifndef QUORATE_TOOLS_QUORATE_LATENCY_GRAPH_H_
#define QUORATE_TOOLS_QUORATE_LATENCY_GRAPH_H_

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace quorate::cli {

// What one column shows.
struct LatencyBar {
  absl::Time begin;
  absl::Duration p50;
  absl::Duration p99;
};

struct LatencyAxis {
  absl::Time from;
  absl::Duration step;                        // A column. Positive.
  int columns = 0;                            // At most kMostLatencyColumns.
  absl::TimeZone zone = absl::UTCTimeZone();  // Of the times below.
};

// An hour of minutes, and the one that began. With the scale beside it, the
// graph takes 70 characters of a line.
inline constexpr int kMostLatencyColumns = 61;

// "340us", "1.23ms", "12.3s": three digits.
std::string ShowSpan(absl::Duration span);

// '#' up to what half of the calls took at most, ':' up to what 99 of 100 took;
// the scale is logarithmic, from the least to the greatest that is there. Bars
// that begin outside the axis are left out. Empty without bars. Each line ends
// with a line break.
std::string DrawLatency(const std::vector<LatencyBar>& bars,
                        const LatencyAxis& axis);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_LATENCY_GRAPH_H_

// How long one kind of thing took, minute by minute, for the last day.

#ifndef QUORATE_BASE_LATENCY_SERIES_H_
#define QUORATE_BASE_LATENCY_SERIES_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/time/time.h"

#include "base/clock.h"
#include "base/latency_histogram.h"
#include "base/mutex.h"

namespace quorate {

// A ring of minutes by the calendar of the machine, 1.2 MB. Recording takes a
// look at the clock and two atomic additions; a lock only at the beginning of a
// minute. Where the clock is set back, what is recorded then is added to what
// the minutes have. Thread-safe.
class LatencySeries {
 public:
  static constexpr int64_t kMinutes = 24 * 60;

  // `clock` is not owned.
  explicit LatencySeries(const Clock* clock);

  LatencySeries(const LatencySeries&) = delete;
  LatencySeries& operator=(const LatencySeries&) = delete;

  // `count` times. Negative spans count as zero.
  void Record(absl::Duration span, uint32_t count = 1);

  struct Step {
    absl::Time begin;
    LatencyHistogram spans;
  };

  // The steps of `minutes` minutes each from the minute of `from` on, those
  // before `until` that have anything, by time. Minutes of more than a day ago
  // are gone. `minutes` is positive.
  std::vector<Step> Steps(absl::Time from, absl::Time until,
                          int64_t minutes) const;

 private:
  struct Minute {
    std::atomic<int64_t> number = -1;  // Since 1970; -1: none.
    std::atomic<int64_t> longest_us = 0;
    std::array<std::atomic<uint32_t>, LatencyHistogram::kBuckets> counts = {};
  };

  void Begin(int64_t number, Minute* minute);

  const Clock* const clock_;
  const std::unique_ptr<Minute[]> ring_;  // By number modulo kMinutes.
  Mutex mu_;  // Held where a minute takes the place of another.
};

}  // namespace quorate

#endif  // QUORATE_BASE_LATENCY_SERIES_H_

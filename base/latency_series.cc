#include "base/latency_series.h"

#include <algorithm>

namespace quorate {
namespace {

int64_t MinuteOf(absl::Time time) {
  return absl::ToInt64Minutes(
      absl::Floor(time - absl::UnixEpoch(), absl::Minutes(1)));
}

absl::Time BeginOf(int64_t minute) {
  return absl::UnixEpoch() + absl::Minutes(minute);
}

}  // namespace

LatencySeries::LatencySeries(const Clock* clock)
    : clock_(clock), ring_(std::make_unique<Minute[]>(kMinutes)) {}

void LatencySeries::Begin(int64_t number, Minute* minute) {
  MutexLock lock(&mu_);
  if (minute->number.load(std::memory_order_relaxed) == number) return;
  // Who reads meanwhile leaves it out.
  minute->number.store(-1, std::memory_order_relaxed);
  for (auto& count : minute->counts)
    count.store(0, std::memory_order_relaxed);
  minute->longest_us.store(0, std::memory_order_relaxed);
  minute->number.store(number, std::memory_order_release);
}

void LatencySeries::Record(absl::Duration span, uint32_t count) {
  const int64_t number = std::max<int64_t>(MinuteOf(clock_->Calendar()), 0);
  Minute& minute = ring_[static_cast<size_t>(number % kMinutes)];
  if (minute.number.load(std::memory_order_acquire) != number) {
    Begin(number, &minute);
  }
  minute.counts[LatencyHistogram::BucketOf(span)].fetch_add(
      count, std::memory_order_relaxed);
  const int64_t us = absl::ToInt64Microseconds(span);
  int64_t longest = minute.longest_us.load(std::memory_order_relaxed);
  while (us > longest && !minute.longest_us.compare_exchange_weak(
                             longest, us, std::memory_order_relaxed)) {
  }
}

std::vector<LatencySeries::Step> LatencySeries::Steps(absl::Time from,
                                                      absl::Time until,
                                                      int64_t minutes) const {
  const int64_t last =
      MinuteOf(std::min(until, clock_->Calendar() + absl::Minutes(kMinutes)));
  const int64_t asked = MinuteOf(std::max(from, absl::UnixEpoch()));
  // The ring has no more.
  const int64_t skipped =
      std::max<int64_t>(MinuteOf(clock_->Calendar()) + 1 - kMinutes - asked, 0);
  std::vector<Step> steps;
  int64_t at = asked + skipped;
  for (int64_t looked = 0; looked < 2 * kMinutes && at <= last; ++looked) {
    const int64_t number = at++;
    if (BeginOf(number) >= until) break;
    const Minute& minute = ring_[static_cast<size_t>(number % kMinutes)];
    if (minute.number.load(std::memory_order_acquire) != number) continue;
    LatencyHistogram spans;
    const absl::Duration longest =
        absl::Microseconds(minute.longest_us.load(std::memory_order_relaxed));
    for (size_t i = 0; i < minute.counts.size(); ++i) {
      const uint32_t count = minute.counts[i].load(std::memory_order_relaxed);
      if (count > 0) spans.AddCount(i, count, longest);
    }
    if (spans.count() == 0) continue;
    const absl::Time begin =
        BeginOf(asked + (number - asked) / minutes * minutes);
    if (steps.empty() || steps.back().begin != begin) {
      steps.push_back({.begin = begin, .spans = {}});
    }
    steps.back().spans.Merge(spans);
  }
  return steps;
}

}  // namespace quorate

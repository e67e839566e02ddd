// Minutes are kept for a day and added up into steps without loss, whatever the
// clock does and however many threads record. By a clock that is moved by hand,
// and random spans against a twin that keeps all of them.

#include "base/latency_series.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/latency_book.h"
#include "base/random.h"

namespace quorate {
namespace {

constexpr int64_t kBeginMinute = 29'900'000;

class StandingClock : public Clock {
 public:
  absl::Duration SinceBoot() const override { return since_boot; }

  absl::Time Calendar() const override { return calendar; }

  absl::Duration since_boot = absl::Hours(1);
  absl::Time calendar = absl::UnixEpoch() + absl::Minutes(kBeginMinute);
};

absl::Time Minute(int64_t number) {
  return absl::UnixEpoch() + absl::Minutes(kBeginMinute + number);
}

TEST(LatencySeriesTest, StepsAreWhatATwinThatKeepsAllSays) {
  const uint64_t seed = SystemRandomId();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  Random random(seed);
  for (int round = 0; round < 30; ++round) {
    StandingClock clock;
    LatencySeries series(&clock);
    std::map<int64_t, std::vector<absl::Duration>> twin;  // By minute.
    int64_t minute = 0;
    for (int i = 0; i < 2'000; ++i) {
      if (random.OneIn(4)) minute += static_cast<int64_t>(random.Below(12));
      clock.calendar =
          Minute(minute) +
          absl::Milliseconds(static_cast<int64_t>(random.Below(60'000)));
      const absl::Duration span =
          absl::Microseconds(static_cast<int64_t>(random.Below(100'000)));
      series.Record(span);
      twin[minute].push_back(span);
    }
    for (int question = 0; question < 20; ++question) {
      const int64_t from = minute - static_cast<int64_t>(random.Below(1'700));
      const int64_t until = from + static_cast<int64_t>(random.Below(2'000));
      const int64_t step = static_cast<int64_t>(random.Between(1, 100));
      std::map<int64_t, std::vector<absl::Duration>> expected;
      for (const auto& [at, spans] : twin) {
        if (at < from || at >= until || at <= minute - LatencySeries::kMinutes)
          continue;
        auto& all = expected[from + (at - from) / step * step];
        all.insert(all.end(), spans.begin(), spans.end());
      }
      const auto steps = series.Steps(Minute(from), Minute(until), step);
      ASSERT_EQ(steps.size(), expected.size());
      size_t n = 0;
      for (auto& [begin, spans] : expected) {
        std::sort(spans.begin(), spans.end());
        ASSERT_EQ(steps[n].begin, Minute(begin));
        ASSERT_EQ(steps[n].spans.count(), spans.size());
        ASSERT_EQ(steps[n].spans.longest(), spans.back());
        const absl::Duration exact =
            spans[static_cast<size_t>(
                      std::ceil(0.9 * static_cast<double>(spans.size()))) -
                  1];
        ASSERT_GE(steps[n].spans.Quantile(0.9), exact);
        ASSERT_LE(steps[n].spans.Quantile(0.9),
                  exact * 1.125 + absl::Microseconds(1));
        ++n;
      }
    }
  }
}

TEST(LatencySeriesTest, AMinuteThatBeganCountsAndTheNextDayTakesItsPlace) {
  StandingClock clock;
  LatencySeries series(&clock);
  clock.calendar += absl::Seconds(59);
  series.Record(absl::Milliseconds(2), 3);
  const auto now = [&] {
    return series.Steps(clock.calendar - absl::Hours(48), clock.calendar, 1);
  };
  ASSERT_EQ(now().size(), 1U);
  EXPECT_EQ(now()[0].spans.count(), 3U);
  clock.calendar += absl::Hours(24) - absl::Minutes(1);
  EXPECT_EQ(now().size(), 1U);
  clock.calendar += absl::Minutes(1);
  EXPECT_EQ(now().size(), 0U);
  series.Record(absl::Milliseconds(2));
  ASSERT_EQ(now().size(), 1U);
  EXPECT_EQ(now()[0].spans.count(), 1U);
}

TEST(LatencySeriesTest, AWrongClockBreaksNothing) {
  StandingClock clock;
  LatencySeries series(&clock);
  for (const absl::Time time :
       {absl::UnixEpoch() - absl::Hours(5), absl::FromUnixSeconds(1LL << 40),
        Minute(0), Minute(-90)}) {
    clock.calendar = time;
    series.Record(absl::Milliseconds(1));
    series.Record(-absl::Milliseconds(1));
    series.Steps(absl::InfinitePast(), absl::InfiniteFuture(), 7);
  }
  EXPECT_EQ(series.Steps(Minute(-200), Minute(10), 1'000).at(0).spans.count(),
            4U);
}

TEST(LatencySeriesTest, ThreadsLoseNothing) {
  StandingClock clock;
  LatencySeries series(&clock);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&series, t] {
      for (int i = 0; i < 50'000; ++i)
        series.Record(absl::Microseconds(i % 100 + t));
    });
  }
  while (series.Steps(Minute(-1), Minute(1), 1).empty()) {
  }
  for (std::thread& thread : threads)
    thread.join();
  const auto steps = series.Steps(Minute(-1), Minute(1), 1);
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0].spans.count(), 200'000U);
  EXPECT_EQ(steps[0].spans.longest(), absl::Microseconds(102));
}

TEST(LatencyBookTest, PeersAreBounded) {
  StandingClock clock;
  LatencyBook book(&clock);
  for (uint64_t peer = 1; peer <= 20; ++peer) {
    clock.since_boot += absl::Seconds(1);
    book.RecordRoundTrip(peer, absl::Milliseconds(1));
    book.RecordRoundTrip(1, absl::Milliseconds(1));
  }
  const auto peers = book.RoundTrips();
  ASSERT_EQ(peers.size(), LatencyBook::kMaxPeers);
  EXPECT_EQ(peers.front().peer, 1U);
  EXPECT_EQ(peers[1].peer, 14U);
  EXPECT_EQ(
      peers.front().series->Steps(Minute(0), Minute(1), 1)[0].spans.count(),
      21U);
}

}  // namespace
}  // namespace quorate

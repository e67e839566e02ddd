// The graph shows bars on a scale with their times below, within 80 columns.
// By golden texts.

#include "tools/quorate/latency_graph.h"

#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace quorate::cli {
namespace {

const absl::Time kFrom = absl::FromCivil(
    absl::CivilSecond(2026, 11, 22, 10, 0, 0), absl::UTCTimeZone());

LatencyBar BarAt(int minute, absl::Duration p50, absl::Duration p99) {
  return {.begin = kFrom + absl::Minutes(minute), .p50 = p50, .p99 = p99};
}

TEST(LatencyGraphTest, ShowsSpansInThreeDigits) {
  EXPECT_EQ(ShowSpan(absl::ZeroDuration()), "0us");
  EXPECT_EQ(ShowSpan(absl::Microseconds(340)), "340us");
  EXPECT_EQ(ShowSpan(absl::Nanoseconds(999'400)), "999us");
  EXPECT_EQ(ShowSpan(absl::Nanoseconds(999'600)), "1.00ms");
  EXPECT_EQ(ShowSpan(absl::Microseconds(1'234)), "1.23ms");
  EXPECT_EQ(ShowSpan(absl::Microseconds(9'996)), "10.0ms");
  EXPECT_EQ(ShowSpan(absl::Microseconds(12'345)), "12.3ms");
  EXPECT_EQ(ShowSpan(absl::Milliseconds(123)), "123ms");
  EXPECT_EQ(ShowSpan(absl::Seconds(12.34)), "12.3s");
  EXPECT_EQ(ShowSpan(absl::Minutes(20)), "1200s");
}

TEST(LatencyGraphTest, DrawsBarsOnAScale) {
  const std::string graph =
      DrawLatency({BarAt(0, absl::Milliseconds(1), absl::Milliseconds(4)),
                   BarAt(2, absl::Milliseconds(2), absl::Milliseconds(16)),
                   BarAt(3, absl::Milliseconds(256), absl::Milliseconds(256)),
                   BarAt(19, absl::Milliseconds(1), absl::Milliseconds(1)),
                   // Outside.
                   BarAt(20, absl::Milliseconds(1), absl::Milliseconds(1)),
                   BarAt(-1, absl::Milliseconds(1), absl::Milliseconds(1))},
                  {.from = kFrom, .step = absl::Minutes(1), .columns = 20});
  EXPECT_EQ(graph,
            "  256ms |   #\n"
            "        |   #\n"
            "        |   #\n"
            "        |   #\n"
            " 16.0ms |  :#\n"
            "        |  :#\n"
            "        |: :#\n"
            "        |: ##\n"
            " 1.00ms |# ##               #\n"
            "        +--------------------\n"
            "         10:00          10:15\n");
}

TEST(LatencyGraphTest, HasAScaleWhereAllIsAlike) {
  const std::string graph =
      DrawLatency({BarAt(0, absl::Milliseconds(5), absl::Milliseconds(5)),
                   BarAt(1, absl::ZeroDuration(), absl::ZeroDuration())},
                  {.from = kFrom, .step = absl::Minutes(2), .columns = 2});
  EXPECT_EQ(graph.substr(0, 10), " 5.00ms |#");
  EXPECT_EQ(DrawLatency({}, {.from = kFrom, .step = absl::Minutes(1)}), "");
  EXPECT_NE(
      DrawLatency({BarAt(0, absl::Milliseconds(5), absl::Milliseconds(5))},
                  {.from = kFrom, .step = absl::Minutes(1), .columns = 1}),
      "");
}

TEST(LatencyGraphTest, FitsATerminal) {
  std::vector<LatencyBar> bars;
  for (int i = 0; i < kMostLatencyColumns; ++i) {
    bars.push_back(BarAt(i, absl::Microseconds(900 + i), absl::Seconds(100)));
  }
  const std::string graph = DrawLatency(bars, {.from = kFrom,
                                               .step = absl::Minutes(1),
                                               .columns = kMostLatencyColumns});
  for (const absl::string_view line : absl::StrSplit(graph, '\n')) {
    EXPECT_LE(line.size(), 79U) << line;
  }
}

}  // namespace
}  // namespace quorate::cli

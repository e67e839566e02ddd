// Keys sort by feature and time, and parse back to what they were made of; sums
// of loads are those of the time that units were out. Each is checked by hand.

#include "gtest/gtest.h"

#include "server/history/history_key.h"
#include "server/history/history_sums.h"

namespace quorate::history {
namespace {

using internal::v1::LoadRecord;

constexpr int64_t kHour = 1'800'000'000'000 - 1'800'000'000'000 % kHourMs;

TEST(HistoryKeyTest, ParsesBack) {
  const Subject subject = {.user = "ann", .host = "ws-1", .project = ""};
  const std::string key =
      MakeHistoryKey(HistoryKind::kHourDenials, "cad", kHour,
                     DenialRest(type::v1::ERROR_REASON_POLICY_DENIED, subject));
  const auto parsed = ParseHistoryKey(key);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->kind, HistoryKind::kHourDenials);
  EXPECT_EQ(parsed->feature, "cad");
  EXPECT_EQ(parsed->time_ms, kHour);
  const auto rest = ParseDenialRest(parsed->rest);
  ASSERT_TRUE(rest.has_value());
  EXPECT_EQ(rest->reason, type::v1::ERROR_REASON_POLICY_DENIED);
  EXPECT_EQ(rest->subject.user, subject.user);
  EXPECT_EQ(rest->subject.host, subject.host);
  EXPECT_EQ(rest->subject.project, subject.project);
  EXPECT_FALSE(ParseUsageRest(std::string("a\0b\0c\0d", 7)).has_value());
}

TEST(HistoryKeyTest, WhatIsNoKeyIsRefused) {
  for (const std::string key :
       {"", "h", "hu", "hucad", "hs", "4123", "hucad\0short", "hxcad\0"}) {
    EXPECT_FALSE(ParseHistoryKey(key).has_value()) << key;
  }
  EXPECT_FALSE(ParseUsageRest("ann").has_value());
  EXPECT_FALSE(ParseDenialRest("x").has_value());
  // A time beyond all times.
  EXPECT_FALSE(
      ParseHistoryKey(std::string("hucad\0", 6) + std::string(8, '\xff'))
          .has_value());
}

TEST(HistoryKeyTest, AFeaturesTimesLieTogether) {
  const auto key = [](const std::string& feature, int64_t time_ms) {
    return MakeHistoryKey(HistoryKind::kUse, feature, time_ms, "x");
  };
  EXPECT_LT(key("cad", 1), key("cad", 2));
  EXPECT_LT(key("cad", kHour), EndOfFeature(HistoryKind::kUse, "cad"));
  EXPECT_LT(EndOfFeature(HistoryKind::kUse, "cad"), key("cad-2", 0));
}

TEST(HistorySumsTest, ALoadAddsUpWhatWasOut) {
  LoadRecord load;
  // Two were out; after ten minutes five, after twenty one.
  ChangeLoad({.before = 2, .out = 5, .total = 9}, kHour, kHour + 600'000,
             &load);
  ChangeLoad({.before = 5, .out = 1, .total = 9}, kHour, kHour + 1'200'000,
             &load);
  EXPECT_EQ(load.opening(), 2U);
  EXPECT_EQ(load.unit_ms(), 600'000U * 2 + 600'000U * 5);
  EXPECT_EQ(UnitMsUntil(load, kHour + kHourMs),
            load.unit_ms() + 2'400'000U * 1);
  EXPECT_EQ(load.peak(), 5U);
  EXPECT_EQ(load.peak_ms(), kHour + 600'000);
}

TEST(HistorySumsTest, WhatWasOutBeforeIsAPeakToo) {
  LoadRecord load;
  ChangeLoad({.before = 7, .out = 0, .total = 9}, kHour, kHour + 5, &load);
  EXPECT_EQ(load.peak(), 7U);
  EXPECT_EQ(load.peak_ms(), kHour);
}

TEST(HistorySumsTest, ADayKnowsTheHoursWithoutAChange) {
  const int64_t day = FloorDay(kHour);
  LoadRecord first;
  ChangeLoad({.before = 1, .out = 3, .total = 9}, day + kHourMs, day + kHourMs,
             &first);
  LoadRecord last;
  ChangeLoad({.before = 3, .out = 0, .total = 9}, day + 5 * kHourMs,
             day + 5 * kHourMs + 1'000, &last);
  LoadRecord sum;
  AddLoad(first, day, day + kHourMs, &sum);
  AddLoad(last, day, day + 5 * kHourMs, &sum);
  EXPECT_EQ(UnitMsUntil(sum, day + kDayMs),
            uint64_t{kHourMs} * 1 + uint64_t{4 * kHourMs + 1'000} * 3);
  EXPECT_EQ(sum.opening(), 1U);
  EXPECT_EQ(sum.peak(), 3U);
}

}  // namespace
}  // namespace quorate::history

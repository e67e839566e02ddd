// Addresses, versions and times are read as people write them, and nothing else
// is taken for one. Tables of texts, with what is inside and what is not.

#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "server/policy/ip_address.h"
#include "server/policy/time_window.h"
#include "server/policy/version_range.h"

namespace quorate::policy {
namespace {

TEST(IpRangeTest, ContainsItsEndsAndNothingBeyond) {
  const struct {
    const char* range;
    const char* address;
    bool inside;
  } kCases[] = {
      {"10.232.0.0/16", "10.232.0.0", true},
      {"10.232.0.0/16", "10.232.255.255", true},
      {"10.232.0.0/16", "10.233.0.0", false},
      {"10.232.7.9/16", "10.232.0.1", true},
      {"0.0.0.0/0", "255.255.255.255", true},
      {"0.0.0.0/0", "::1", false},
      {"192.168.0.1-192.168.0.255", "192.168.0.1", true},
      {"192.168.0.1-192.168.0.255", "192.168.0.255", true},
      {"192.168.0.1-192.168.0.255", "192.168.0.0", false},
      {"10.0.0.7", "10.0.0.7", true},
      {"10.0.0.7", "::ffff:10.0.0.7", true},
      {"fd00::/10", "fd3f::1", true},
      {"fd00::/10", "fd40::1", false},
      {"fd00::1-fd00::9", "fd00::5", true},
      {"::/0", "fd00::1", true},
      {"::/0", "10.0.0.1", false},
      {"::/0", "::ffff:10.0.0.1", false},
      {"::ffff:10.0.0.0/95", "10.0.0.1", false},
      {"::ffff:0.0.0.0/96", "10.0.0.1", true},
      {"::ffff:10.0.0.0/104", "10.9.0.1", true},
      {"::ffff:10.0.0.0/104", "11.0.0.1", false},
      {"::1-fe80::", "10.0.0.1", false},
      {"::1-fe80::", "fd00::1", true},
      {"fd00::7/128", "fd00::7", true},
      {"fd00::7/128", "fd00::8", false},
  };

  for (const auto& each : kCases) {
    const auto range = ParseIpRange(each.range);
    const auto address = ParseIpAddress(each.address);
    ASSERT_TRUE(range.has_value()) << each.range;
    ASSERT_TRUE(address.has_value()) << each.address;
    EXPECT_EQ(range->Contains(*address), each.inside)
        << each.range << " " << each.address;
  }
}

TEST(IpRangeTest, TakesNothingElse) {
  for (const std::string text :
       {"", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/ 8",
        "10.0.0.0/008x", "fd00::/129", "10.0.0.9-10.0.0.1", "10.0.0.1-fd00::1",
        "::ffff:10.0.0.1-fd00::", "10.0.0.1-", "-10.0.0.1", "10.0.0.*",
        "10.0.0.1,10.0.0.2", "pc1", " 10.0.0.1", "256.0.0.1"}) {
    EXPECT_FALSE(ParseIpRange(text).has_value()) << text;
  }
  EXPECT_FALSE(ParseIpAddress(std::string("10.0.0.1\0x", 10)).has_value());
}

TEST(IpAddressTest, IsOfFourBytesOrSixteen) {
  const std::string four("\x0a\x00\x00\x07", 4);
  EXPECT_EQ(ToString(*IpAddressOfBytes(four)), "10.0.0.7");
  EXPECT_EQ(ToString(*ParseIpAddress("fd00::7")), "fd00::7");
  EXPECT_FALSE(IpAddressOfBytes("").has_value());
  EXPECT_FALSE(IpAddressOfBytes("12345").has_value());
}

TEST(VersionTest, ComparesNumbersAsNumbers) {
  const std::vector<std::string> ascending = {
      "",     "1",      "1.2",  "1.2.3", "1.2a",  "1.10", "1.10a",
      "2",    "2.0.1",  "2.0a", "2.0b",  "9",     "9b",   "10",
      "10-1", "2024.1", "R19x", "R24",   "R24SP1"};
  for (size_t i = 0; i < ascending.size(); ++i) {
    for (size_t j = 0; j < ascending.size(); ++j) {
      const int order = CompareVersions(ascending[i], ascending[j]);
      EXPECT_EQ(order < 0, i < j) << ascending[i] << " " << ascending[j];
      EXPECT_EQ(order == 0, i == j) << ascending[i] << " " << ascending[j];
    }
  }
  EXPECT_EQ(CompareVersions("1.007", "1.7"), 0);
  EXPECT_EQ(CompareVersions("2", "2.0"), 0);
  EXPECT_EQ(CompareVersions("2.0-0", "2"), 0);
  EXPECT_EQ(CompareVersions("2.1-3", "2.1.3"), 0);
}

TEST(VersionTest, RangesIncludeTheirEnds) {
  EXPECT_TRUE(ParseVersionRange("2.0..2.9")->Contains("2.0"));
  EXPECT_TRUE(ParseVersionRange("2.0..2.9")->Contains("2.9"));
  EXPECT_FALSE(ParseVersionRange("2.0..2.9")->Contains("2.10"));
  EXPECT_FALSE(ParseVersionRange("2.0..2.9")->Contains("1.9"));
  EXPECT_TRUE(ParseVersionRange("2.0..")->Contains("99"));
  EXPECT_TRUE(ParseVersionRange("..2.0")->Contains("0.1"));
  EXPECT_TRUE(ParseVersionRange("2.0")->Contains("2.0"));
  EXPECT_TRUE(ParseVersionRange("2")->Contains("2.0"));
  EXPECT_TRUE(ParseVersionRange("2.0..")->Contains("2"));
  EXPECT_TRUE(ParseVersionRange("..2")->Contains("2.0.0"));
  EXPECT_FALSE(ParseVersionRange("2.0")->Contains("2.0.1"));
  for (const char* const text : {"", "..", "3..2", "1...2"}) {
    EXPECT_FALSE(ParseVersionRange(text).has_value()) << text;
  }
}

TEST(TimeWindowTest, ContainsItsMinutesOfItsDays) {
  constexpr int64_t kMinute = 60'000;
  constexpr int64_t kHour = 60 * kMinute;
  constexpr int64_t kDay = 24 * kHour;
  // 2026-06-01 00:00 UTC, a Monday.
  constexpr int64_t kMonday = 1'780'272'000'000;

  const struct {
    const char* window;
    int64_t at;
    bool inside;
  } kCases[] = {
      {"mon-fri 08:00-18:00", kMonday + 8 * kHour, true},
      {"mon-fri 08:00-18:00", kMonday + 8 * kHour - 1, false},
      {"mon-fri 08:00-18:00", kMonday + 18 * kHour - 1, true},
      {"mon-fri 08:00-18:00", kMonday + 18 * kHour, false},
      {"mon-fri 08:00-18:00", kMonday + 5 * kDay + 9 * kHour, false},
      {"sat,sun", kMonday + 5 * kDay, true},
      {"sat,sun", kMonday + 7 * kDay - 1, true},
      {"sat,sun", kMonday + 7 * kDay, false},
      {"SAT-mon", kMonday, true},
      {"sat-mon", kMonday + kDay, false},
      {"fri 22:00-06:00", kMonday + 4 * kDay + 23 * kHour, true},
      {"fri 22:00-06:00", kMonday + 5 * kDay + 5 * kHour, true},
      {"fri 22:00-06:00", kMonday + 4 * kDay + 5 * kHour, false},
      {"sun 22:00-06:00", kMonday + 5 * kHour, true},
      {"00:00-24:00", kMonday, true},
      {"07:30-07:31", kMonday + 7 * kHour + 30 * kMinute, true},
      {"07:30-07:31", kMonday + 7 * kHour + 31 * kMinute, false},
      {"thu", 0, true},  // The first of 1970.
      {"thu", -5, true},
  };

  for (const auto& each : kCases) {
    const auto window = ParseTimeWindow(each.window);
    ASSERT_TRUE(window.has_value()) << each.window;
    EXPECT_EQ(window->Contains(each.at), each.inside)
        << each.window << " " << each.at;
  }
}

// Between two edges nothing changes, and edges are not far apart.
TEST(TimeWindowTest, ChangesAtItsEdgesOnly) {
  constexpr int64_t kMinuteMs = 60'000;
  constexpr int64_t kWeekMs = int64_t{7} * 24 * 60 * kMinuteMs;
  for (const char* text : {"mon-fri 08:00-18:00", "22:00-06:00", "sat,sun",
                           "fri 22:00-06:00", "00:00-24:00"}) {
    SCOPED_TRACE(text);
    const auto window = ParseTimeWindow(text);
    ASSERT_TRUE(window.has_value());
    int64_t edge_ms = 0;
    for (int64_t at_ms = 0; at_ms < kWeekMs; at_ms += kMinuteMs) {
      if (at_ms == edge_ms) {
        edge_ms = window->NextEdgeMs(at_ms);
        ASSERT_GT(edge_ms, at_ms);
        continue;
      }
      ASSERT_EQ(window->Contains(at_ms), window->Contains(at_ms - 1)) << at_ms;
      ASSERT_EQ(window->NextEdgeMs(at_ms + 1), edge_ms);
    }
  }
}

TEST(TimeWindowTest, TakesNothingElse) {
  for (const char* const text :
       {"", "  ", "monday", "mon-", "mon,", "08:00", "8:00-9:00", "08:00-08:00",
        "24:00-06:00", "08:00-24:01", "08:60-09:00", "mon 08:00-18:00 utc",
        "08:00-18:00 mon", "08:00-+9:00", "-1:00-08:00", "mon 08:00"}) {
    EXPECT_FALSE(ParseTimeWindow(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace quorate::policy

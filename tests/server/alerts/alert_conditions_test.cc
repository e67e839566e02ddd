// Each thing that people are to be told of is told once for as long as it is
// so. Decisions are made about chosen states, one after another, with the marks
// that the log would keep.

#include "server/alerts/alert_conditions.h"

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/support/seed.h"

namespace quorate::alerts {
namespace {

using internal::v1::AlertFacts;
using internal::v1::RaiseAlerts;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kStart = 1'767'225'600'000;
constexpr int64_t kMinute = 60'000;

class AlertConditionsTest : public testing::Test {
 protected:
  AlertConditionsTest() {
    seen_.calendar_ms = kStart;
    seen_.cluster_ms = 1'000'000;
    settings_ = licensing::AlertBook().settings().settings();
  }

  void Pass(int64_t ms) {
    seen_.calendar_ms += ms;
    seen_.cluster_ms += ms;
  }

  // Decides, keeps the marks as the book does, and says what was raised:
  // "KEY#stage".
  std::vector<std::string> Decide() {
    const RaiseAlerts due = DecideAlerts(seen_, settings_, marks_, &timers_);
    for (const std::string& key : due.ended_keys())
      EXPECT_EQ(marks_.erase(key), 1U) << key;
    std::vector<std::string> raised;
    for (const AlertFacts& facts : due.alerts()) {
      raised.push_back(absl::StrCat(facts.key(), "#", facts.stage()));
      if (facts.ends_key().empty()) {
        marks_[facts.key()] = facts.stage();
      } else {
        EXPECT_EQ(marks_.erase(facts.ends_key()), 1U);
      }
      last_ = facts;
    }
    return raised;
  }

  Observation seen_;
  internal::v1::AlertSettings settings_;
  licensing::AlertBook::Marks marks_;
  AlertTimers timers_;
  AlertFacts last_;
};

TEST_F(AlertConditionsTest, ALicenceIsToldFourTimes) {
  const int64_t end = kStart + 40 * kAlertDayMs;
  seen_.ends = {{.license_id = "L", .end_ms = end}};
  const std::string key = absl::StrCat("license_expires/L/", end);
  EXPECT_THAT(Decide(), IsEmpty());
  std::vector<std::string> all;
  std::vector<int64_t> days;
  for (int hour = 0; hour < 80 * 24; ++hour) {
    Pass(60 * kMinute);
    for (const std::string& raised : Decide()) {
      all.push_back(raised);
      days.push_back((end - seen_.calendar_ms) / kAlertDayMs);
    }
  }
  EXPECT_THAT(all, ElementsAre(key + "#1", key + "#2", key + "#3", key + "#4"));
  EXPECT_THAT(days, ElementsAre(30, 7, 1, 0));
  EXPECT_TRUE(marks_.empty());
}

TEST_F(AlertConditionsTest, WhatIsLateIsToldOnceAsWhatItIsNow) {
  const int64_t end = kStart + 3 * kAlertDayMs;
  seen_.ends = {{.license_id = "L", .end_ms = end}};
  EXPECT_THAT(Decide(),
              ElementsAre(absl::StrCat("license_expires/L/", end, "#2")));
  EXPECT_THAT(Decide(), IsEmpty());
  // Renewed: the old end is none any more, and the new one far away.
  seen_.ends.front().end_ms += 365 * kAlertDayMs;
  EXPECT_THAT(Decide(), IsEmpty());
  EXPECT_TRUE(marks_.empty());
}

TEST_F(AlertConditionsTest, WhatEndedLongAgoIsNoNews) {
  seen_.ends = {{.license_id = "L", .end_ms = kStart - kEndedMemoryMs},
                {.license_id = "M", .end_ms = kStart - kEndedMemoryMs + 1}};
  EXPECT_EQ(Decide().size(), 1U);
  EXPECT_EQ(last_.name(), "M");
  EXPECT_EQ(last_.stage(), 4U);
}

TEST_F(AlertConditionsTest, APoolIsToldOnceForEachEpisode) {
  seen_.pools = {{.pool = "cad", .total = 20, .out = 18}};
  EXPECT_THAT(Decide(), IsEmpty());
  Pass(10 * kMinute - 1);
  EXPECT_THAT(Decide(), IsEmpty());
  Pass(1);
  EXPECT_THAT(Decide(), ElementsAre("pool_usage/cad#1"));
  EXPECT_EQ(last_.amount(), 18);
  EXPECT_EQ(last_.total(), 20);
  EXPECT_EQ(last_.time_ms(), kStart);
  // Five points below is not below.
  seen_.pools[0].out = 17;
  Pass(60 * kMinute);
  EXPECT_THAT(Decide(), IsEmpty());
  EXPECT_EQ(marks_.size(), 1U);
  seen_.pools[0].out = 16;
  EXPECT_THAT(Decide(), IsEmpty());
  Pass(9 * kMinute);
  EXPECT_THAT(Decide(), IsEmpty());
  EXPECT_EQ(marks_.size(), 1U);
  Pass(kMinute);
  EXPECT_THAT(Decide(), IsEmpty());
  EXPECT_TRUE(marks_.empty());
  seen_.pools[0].out = 20;
  EXPECT_THAT(Decide(), IsEmpty());
  Pass(10 * kMinute);
  EXPECT_THAT(Decide(), ElementsAre("pool_usage/cad#1"));
}

TEST_F(AlertConditionsTest, AShortPeakIsNoEpisode) {
  seen_.pools = {{.pool = "cad", .total = 20, .out = 20}};
  for (int i = 0; i < 10; ++i) {
    seen_.pools[0].out = i % 2 == 0 ? 20 : 17;
    EXPECT_THAT(Decide(), IsEmpty());
    Pass(6 * kMinute);
  }
}

TEST_F(AlertConditionsTest, APoolThatIsGoneEndsItsEpisode) {
  settings_.set_usage_held_ms(0);
  seen_.pools = {{.pool = "cad", .total = 1, .out = 1}};
  EXPECT_EQ(Decide().size(), 1U);
  seen_.pools.clear();
  EXPECT_THAT(Decide(), IsEmpty());
  EXPECT_TRUE(marks_.empty());
}

TEST_F(AlertConditionsTest, NumbersOfUnitsDoNotOverflow) {
  settings_.set_usage_held_ms(0);
  seen_.pools = {
      {.pool = "a", .total = uint64_t{1} << 62, .out = uint64_t{1} << 61},
      {.pool = "b", .total = uint64_t{1} << 62, .out = uint64_t{1} << 62},
      {.pool = "none", .total = 0, .out = 5}};
  EXPECT_THAT(Decide(), ElementsAre("pool_usage/b#1"));
}

TEST_F(AlertConditionsTest, LongNamesOfPoolsStayApart) {
  settings_.set_usage_held_ms(0);
  const std::string name(2'000, 'p');
  seen_.pools = {{.pool = name + "1", .total = 1, .out = 1},
                 {.pool = name + "2", .total = 1, .out = 1}};
  EXPECT_EQ(Decide().size(), 2U);
  EXPECT_EQ(marks_.size(), 2U);
  for (const auto& [key, stage] : marks_)
    EXPECT_LE(key.size(), licensing::kMaxAlertKeyBytes);
}

TEST_F(AlertConditionsTest, DenialsAreToldUntilTheyAreFewer) {
  seen_.denials_known = true;
  seen_.denials = {{.feature = "cad", .count = 50}};
  EXPECT_THAT(Decide(), IsEmpty());
  seen_.denials[0].count = 51;
  EXPECT_THAT(Decide(), ElementsAre("denials/cad#1"));
  EXPECT_THAT(Decide(), IsEmpty());
  // Not looked for this time: they are as they were.
  seen_.denials_known = false;
  seen_.denials.clear();
  EXPECT_THAT(Decide(), IsEmpty());
  EXPECT_EQ(marks_.size(), 1U);
  seen_.denials_known = true;
  EXPECT_THAT(Decide(), IsEmpty());
  EXPECT_TRUE(marks_.empty());
}

TEST_F(AlertConditionsTest, AMemberIsDownAfterSomeTimeAndBackAfterSome) {
  seen_.members = {{.member = "m1"}, {.member = "m2", .reachable = false}};
  EXPECT_THAT(Decide(), IsEmpty());
  Pass(kMinute);
  EXPECT_THAT(Decide(), ElementsAre("member_down/m2#1"));
  EXPECT_EQ(last_.time_ms(), kStart);
  Pass(kMinute);
  EXPECT_THAT(Decide(), IsEmpty());
  seen_.members[1].reachable = true;
  EXPECT_THAT(Decide(), IsEmpty());
  Pass(kMemberBackMs - 1);
  EXPECT_THAT(Decide(), IsEmpty());
  EXPECT_EQ(marks_.size(), 1U);
  Pass(1);
  EXPECT_THAT(Decide(), ElementsAre("member_back/m2#1"));
  EXPECT_TRUE(marks_.empty());
  EXPECT_THAT(Decide(), IsEmpty());
}

TEST_F(AlertConditionsTest, AMemberThatComesAndGoesIsNotBack) {
  seen_.members = {{.member = "m2", .reachable = false}};
  Decide();
  Pass(kMinute);
  EXPECT_EQ(Decide().size(), 1U);
  for (int i = 0; i < 20; ++i) {
    seen_.members[0].reachable = i % 2 == 0;
    Pass(kMemberBackMs - 1);
    EXPECT_THAT(Decide(), IsEmpty());
  }
}

TEST_F(AlertConditionsTest, AMemberThatWasRemovedIsForgotten) {
  marks_["member_down/m9"] = 1;
  EXPECT_THAT(Decide(), IsEmpty());
  EXPECT_TRUE(marks_.empty());
}

TEST_F(AlertConditionsTest, WithoutReturnsAMarkEndsAllTheSame) {
  settings_.add_off(internal::v1::ALERT_KIND_MEMBER_BACK);
  marks_["member_down/m2"] = 1;
  seen_.members = {{.member = "m2"}};
  Decide();
  Pass(kMemberBackMs);
  EXPECT_THAT(Decide(), IsEmpty());
  EXPECT_TRUE(marks_.empty());
}

TEST_F(AlertConditionsTest, WhatIsOffIsNotTold) {
  for (const auto kind :
       {internal::v1::ALERT_KIND_LICENSE_EXPIRES,
        internal::v1::ALERT_KIND_POOL_USAGE, internal::v1::ALERT_KIND_DENIALS,
        internal::v1::ALERT_KIND_MEMBER_DOWN, internal::v1::ALERT_KIND_CLOCK}) {
    settings_.add_off(kind);
  }
  settings_.set_usage_held_ms(0);
  seen_.ends = {{.license_id = "L", .end_ms = kStart + 1}};
  seen_.pools = {{.pool = "cad", .total = 1, .out = 1}};
  seen_.denials_known = true;
  seen_.denials = {{.feature = "cad", .count = 1'000}};
  seen_.members = {{.member = "m2", .reachable = false}};
  seen_.clocks = {{.alarm = "CLOCK_SKEW", .member = "m2"}};
  Decide();
  Pass(kAlertDayMs);
  EXPECT_THAT(Decide(), IsEmpty());
}

TEST_F(AlertConditionsTest, AClockIsToldWhereItStaysWrong) {
  seen_.clocks = {{.alarm = "CLOCK_SKEW", .member = "m2", .ahead_ms = -75'000}};
  EXPECT_THAT(Decide(), IsEmpty());
  Pass(kClockHeldMs);
  EXPECT_THAT(Decide(), ElementsAre("clock/CLOCK_SKEW/m2#1"));
  seen_.clocks.clear();
  Decide();
  EXPECT_TRUE(marks_.empty());
}

TEST_F(AlertConditionsTest, ManyThingsComeACommandAtATime) {
  for (int i = 0; i < 250; ++i) {
    seen_.ends.push_back(
        {.license_id = absl::StrCat("L", i), .end_ms = kStart + 1});
  }
  EXPECT_EQ(Decide().size(), 100U);
  EXPECT_EQ(Decide().size(), 100U);
  EXPECT_EQ(Decide().size(), 50U);
  EXPECT_THAT(Decide(), IsEmpty());
}

// Whoever asks for names that nobody sells must not keep others from being
// told of what counts.
TEST_F(AlertConditionsTest, DenialsOfMadeUpNamesLeaveRoom) {
  seen_.denials_known = true;
  for (int i = 0; i < 10'000; ++i) {
    seen_.denials.push_back({.feature = absl::StrCat("f", i), .count = 51});
  }
  size_t told = 0;
  for (int round = 0; round < 60; ++round)
    told += Decide().size();
  EXPECT_EQ(told, kMaxDeniedFeatures);
  EXPECT_EQ(marks_.size(), kMaxDeniedFeatures);
  seen_.members = {{.member = "m2", .reachable = false}};
  seen_.ends = {{.license_id = "L", .end_ms = kStart}};
  Decide();
  Pass(settings_.member_down_ms());
  EXPECT_THAT(Decide(), ElementsAre("member_down/m2#1"));
  EXPECT_EQ(marks_.size(), kMaxDeniedFeatures + 2);
  // Some are over: others are told of.
  seen_.denials.erase(seen_.denials.begin(), seen_.denials.begin() + 30);
  EXPECT_THAT(Decide(), IsEmpty());
  EXPECT_EQ(Decide().size(), 30U);
  EXPECT_EQ(marks_.size(), kMaxDeniedFeatures + 2);
}

TEST_F(AlertConditionsTest, MembersAndClocksHaveRoomOfTheirOwn) {
  for (size_t i = 0; i < licensing::kMaxAlertMarks; ++i) {
    seen_.ends.push_back(
        {.license_id = absl::StrCat("L", i), .end_ms = kStart});
  }
  for (int round = 0; round < 60; ++round)
    Decide();
  EXPECT_EQ(marks_.size(), licensing::kMaxAlertMarks - kReservedMarks);
  seen_.members = {{.member = "m2", .reachable = false}};
  seen_.clocks = {{.alarm = "CLOCK_SKEW", .member = "m2", .ahead_ms = 75'000}};
  EXPECT_THAT(Decide(), IsEmpty());
  Pass(settings_.member_down_ms());
  EXPECT_THAT(Decide(),
              ElementsAre("member_down/m2#1", "clock/CLOCK_SKEW/m2#1"));
}

TEST_F(AlertConditionsTest, NothingIsRaisedThatTheBookDoesNotTake) {
  seen_.members = {{.member = "m2", .reachable = false}};
  for (int i = 0; i < 10; ++i) {
    seen_.ends.push_back(
        {.license_id = absl::StrCat("L", i), .end_ms = kStart + 1});
  }
  seen_.room = 0;
  EXPECT_THAT(Decide(), IsEmpty());
  Pass(settings_.member_down_ms());
  EXPECT_THAT(Decide(), IsEmpty());
  seen_.room = 3;
  const std::vector<std::string> raised = Decide();
  ASSERT_EQ(raised.size(), 3U);
  EXPECT_EQ(raised[0], "member_down/m2#1");
  seen_.room = 100;
  EXPECT_EQ(Decide().size(), 8U);
}

internal::v1::FeatureTerms FeatureOf(const std::string& name, int64_t end_ms) {
  internal::v1::FeatureTerms feature;
  feature.set_name(name);
  feature.set_end_ms(end_ms);
  return feature;
}

TEST(LicenseEndsTest, FeaturesThatEndSoonerAreApart) {
  internal::v1::LicenseTerms terms;
  terms.set_license_id("L");
  terms.set_not_after_ms(900);
  *terms.add_features() = FeatureOf("a", 0);
  *terms.add_features() = FeatureOf("b", 500);
  *terms.add_features() = FeatureOf("c", 500);
  *terms.add_features() = FeatureOf("d", 1'000);
  std::vector<LicenseEnd> ends;
  AppendEnds(terms, &ends);
  ASSERT_EQ(ends.size(), 2U);
  EXPECT_EQ(ends[0].end_ms, 900);
  EXPECT_THAT(ends[0].features, IsEmpty());
  EXPECT_EQ(ends[1].end_ms, 500);
  EXPECT_THAT(ends[1].features, ElementsAre("b", "c"));
  EXPECT_EQ(ends[1].feature_count, 2U);
}

TEST(LicenseEndsTest, AllFeaturesAtOnceAreTheLicence) {
  internal::v1::LicenseTerms terms;
  terms.set_license_id("L");
  *terms.add_features() = FeatureOf("a", 500);
  *terms.add_features() = FeatureOf("b", 500);
  std::vector<LicenseEnd> ends;
  AppendEnds(terms, &ends);
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_EQ(ends[0].feature_count, 0U);
  terms.mutable_features(1)->set_end_ms(0);
  ends.clear();
  AppendEnds(terms, &ends);
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_THAT(ends[0].features, ElementsAre("a"));
}

// One pool and one member, written down the long way: how long the level has
// been crossed is counted in steps.
struct Twin {
  bool usage_open = false;
  int high_steps = 0;
  int low_steps = 0;
  bool down_open = false;
  int down_steps = 0;
  int up_steps = 0;

  std::vector<std::string> Step(uint64_t out, bool reachable) {
    std::vector<std::string> raised;
    down_steps = !down_open && !reachable ? down_steps + 1 : 0;
    up_steps = down_open && reachable ? up_steps + 1 : 0;
    if (down_steps > 1) {
      raised.push_back("member_down/m2#1");
      down_open = true;
    }
    if (up_steps > 1) {
      raised.push_back("member_back/m2#1");
      down_open = false;
    }
    high_steps = !usage_open && out >= 18 ? high_steps + 1 : 0;
    low_steps = usage_open && out < 17 ? low_steps + 1 : 0;
    // A step is a minute, and the first is the beginning.
    if (high_steps > 10) {
      raised.push_back("pool_usage/cad#1");
      usage_open = true;
      high_steps = 0;
    }
    if (low_steps > 10) usage_open = false;
    return raised;
  }
};

TEST_F(AlertConditionsTest, RandomHistoriesAgreeWithTheTwin) {
  for (const uint64_t seed : TestSeeds(1, 50)) {
    SCOPED_TRACE(
        ReplayLine(seed, "alerts_alert_conditions_test",
                   "AlertConditionsTest.RandomHistoriesAgreeWithTheTwin"));
    std::mt19937_64 random(seed);
    marks_.clear();
    timers_.Clear();
    Twin twin;
    uint64_t out = 0;
    bool reachable = true;
    for (int step = 0; step < 400; ++step) {
      if (random() % 8 == 0) out = 14 + random() % 7;
      if (random() % 4 == 0) reachable = random() % 2 == 0;
      seen_.pools = {{.pool = "cad", .total = 20, .out = out}};
      seen_.members = {{.member = "m2", .reachable = reachable}};
      EXPECT_EQ(Decide(), twin.Step(out, reachable)) << "step " << step;
      Pass(kMinute);
    }
  }
}

}  // namespace
}  // namespace quorate::alerts

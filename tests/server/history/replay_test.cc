// Playing usage again grants, denies and lets wait as a person would by hand;
// with as many units as were out at most nobody is denied, and each unit more
// denies no more. Small days are played by hand, then random ones.

#include "server/history/replay.h"

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "base/check.h"
#include "base/random.h"
#include "replication/storage/memory_state_store.h"
#include "server/history/history.h"
#include "tests/support/seed.h"

namespace quorate::history {
namespace {

using policy::CompiledPolicy;

constexpr int64_t kMinute = 60'000;

Demand Asks(int64_t at_minute, int64_t minutes, uint64_t count,
            const std::string& user = "ann") {
  return {.at_ms = at_minute * kMinute,
          .held_ms = minutes * kMinute,
          .count = count,
          .subject = {.user = user}};
}

ReplayOutcome Play(const std::vector<Demand>& demands, uint64_t units,
                   bool wait, const CompiledPolicy* policy = nullptr) {
  const auto empty = CompiledPolicy::Empty();
  return Replay("cad", {.demands = demands},
                {.units = units,
                 .policy = policy != nullptr ? policy : empty.get(),
                 .wait = wait});
}

TEST(ReplayTest, DeniesWhatDoesNotFit) {
  // One holds two of three until minute 10.
  const std::vector<Demand> day = {Asks(0, 10, 2), Asks(5, 10, 2),
                                   Asks(6, 10, 1), Asks(10, 5, 2)};
  const ReplayOutcome outcome = Play(day, 3, /*wait=*/false);
  EXPECT_EQ(outcome.requests, 4U);
  EXPECT_EQ(outcome.denied, 1U);
  EXPECT_EQ(outcome.peak, 3U);
  EXPECT_EQ(outcome.peak_ms, 6 * kMinute);
  EXPECT_EQ(Play(day, 5, false).denied, 0U);
  EXPECT_EQ(Play(day, 1, false).denied, 3U);
}

TEST(ReplayTest, WhoWaitsIsServedInTheOrderOfArrival) {
  const std::vector<Demand> day = {Asks(0, 10, 2), Asks(5, 10, 2),
                                   Asks(6, 10, 1), Asks(30, 5, 2)};
  const ReplayOutcome outcome = Play(day, 3, /*wait=*/true);
  EXPECT_EQ(outcome.denied, 0U);
  // From 5 to 10; the third does not overtake, from 6 to 10.
  EXPECT_EQ(outcome.waits, 2U);
  EXPECT_EQ(outcome.longest_wait_ms, 5 * kMinute);
  EXPECT_EQ(outcome.mean_wait_ms, 9 * kMinute / 2);
  EXPECT_EQ(outcome.wait_95_ms, 5 * kMinute);
}

TEST(ReplayTest, AsksThePolicy) {
  internal::v1::Policy policy;
  internal::v1::PolicyRule& rule = *policy.add_rules();
  rule.set_name("one-each");
  rule.set_kind(internal::v1::POLICY_RULE_KIND_DENY);
  rule.set_feature("cad");
  internal::v1::PolicyPart& part = *rule.add_parts();
  part.set_field(internal::v1::POLICY_FIELD_USER);
  part.add_values("bob");
  std::vector<policy::PolicyFault> faults;
  const auto compiled = CompiledPolicy::Compile(policy, &faults);
  ASSERT_NE(compiled, nullptr) << faults.front().problem;
  const std::vector<Demand> day = {Asks(0, 10, 1), Asks(1, 10, 1, "bob"),
                                   Asks(2, 10, 1)};
  EXPECT_EQ(Play(day, 9, false, compiled.get()).denied, 1U);
  EXPECT_EQ(Play(day, 9, true, compiled.get()).denied, 1U);
  EXPECT_EQ(Play(day, 9, false, compiled.get()).peak, 2U);
}

TEST(ReplayTest, TriesFromHalfToAFifthMore) {
  EXPECT_TRUE(UnitsToTry(0).empty());
  EXPECT_EQ(UnitsToTry(1), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(UnitsToTry(10), (std::vector<uint64_t>{5, 6, 7, 8, 9, 10, 11, 12}));
  const std::vector<uint64_t> many = UnitsToTry(1'000);
  EXPECT_LE(many.size(), kMaxAdvice);
  EXPECT_EQ(many.front(), 500U);
  EXPECT_EQ(many.back(), 1'200U);
}

TEST(ReplayTest, MoreUnitsOfOneDenyNoMore) {
  for (const uint64_t seed : TestSeeds(1, 30)) {
    SCOPED_TRACE(ReplayLine(seed, "history_replay_test",
                            "ReplayTest.MoreUnitsOfOneDenyNoMore"));
    Random random(seed);
    std::vector<Demand> day;
    int64_t minute = 0;
    for (int i = 0; i < 300; ++i) {
      minute += static_cast<int64_t>(random.Below(5));
      // Of equal length and count: else a large one may keep out many.
      day.push_back(Asks(minute, 30, 1));
    }
    const uint64_t peak = Play(day, 1'000, false).peak;
    EXPECT_EQ(Play(day, peak, false).denied, 0U);
    EXPECT_EQ(Play(day, peak, true).waits, 0U);
    EXPECT_GT(Play(day, peak - 1, false).denied, 0U);
    uint64_t before = day.size();
    for (uint64_t units = 1; units <= peak; ++units) {
      const ReplayOutcome outcome = Play(day, units, false);
      EXPECT_LE(outcome.denied, before);
      EXPECT_LE(outcome.peak, units);
      before = outcome.denied;
    }
  }
}

TEST(ReplayTest, ReadsUsesAndDenials) {
  constexpr int64_t kNow = 1'767'225'600'000 + 12 * kHourMs;
  replication::MemoryStateStore store;
  History history = *History::Restore(store);
  const auto apply = [&](const licensing::HistoryEvents& events,
                         int64_t now_ms) {
    std::vector<licensing::RecordChange> changes;
    ASSERT_TRUE(history
                    .Apply(events, {.cluster_ms = 1, .calendar_ms = now_ms},
                           store, &changes)
                    .ok());
    std::vector<replication::RecordChange> writes;
    for (const auto& change : changes)
      writes.push_back({change.key, change.value});
    store.Write(writes, {});
  };
  const licensing::HistorySubject ann = {.user = "ann", .application = "app"};
  apply({.uses = {{.feature = "cad",
                   .handle = 1,
                   .count = 2,
                   .begun_ms = kNow,
                   .waited_ms = 5 * kMinute,
                   .subject = ann}},
         .denials = {{.feature = "cad",
                      .reason = type::v1::ERROR_REASON_POOL_EXHAUSTED,
                      .count = 3,
                      .subject = ann},
                     {.feature = "cad",
                      .reason = type::v1::ERROR_REASON_LICENSE_EXPIRED,
                      .count = 1,
                      .subject = ann}},
         .loads = {{.feature = "cad", .before = 2, .out = 0, .total = 7}}},
        kNow + 10 * kMinute);
  const auto cursor = *store.NewCursor();
  HistoryView view = *HistoryView::Open(cursor.get(), nullptr);
  const auto demands = ReadDemands("cad", kNow - kMinute * 30, kNow + kHourMs,
                                   kNow + kHourMs, &view);
  ASSERT_TRUE(demands.ok()) << demands.status();
  EXPECT_EQ(demands->licensed, 7U);
  ASSERT_EQ(demands->demands.size(), 2U);
  EXPECT_EQ(demands->demands[0].at_ms, kNow - 5 * kMinute);
  EXPECT_EQ(demands->demands[0].held_ms, 10 * kMinute);
  EXPECT_EQ(demands->demands[0].count, 2U);
  EXPECT_EQ(demands->demands[1].at_ms, kNow + 10 * kMinute);
  EXPECT_EQ(demands->demands[1].held_ms, 10 * kMinute);
  EXPECT_EQ(demands->demands[1].count, 3U);
  EXPECT_TRUE(demands->demands[1].was_denied);
}

}  // namespace
}  // namespace quorate::history

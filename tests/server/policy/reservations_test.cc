// What is shown of reservations is what Decide goes by. Some are written by
// hand; then random policies and seats, against the trace of a decision.

#include "server/policy/reservations.h"

#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/random.h"
#include "server/policy/decision.h"
#include "tests/server/policy/policies.h"
#include "tests/support/seed.h"

namespace quorate::policy {
namespace {

using internal::v1::Policy;
using internal::v1::POLICY_FIELD_TIME;
using internal::v1::POLICY_FIELD_USER;
using internal::v1::POLICY_RULE_KIND_RESERVE;

// 2026-06-01, a Monday, 09:00 UTC.
constexpr int64_t kMonday = 1'780'304'400'000;

std::unique_ptr<const CompiledPolicy> CompiledOf(const Policy& policy) {
  std::vector<PolicyFault> faults;
  auto compiled = CompiledPolicy::Compile(policy, &faults);
  EXPECT_TRUE(faults.empty());
  return compiled;
}

TEST(ReservationsTest, TheEarlierRuleHasTheFirstCall) {
  const auto compiled = CompiledOf(
      PolicyOf({RuleOf("a", POLICY_RULE_KIND_RESERVE, "cad", 6,
                       {{POLICY_FIELD_USER, {"ann"}}}),
                RuleOf("night", POLICY_RULE_KIND_RESERVE, "cad", 6,
                       {{POLICY_FIELD_USER, {"ann"}},
                        {POLICY_FIELD_TIME, {"mon-fri 20:00-22:00"}}}),
                RuleOf("b", POLICY_RULE_KIND_RESERVE, "", 6,
                       {{POLICY_FIELD_USER, {"bob"}}})}));
  RuleUse use;
  use.Take(*compiled, compiled->Folded({.user = "bob"}), "cad", 5);
  const auto found = ReservationsOf(*compiled, use, "cad", 10, kMonday);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(compiled->rule(found[0].rule).name(), "a");
  EXPECT_EQ(found[0].units, 6u);
  EXPECT_EQ(found[0].unused(), 6u);
  EXPECT_EQ(compiled->rule(found[1].rule).name(), "b");
  EXPECT_EQ(found[1].units, 4u);
  EXPECT_EQ(found[1].used, 5u);
  EXPECT_EQ(found[1].unused(), 0u);
  EXPECT_EQ(ReservationsOf(*compiled, use, "viewer", 10, kMonday).size(), 1u);
}

// Units and use by rule, of the reservations in the trace of a decision.
std::map<uint32_t, std::pair<uint64_t, uint64_t>> KeptIn(
    const std::vector<TraceLine>& trace) {
  std::map<uint32_t, std::pair<uint64_t, uint64_t>> kept;
  for (const TraceLine& line : trace) {
    if (line.effect == Effect::kKeepsForOthers ||
        line.effect == Effect::kKeepsForHim ||
        line.effect == Effect::kKeptIsUsed) {
      kept[line.rule] = {line.units, line.used};
    }
  }
  return kept;
}

TEST(ReservationsTest, AreThoseThatADecisionGoesBy) {
  size_t compared = 0;
  for (const uint64_t seed : TestSeeds(1, 600)) {
    SCOPED_TRACE(
        ReplayLine(seed, "policy_reservations_test", "ReservationsTest.*"));
    Random random(seed);
    const auto compiled = CompiledOf(RandomPolicy(&random));
    RuleUse use;
    const auto subject = [&random, &compiled] {
      return compiled->Folded({.user = RandomUser(&random),
                               .host = RandomHost(&random),
                               .project = RandomProject(&random)});
    };
    for (uint64_t seats = random.Below(20); seats > 0; --seats) {
      use.Take(*compiled, subject(), "a", random.Between(1, 5));
    }
    const Subject asking = subject();
    const uint64_t total = random.Below(30);
    std::vector<TraceLine> trace;
    Decide(*compiled, use,
           {.folded = &asking,
            .feature = "a",
            .count = 1,
            .calendar_ms = kMonday,
            .total = total,
            .taken = 0},
           &trace);
    auto kept = KeptIn(trace);
    for (const Reservation& each :
         ReservationsOf(*compiled, use, "a", total, kMonday)) {
      const auto line = kept.find(each.rule);
      if (line == kept.end()) {
        // Of what is lent to him the trace says nothing.
        EXPECT_TRUE(compiled->rule(each.rule).lend());
        continue;
      }
      EXPECT_EQ(std::make_pair(each.units, each.used), line->second);
      kept.erase(line);
      ++compared;
    }
    EXPECT_TRUE(kept.empty());
  }
  EXPECT_GT(compared, 50u);
}

}  // namespace
}  // namespace quorate::policy

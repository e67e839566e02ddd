// The compiled policy decides as its text says, in the one order of precedence,
// and says by which rule. Some decisions are written by hand; then random
// policies, seats and questions go to it and to a twin that walks lists.

#include "server/policy/decision.h"

#include <iostream>
#include <map>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/random.h"
#include "tests/server/policy/policies.h"
#include "tests/server/policy/slow_policy.h"
#include "tests/support/seed.h"

namespace quorate::policy {
namespace {

using internal::v1::Policy;
using internal::v1::POLICY_FIELD_TIME;
using internal::v1::POLICY_FIELD_USER;
using internal::v1::POLICY_RULE_KIND_ALLOW;
using internal::v1::POLICY_RULE_KIND_DENY;
using internal::v1::POLICY_RULE_KIND_LIMIT;
using internal::v1::POLICY_RULE_KIND_RESERVE;

// 2026-06-01, a Monday, 09:00 UTC.
constexpr int64_t kMonday = 1'780'304'400'000;

std::unique_ptr<const CompiledPolicy> CompiledOf(const Policy& policy) {
  std::vector<PolicyFault> faults;
  auto compiled = CompiledPolicy::Compile(policy, &faults);
  for (const PolicyFault& fault : faults) {
    ADD_FAILURE() << fault.path << ": " << fault.problem;
  }
  return compiled;
}

// A feature of ten units, of which some users hold some.
class DecisionTest : public testing::Test {
 protected:
  void Use(const Policy& policy) { compiled_ = CompiledOf(policy); }

  void Take(const std::string& user, uint64_t units) {
    use_.Take(*compiled_, compiled_->Folded({.user = user}), "cad", units);
    out_ += units;
  }

  Decision Ask(const std::string& user, uint64_t count) {
    const Subject folded = compiled_->Folded({.user = user});
    trace_.clear();
    const Question question = {.folded = &folded,
                               .feature = "cad",
                               .count = count,
                               .calendar_ms = now_ms_,
                               .total = 10,
                               .taken = out_};
    const Decision traced = Decide(*compiled_, use_, question, &trace_);
    const Decision decision = Decide(*compiled_, use_, question, nullptr);
    EXPECT_EQ(traced.verdict, decision.verdict);
    EXPECT_EQ(traced.rule, decision.rule);
    return decision;
  }

  std::string RuleName(const Decision& decision) {
    return decision.rule.has_value() ? compiled_->rule(*decision.rule).name()
                                     : "";
  }

  std::unique_ptr<const CompiledPolicy> compiled_ = CompiledPolicy::Empty();
  RuleUse use_;
  std::vector<TraceLine> trace_;
  int64_t now_ms_ = kMonday;
  uint64_t out_ = 0;
};

TEST_F(DecisionTest, GrantsEverythingWithoutARule) {
  EXPECT_EQ(Ask("ann", 10).verdict, Verdict::kGranted);
}

TEST_F(DecisionTest, DenyComesBeforeAReservation) {
  Use(PolicyOf({RuleOf("keep", POLICY_RULE_KIND_RESERVE, "cad", 3,
                       {{POLICY_FIELD_USER, {"ann"}}}),
                RuleOf("out", POLICY_RULE_KIND_DENY, "cad", 0,
                       {{POLICY_FIELD_USER, {"ann"}}})}));
  EXPECT_EQ(Ask("ann", 1).verdict, Verdict::kDenied);
  EXPECT_EQ(RuleName(Ask("ann", 1)), "out");
}

TEST_F(DecisionTest, AReservationComesBeforeALimit) {
  Use(PolicyOf({RuleOf("most", POLICY_RULE_KIND_LIMIT, "cad", 1,
                       {{POLICY_FIELD_USER, {"ann"}}}),
                RuleOf("keep", POLICY_RULE_KIND_RESERVE, "cad", 3,
                       {{POLICY_FIELD_USER, {"ann"}}})}));
  EXPECT_EQ(Ask("ann", 3).verdict, Verdict::kGranted);
  EXPECT_EQ(RuleName(Ask("ann", 3)), "keep");
  Take("ann", 3);
  EXPECT_EQ(Ask("ann", 1).verdict, Verdict::kOverLimit);
  EXPECT_EQ(Ask("ann", 1).used, 3u);
}

TEST_F(DecisionTest, ALimitComesBeforeAnAllowance) {
  Use(PolicyOf({RuleOf("most", POLICY_RULE_KIND_LIMIT, "cad", 1,
                       {{POLICY_FIELD_USER, {"ann"}}}),
                RuleOf("in", POLICY_RULE_KIND_ALLOW, "cad", 0,
                       {{POLICY_FIELD_USER, {"ann"}}})}));
  EXPECT_EQ(Ask("ann", 1).verdict, Verdict::kGranted);
  EXPECT_EQ(Ask("ann", 2).verdict, Verdict::kOverLimit);
  EXPECT_EQ(Ask("bob", 1).verdict, Verdict::kNotAllowed);
}

TEST_F(DecisionTest, DenyComesBeforeAnAllowance) {
  Use(PolicyOf({RuleOf("in", POLICY_RULE_KIND_ALLOW, "cad", 0, {}),
                RuleOf("out", POLICY_RULE_KIND_DENY, "cad", 0,
                       {{POLICY_FIELD_USER, {"ann"}}})}));
  EXPECT_EQ(Ask("ann", 1).verdict, Verdict::kDenied);
  EXPECT_EQ(Ask("bob", 1).verdict, Verdict::kGranted);
}

TEST_F(DecisionTest, KeepsForOthersWhatIsNotInUse) {
  Use(PolicyOf({RuleOf("keep", POLICY_RULE_KIND_RESERVE, "cad", 4,
                       {{POLICY_FIELD_USER, {"ann"}}})}));
  EXPECT_EQ(Ask("bob", 6).verdict, Verdict::kGranted);
  EXPECT_EQ(Ask("bob", 7).verdict, Verdict::kReserved);
  EXPECT_EQ(Ask("bob", 7).units, 4u);
  Take("ann", 3);
  EXPECT_EQ(Ask("bob", 6).verdict, Verdict::kGranted);
  EXPECT_EQ(Ask("bob", 7).verdict, Verdict::kReserved);
  Take("ann", 2);  // One beyond what is kept for her.
  EXPECT_EQ(Ask("bob", 5).verdict, Verdict::kGranted);
}

TEST_F(DecisionTest, LendsWhatIsToBeLent) {
  Policy policy = PolicyOf({RuleOf("keep", POLICY_RULE_KIND_RESERVE, "cad", 4,
                                   {{POLICY_FIELD_USER, {"ann"}}})});
  policy.mutable_rules(0)->set_lend(true);
  Use(policy);
  EXPECT_EQ(Ask("bob", 10).verdict, Verdict::kGranted);
}

TEST_F(DecisionTest, KeepsForTheEarlierRuleWhereThereIsTooLittle) {
  Use(PolicyOf({RuleOf("first", POLICY_RULE_KIND_RESERVE, "cad", 8,
                       {{POLICY_FIELD_USER, {"ann"}}}),
                RuleOf("second", POLICY_RULE_KIND_RESERVE, "cad", 8,
                       {{POLICY_FIELD_USER, {"bob"}}})}));
  EXPECT_EQ(Ask("ann", 8).verdict, Verdict::kGranted);
  EXPECT_EQ(Ask("bob", 2).verdict, Verdict::kGranted);
  EXPECT_EQ(Ask("bob", 3).verdict, Verdict::kReserved);
  EXPECT_EQ(Ask("eve", 1).verdict, Verdict::kReserved);
}

TEST_F(DecisionTest, CountsEachUserByHimself) {
  Policy policy = PolicyOf({RuleOf("most", POLICY_RULE_KIND_LIMIT, "", 2, {})});
  policy.mutable_rules(0)->set_each(internal::v1::POLICY_EACH_USER);
  Use(policy);
  Take("ann", 2);
  EXPECT_EQ(Ask("ann", 1).verdict, Verdict::kOverLimit);
  EXPECT_EQ(Ask("bob", 2).verdict, Verdict::kGranted);
}

TEST_F(DecisionTest, AllowsOnlyAtTheTimesOfTheRule) {
  Use(PolicyOf({RuleOf("days", POLICY_RULE_KIND_ALLOW, "cad", 0,
                       {{POLICY_FIELD_TIME, {"mon-fri 08:00-18:00"}}})}));
  EXPECT_EQ(Ask("ann", 1).verdict, Verdict::kGranted);
  now_ms_ += 9 * 3'600'000;
  EXPECT_EQ(Ask("ann", 1).verdict, Verdict::kNotAllowed);
  EXPECT_EQ(trace_.front().effect, Effect::kNotNow);
}

TEST_F(DecisionTest, HeedsCaseUnlessToldNotTo) {
  Policy policy = PolicyOf({RuleOf("out", POLICY_RULE_KIND_DENY, "cad", 0,
                                   {{POLICY_FIELD_USER, {"Ann"}}})});
  Use(policy);
  EXPECT_EQ(Ask("ann", 1).verdict, Verdict::kGranted);
  policy.set_ignore_case(true);
  Use(policy);
  EXPECT_EQ(Ask("aNN", 1).verdict, Verdict::kDenied);
}

TEST_F(DecisionTest, TracesEveryRuleWithThePartThatDoesNotMatch) {
  Use(PolicyOf({RuleOf("keep", POLICY_RULE_KIND_RESERVE, "cad", 2,
                       {{POLICY_FIELD_USER, {"ann"}}}),
                RuleOf("out", POLICY_RULE_KIND_DENY, "", 0,
                       {{POLICY_FIELD_USER, {"ann"}, true},
                        {POLICY_FIELD_USER, {"bob"}}}),
                RuleOf("other", POLICY_RULE_KIND_DENY, "cam", 0, {})}));
  Ask("eve", 1);
  ASSERT_EQ(trace_.size(), 2u);
  EXPECT_EQ(trace_[0].effect, Effect::kNoMatch);
  EXPECT_EQ(trace_[0].part, 1);
  EXPECT_EQ(trace_[1].effect, Effect::kKeepsForOthers);
  EXPECT_EQ(trace_[1].units, 2u);
}

// Not a rule of any other feature is looked at.
TEST(CompiledPolicyTest, HasRulesByFeature) {
  Policy policy;
  for (int i = 0; i < 500; ++i) {
    *policy.add_rules() = RuleOf(absl::StrCat("r", i), POLICY_RULE_KIND_DENY,
                                 absl::StrCat("f", i), 0, {});
  }
  *policy.add_rules() = RuleOf("all", POLICY_RULE_KIND_LIMIT, "", 3, {});
  const auto compiled = CompiledOf(policy);
  EXPECT_THAT(compiled->RulesOf("f7").deny, testing::ElementsAre(7));
  EXPECT_THAT(compiled->RulesOf("f7").limit, testing::ElementsAre(500));
  EXPECT_TRUE(compiled->RulesOf("other").deny.empty());
  EXPECT_THAT(compiled->RulesOf("other").limit, testing::ElementsAre(500));
}

Subject Fast(const SlowSubject& slow) {
  return {.user = slow.user,
          .host = slow.host,
          .display = slow.display,
          .application = slow.application,
          .version = slow.version,
          .project = slow.project,
          .address = ParseIpAddress(slow.address)};
}

SlowSubject RandomSubject(Random* random) {
  return {.user = RandomUser(random),
          .host = RandomHost(random),
          .display = random->OneIn(2) ? ":0" : "",
          .application = random->OneIn(2) ? "app0" : "App1",
          .version = RandomVersion(random),
          .project = RandomProject(random),
          .address = RandomAddress(random)};
}

// One policy: seats come and go, and each verdict and count is compared.
void RunPolicy(Random* random, std::map<Verdict, int>* verdicts) {
  const Policy policy = RandomPolicy(random);
  SCOPED_TRACE(policy.DebugString());
  const auto compiled = CompiledOf(policy);
  ASSERT_NE(compiled, nullptr);
  RuleUse use;
  std::vector<SlowSeat> seats;
  for (int step = 0; step < 60; ++step) {
    if (!seats.empty() && random->OneIn(3)) {
      const size_t index = random->Below(seats.size());
      const SlowSeat seat = seats[index];
      seats.erase(seats.begin() + static_cast<std::ptrdiff_t>(index));
      use.GiveBack(*compiled, compiled->Folded(Fast(seat.holder)), seat.feature,
                   seat.units);
    }
    const SlowQuestion slow = {
        .who = RandomSubject(random),
        .feature = std::string(1, 'a' + random->Below(4)),
        .count = random->Between(1, 4),
        .calendar_ms =
            kMonday + static_cast<int64_t>(random->Below(14 * 86'400'000)),
        .total = random->Between(6, 14),
        .claimed = random->OneIn(2) ? random->Below(3) : 0};
    uint64_t out = 0;
    for (const SlowSeat& seat : seats)
      out += seat.feature == slow.feature ? seat.units : 0;
    const Subject folded = compiled->Folded(Fast(slow.who));
    const Question question = {.folded = &folded,
                               .feature = slow.feature,
                               .count = slow.count,
                               .calendar_ms = slow.calendar_ms,
                               .total = slow.total,
                               .taken = out,
                               .claimed = slow.claimed};
    std::vector<TraceLine> trace;
    const Decision decision = Decide(*compiled, use, question, nullptr);
    ++(*verdicts)[decision.verdict];
    ASSERT_EQ(decision.verdict, SlowDecide(policy, seats, slow));
    ASSERT_EQ(decision.verdict,
              Decide(*compiled, use, question, &trace).verdict);
    for (const TraceLine& line : trace) {
      if (line.effect == Effect::kNoMatch || line.units == 0) continue;
      ASSERT_EQ(line.used, SlowUse(policy, compiled->rule(line.rule), seats,
                                   slow.feature, slow.who));
    }
    if (decision.verdict != Verdict::kGranted && random->OneIn(2)) continue;
    // Sometimes what was refused is out all the same, as under a new policy.
    seats.push_back({slow.who, slow.feature, slow.count});
    use.Take(*compiled, folded, slow.feature, slow.count);
  }
}

TEST(DecisionPropertyTest, AgreesWithATwinThatWalksLists) {
  std::map<Verdict, int> verdicts;
  for (const uint64_t seed : TestSeeds(1, 2'000)) {
    SCOPED_TRACE(ReplayLine(seed, "policy_decision_test", "*Twin*"));
    Random random(seed);
    RunPolicy(&random, &verdicts);
    if (testing::Test::HasFatalFailure()) return;
  }
  for (const auto& [verdict, times] : verdicts) {
    std::cout << times << " of verdict " << static_cast<int>(verdict) << "\n";
    EXPECT_GT(times, 1'000);
  }
  EXPECT_EQ(verdicts.size(), 5u);
}

}  // namespace
}  // namespace quorate::policy

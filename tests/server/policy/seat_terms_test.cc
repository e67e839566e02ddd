// The policy says of each seat how long it may be idle, linger and be borrowed:
// the first rule that matches, those that name the feature first. By hand-made
// policies, and by random ones asked again in the obvious way.

#include "server/policy/seat_terms.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "base/random.h"
#include "tests/server/policy/policies.h"
#include "tests/server/policy/slow_policy.h"
#include "tests/support/seed.h"

namespace quorate::policy {
namespace {

using internal::v1::Policy;
using internal::v1::POLICY_FIELD_USER;
using internal::v1::POLICY_RULE_KIND_IDLE;
using internal::v1::PolicyRule;

constexpr int64_t kMinute = 60'000;

PolicyRule IdleRule(const std::string& name, const std::string& feature,
                    int64_t minutes, const std::vector<TestPart>& parts) {
  PolicyRule rule = RuleOf(name, POLICY_RULE_KIND_IDLE, feature, 0, parts);
  rule.set_span_ms(minutes * kMinute);
  rule.set_warning_ms(minutes * kMinute / 4);
  return rule;
}

std::optional<IdleTerms> Ask(const Policy& policy, const Subject& subject,
                             const std::string& feature) {
  std::vector<PolicyFault> faults;
  const auto compiled = CompiledPolicy::Compile(policy, &faults);
  EXPECT_TRUE(faults.empty());
  return FindIdleTerms(*compiled, compiled->Folded(subject), feature);
}

TEST(SeatTermsTest, TheRuleOfTheFeatureComesFirst) {
  const Policy policy =
      PolicyOf({IdleRule("all", "", 60, {}), IdleRule("cad", "cad", 20, {}),
                IdleRule("later", "cad", 40, {})});
  EXPECT_EQ(
      Ask(policy, {.user = "ann"}, "cad"),
      (IdleTerms{
          .rule = 1, .span_ms = 20 * kMinute, .warning_ms = 5 * kMinute}));
  EXPECT_EQ(Ask(policy, {.user = "ann"}, "cam")->span_ms, 60 * kMinute);
}

TEST(SeatTermsTest, NeverExceptsWhomItMatches) {
  const Policy policy =
      PolicyOf({IdleRule("boss", "", 0, {{POLICY_FIELD_USER, {"ann"}}}),
                IdleRule("all", "", 60, {})});
  EXPECT_EQ(Ask(policy, {.user = "ann"}, "cad"), std::nullopt);
  EXPECT_EQ(Ask(policy, {.user = "bob"}, "cad")->rule, 1u);
  EXPECT_EQ(Ask(Policy(), {.user = "bob"}, "cad"), std::nullopt);
}

// The same, looked up in the policy's text.
std::optional<IdleTerms> SlowTerms(const CompiledPolicy& compiled,
                                   const Subject& who,
                                   const std::string& feature) {
  for (const bool names_it : {true, false}) {
    for (int i = 0; i < compiled.policy().rules_size(); ++i) {
      const PolicyRule& rule = compiled.policy().rules(i);
      const auto index = static_cast<uint32_t>(i);
      const bool names =
          !rule.feature().empty() || !rule.feature_group().empty();
      if (rule.kind() != POLICY_RULE_KIND_IDLE || names != names_it ||
          !IsAbout(compiled.policy(), rule, feature) ||
          !compiled.Matches(index, who)) {
        continue;
      }
      if (rule.span_ms() == 0) return std::nullopt;
      return IdleTerms{.rule = index,
                       .span_ms = rule.span_ms(),
                       .warning_ms = rule.warning_ms()};
    }
  }
  return std::nullopt;
}

TEST(SeatTermsTest, APackageNamesItsFeatures) {
  Policy policy =
      PolicyOf({IdleRule("all", "", 60, {}), IdleRule("package", "", 20, {}),
                IdleRule("cad", "cad", 30, {})});
  policy.mutable_rules(1)->set_feature_group("office");
  internal::v1::PolicyGroup* const group = policy.add_groups();
  group->set_name("office");
  group->set_kind(internal::v1::POLICY_GROUP_KIND_FEATURES);
  // As with licences, names of features are told apart by case.
  policy.set_ignore_case(true);
  for (const char* name : {"word", "sheet", "cad", "word"})
    group->add_members(name);
  EXPECT_EQ(Ask(policy, {}, "word")->rule, 1u);
  EXPECT_EQ(Ask(policy, {}, "cad")->rule, 1u);
  EXPECT_EQ(Ask(policy, {}, "Word")->rule, 0u);
  EXPECT_EQ(Ask(policy, {}, "cam")->rule, 0u);
  // A package of nothing is not one of everything.
  group->clear_members();
  policy.mutable_rules()->DeleteSubrange(0, 1);
  EXPECT_EQ(Ask(policy, {}, "word"), std::nullopt);
}

TEST(SeatTermsTest, LingersByTheSameOrder) {
  std::vector<PolicyRule> rules = {IdleRule("all", "", 60, {}),
                                   IdleRule("cad", "cad", 20, {}),
                                   IdleRule("ann", "sim", 0, {})};
  for (PolicyRule& rule : rules) {
    rule.set_kind(internal::v1::POLICY_RULE_KIND_LINGER);
    rule.clear_warning_ms();
  }
  std::vector<PolicyFault> faults;
  const auto compiled = CompiledPolicy::Compile(PolicyOf(rules), &faults);
  ASSERT_TRUE(faults.empty());
  EXPECT_EQ(FindLingerMs(*compiled, {}, "cad"), 20 * kMinute);
  EXPECT_EQ(FindLingerMs(*compiled, {}, "cam"), 60 * kMinute);
  EXPECT_EQ(FindLingerMs(*compiled, {}, "sim"), 0);
  EXPECT_EQ(FindIdleTerms(*compiled, {}, "cad"), std::nullopt);
  EXPECT_EQ(FindLingerMs(*CompiledPolicy::Empty(), {}, "cad"), 0);
}

TEST(SeatTermsTest, BorrowsByTheSameOrderAtItsHours) {
  using internal::v1::POLICY_FIELD_TIME;
  using internal::v1::POLICY_RULE_KIND_BORROW;
  using internal::v1::POLICY_RULE_KIND_NO_BORROW;
  std::vector<PolicyRule> rules = {
      RuleOf("none", POLICY_RULE_KIND_NO_BORROW, "", 0, {}),
      RuleOf("not tom", POLICY_RULE_KIND_NO_BORROW, "cad", 0,
             {{POLICY_FIELD_USER, {"tom"}}}),
      RuleOf("at night", POLICY_RULE_KIND_BORROW, "cad", 0,
             {{POLICY_FIELD_TIME, {"22:00-06:00"}}}),
      RuleOf("a few", POLICY_RULE_KIND_BORROW, "cad", 3, {})};
  rules[3].set_span_ms(60 * kMinute);
  rules[3].set_low_water(2);
  std::vector<PolicyFault> faults;
  const auto compiled = CompiledPolicy::Compile(PolicyOf(rules), &faults);
  ASSERT_TRUE(faults.empty());
  const auto ask = [&compiled](const std::string& user,
                               const std::string& feature, int64_t hour) {
    return FindBorrowTerms(*compiled, {.user = user}, feature,
                           hour * 60 * kMinute);
  };
  EXPECT_EQ(ask("ann", "cam", 12), (BorrowTerms{.rule = 0, .allowed = false}));
  EXPECT_EQ(ask("tom", "cad", 23), (BorrowTerms{.rule = 1, .allowed = false}));
  EXPECT_EQ(ask("ann", "cad", 23), BorrowTerms{.rule = 2});
  EXPECT_EQ(
      ask("ann", "cad", 12),
      (BorrowTerms{
          .rule = 3, .span_ms = 60 * kMinute, .units = 3, .low_water = 2}));
  EXPECT_EQ(FindBorrowTerms(*CompiledPolicy::Empty(), {}, "cad", 0),
            std::nullopt);
}

TEST(SeatTermsTest, AgreesWithTheObviousWay) {
  int found = 0;
  for (const uint64_t seed : TestSeeds(1, 2'000)) {
    SCOPED_TRACE(ReplayLine(seed, "policy_seat_terms_test", "*Obvious*"));
    Random random(seed);
    std::vector<PolicyFault> faults;
    const auto compiled =
        CompiledPolicy::Compile(RandomPolicy(&random), &faults);
    ASSERT_TRUE(faults.empty()) << faults.front().path;
    const Subject who = compiled->Folded({.user = RandomUser(&random),
                                          .host = RandomHost(&random),
                                          .project = RandomProject(&random)});
    const std::string feature(1, static_cast<char>('a' + random.Below(4)));
    const auto expected = SlowTerms(*compiled, who, feature);
    EXPECT_EQ(FindIdleTerms(*compiled, who, feature), expected);
    found += expected.has_value() ? 1 : 0;
  }
  EXPECT_GT(found, 50);
}

}  // namespace
}  // namespace quorate::policy

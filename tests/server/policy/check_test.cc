// A policy that is wrong is refused with the place and the problem, and all
// that is wrong is named at once. Each rule is broken by one edit of a sound
// policy; every limit is reached and passed.

#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/policy/compiled_policy.h"
#include "server/policy/policy_check.h"
#include "tests/server/policy/policies.h"

namespace quorate::policy {
namespace {

using internal::v1::Policy;
using internal::v1::POLICY_FIELD_USER;
using internal::v1::POLICY_RULE_KIND_DENY;
using internal::v1::POLICY_RULE_KIND_LIMIT;
using internal::v1::POLICY_RULE_KIND_RESERVE;
using testing::HasSubstr;

Policy Sound() {
  Policy policy =
      PolicyOf({RuleOf("no-night", POLICY_RULE_KIND_DENY, "cad", 0,
                       {{POLICY_FIELD_USER, {"ann"}},
                        {internal::v1::POLICY_FIELD_TIME, {"22:00-06:00"}},
                        {internal::v1::POLICY_FIELD_ADDRESS, {"10.0.0.0/8"}},
                        {internal::v1::POLICY_FIELD_VERSION, {"2.0.."}},
                        {internal::v1::POLICY_FIELD_USER_GROUP, {"staff"}}}),
                RuleOf("most", POLICY_RULE_KIND_LIMIT, "", 5, {}),
                RuleOf("keep", POLICY_RULE_KIND_RESERVE, "cad", 2,
                       {{POLICY_FIELD_USER, {"ann"}}})});
  internal::v1::PolicyGroup* const group = policy.add_groups();
  group->set_name("staff");
  group->set_kind(internal::v1::POLICY_GROUP_KIND_USERS);
  group->add_members("ann");
  return policy;
}

internal::v1::PolicyRule* MakeIdle(Policy* policy) {
  internal::v1::PolicyRule* const rule = policy->mutable_rules(1);
  rule->set_kind(internal::v1::POLICY_RULE_KIND_IDLE);
  rule->clear_units();
  rule->set_span_ms(60'000);
  rule->set_warning_ms(30'000);
  return rule;
}

internal::v1::PolicyRule* MakeLinger(Policy* policy) {
  internal::v1::PolicyRule* const rule = MakeIdle(policy);
  rule->set_kind(internal::v1::POLICY_RULE_KIND_LINGER);
  rule->clear_warning_ms();
  return rule;
}

internal::v1::PolicyRule* MakeBorrow(Policy* policy) {
  internal::v1::PolicyRule* const rule = policy->mutable_rules(1);
  rule->set_kind(internal::v1::POLICY_RULE_KIND_BORROW);
  rule->set_span_ms(kMaxBorrowSpanMs);
  rule->set_low_water(kMaxPolicyUnits);
  rule->set_each(internal::v1::POLICY_EACH_USER);
  return rule;
}

TEST(PolicyCheckTest, FindsNothingWrongInASoundPolicy) {
  EXPECT_TRUE(CheckPolicy(Sound()).empty());
  EXPECT_TRUE(CheckPolicy(Policy()).empty());
  Policy idle = Sound();
  MakeIdle(&idle);
  EXPECT_TRUE(CheckPolicy(idle).empty());
  MakeLinger(&idle)->set_span_ms(kMaxLingerMs);
  EXPECT_TRUE(CheckPolicy(idle).empty());
  Policy borrow = Sound();
  MakeBorrow(&borrow)->add_parts()->set_field(internal::v1::POLICY_FIELD_TIME);
  borrow.mutable_rules(1)->mutable_parts(0)->add_values("mon");
  EXPECT_TRUE(CheckPolicy(borrow).empty());
}

struct Case {
  std::function<void(Policy*)> edit;
  const char* path;
  const char* problem;
};

template <size_t kSize>
void ExpectFaults(const Case (&cases)[kSize]) {
  for (const auto& each : cases) {
    Policy policy = Sound();
    each.edit(&policy);
    const auto faults = CheckPolicy(policy);
    ASSERT_FALSE(faults.empty()) << each.path;
    EXPECT_EQ(faults[0].path, each.path);
    EXPECT_THAT(faults[0].problem, HasSubstr(each.problem));
    std::vector<PolicyFault> compile_faults;
    EXPECT_EQ(CompiledPolicy::Compile(policy, &compile_faults), nullptr);
    EXPECT_EQ(compile_faults, faults);
  }
}

TEST(PolicyCheckTest, NamesTheSpansThatAreWrong) {
  const Case kCases[] = {
      {[](Policy* p) { p->mutable_rules(1)->set_span_ms(60'000); },
       "rules[1].span", "idle"},
      {[](Policy* p) { p->mutable_rules(1)->set_warning_ms(1'000); },
       "rules[1].warning", "idle"},
      {[](Policy* p) { MakeLinger(p)->set_span_ms(kMaxLingerMs + 1'000); },
       "rules[1].span", "30 days"},
      {[](Policy* p) { MakeLinger(p)->set_span_ms(1'001); }, "rules[1].span",
       "whole seconds"},
      {[](Policy* p) { MakeLinger(p)->set_warning_ms(1'000); },
       "rules[1].warning", "idle"},
      {[](Policy* p) { MakeIdle(p)->set_span_ms(59'000); }, "rules[1].span",
       "1 minute"},
      {[](Policy* p) { MakeIdle(p)->set_span_ms(60'001); }, "rules[1].span",
       "whole seconds"},
      {[](Policy* p) { MakeIdle(p)->set_span_ms(kMaxIdleMs + 1000); },
       "rules[1].span", "30 days"},
      {[](Policy* p) { MakeIdle(p)->set_warning_ms(31'000); },
       "rules[1].warning", "half"},
      {[](Policy* p) { MakeIdle(p)->set_warning_ms(-1000); },
       "rules[1].warning", "whole seconds"},
      {[](Policy* p) {
         internal::v1::PolicyPart* const part = MakeIdle(p)->add_parts();
         part->set_field(internal::v1::POLICY_FIELD_TIME);
         part->add_values("mon");
       },
       "rules[1].parts[0]", "all hours"},
  };

  ExpectFaults(kCases);
}

TEST(PolicyCheckTest, NamesWhatIsWrongOfBorrowing) {
  const Case kCases[] = {
      {[](Policy* p) { MakeBorrow(p)->set_span_ms(kMaxBorrowSpanMs + 1'000); },
       "rules[1].span", "366 days"},
      {[](Policy* p) { MakeBorrow(p)->set_span_ms(1); }, "rules[1].span",
       "whole seconds"},
      {[](Policy* p) { MakeBorrow(p)->set_span_ms(-1'000); }, "rules[1].span",
       "366 days"},
      {[](Policy* p) { MakeBorrow(p)->set_warning_ms(1'000); },
       "rules[1].warning", "idle"},
      {[](Policy* p) { MakeBorrow(p)->clear_units(); }, "rules[1].each",
       "borrow and units"},
      {[](Policy* p) { MakeBorrow(p)->set_low_water(kMaxPolicyUnits + 1); },
       "rules[1].low_water", "more than"},
      {[](Policy* p) { p->mutable_rules(1)->set_low_water(1); },
       "rules[1].low_water", "borrow"},
      {[](Policy* p) {
         p->mutable_rules(1)->set_kind(
             internal::v1::POLICY_RULE_KIND_NO_BORROW);
       },
       "rules[1].units", "nothing but"},
  };

  ExpectFaults(kCases);
}

TEST(PolicyCheckTest, NamesAPriorityThatIsWrong) {
  const auto make = [](Policy* policy) {
    internal::v1::PolicyRule* const rule = policy->mutable_rules(1);
    rule->set_kind(internal::v1::POLICY_RULE_KIND_PRIORITY);
    rule->clear_units();
    return rule;
  };
  Policy lowest = Sound();
  make(&lowest);
  EXPECT_TRUE(CheckPolicy(lowest).empty());
  Policy highest = Sound();
  make(&highest)->set_max_priority(9);
  EXPECT_TRUE(CheckPolicy(highest).empty());
  make(&highest)->set_max_priority(10);
  EXPECT_EQ(CheckPolicy(highest).at(0).path, "rules[1].max_priority");
  Policy other = Sound();
  other.mutable_rules(0)->set_max_priority(1);
  EXPECT_EQ(CheckPolicy(other).at(0).path, "rules[0].max_priority");
}

internal::v1::PolicyGroup* AddPackage(Policy* policy) {
  internal::v1::PolicyGroup* const group = policy->add_groups();
  group->set_name("office");
  group->set_kind(internal::v1::POLICY_GROUP_KIND_FEATURES);
  policy->mutable_rules(1)->set_feature_group("office");
  return group;
}

TEST(PolicyCheckTest, NamesWhatIsWrongOfPackages) {
  Policy sound = Sound();
  internal::v1::PolicyGroup* const package = AddPackage(&sound);
  for (int i = 0; i < kMaxFeaturesOfGroup; ++i)
    package->add_members(absl::StrCat("part-", i));
  EXPECT_TRUE(CheckPolicy(sound).empty());
  package->add_members("one-more");
  EXPECT_EQ(CheckPolicy(sound).at(0),
            (PolicyFault{"groups[1].members", "must be at most 256"}));

  const Case kCases[] = {
      {[](Policy* p) { AddPackage(p)->add_members("two words"); },
       "groups[1].members[0]", "letters"},
      {[](Policy* p) {
         AddPackage(p);
         p->mutable_rules(1)->set_feature("cad");
       },
       "rules[1].feature_group", "one or the other"},
      {[](Policy* p) { p->mutable_rules(1)->set_feature_group("staff"); },
       "rules[1].feature_group", "no group of features named staff"},
  };
  ExpectFaults(kCases);
}

// Each of its features has the rule.
TEST(PolicyCheckTest, CountsTheRulesOfAPackageForEachFeature) {
  Policy policy = Sound();
  AddPackage(&policy)->add_members("cad");
  for (size_t i = 2; i <= kMaxCountingRulesOfFeature; ++i) {
    EXPECT_TRUE(CheckPolicy(policy).empty()) << i;
    *policy.add_rules() = policy.rules(1);
    policy.mutable_rules()->rbegin()->set_name(absl::StrCat("limit ", i));
  }
  EXPECT_THAT(CheckPolicy(policy).at(0).problem,
              HasSubstr("limits and reservations"));
}

TEST(PolicyCheckTest, NamesThePlaceOfWhatIsWrong) {
  const Case kCases[] = {
      {[](Policy* p) { p->mutable_rules(0)->clear_name(); }, "rules[0].name",
       "1 to 64 bytes"},
      {[](Policy* p) { p->mutable_rules(0)->set_name("a\nb"); },
       "rules[0].name", "control"},
      {[](Policy* p) { p->mutable_rules(0)->set_name("a\xEF\xBF\xBE"); },
       "rules[0].name", "U+FFFE"},
      {[](Policy* p) { p->mutable_groups(0)->set_name("\xEF\xBF\xBFz"); },
       "groups[0].name", "U+FFFE"},
      {[](Policy* p) { p->mutable_groups(0)->add_members("\xEF\xBF\xBF"); },
       "groups[0].members[1]", "text"},
      {[](Policy* p) { p->mutable_rules(0)->set_name("most"); },
       "rules[1].name", "another rule"},
      {[](Policy* p) { p->mutable_rules(0)->set_name(std::string(65, 'x')); },
       "rules[0].name", "1 to 64"},
      {[](Policy* p) { p->mutable_rules(0)->clear_kind(); }, "rules[0].kind",
       "not one"},
      {[](Policy* p) { p->mutable_rules(0)->set_feature("c d"); },
       "rules[0].feature", "letters"},
      {[](Policy* p) { p->mutable_rules(0)->set_units(1); }, "rules[0].units",
       "nothing but"},
      {[](Policy* p) { p->mutable_rules(2)->set_units(0); }, "rules[2].units",
       "at least 1"},
      {[](Policy* p) { p->mutable_rules(1)->set_units(kMaxPolicyUnits + 1); },
       "rules[1].units", "more than"},
      {[](Policy* p) { p->mutable_rules(1)->set_lend(true); }, "rules[1].lend",
       "reserve"},
      {[](Policy* p) { p->mutable_rules(2)->set_span_ms(60'000); },
       "rules[2].span", "reserve that lends"},
      {[](Policy* p) {
         p->mutable_rules(2)->set_lend(true);
         p->mutable_rules(2)->set_span_ms(9'000);
       },
       "rules[2].span", "10 seconds"},
      {[](Policy* p) {
         p->mutable_rules(2)->set_lend(true);
         p->mutable_rules(2)->set_span_ms(10'500);
       },
       "rules[2].span", "whole seconds"},
      {[](Policy* p) {
         p->mutable_rules(2)->set_each(internal::v1::POLICY_EACH_USER);
       },
       "rules[2].each", "limit"},
      {[](Policy* p) { p->mutable_rules(2)->clear_parts(); }, "rules[2].parts",
       "for whom"},
      {[](Policy* p) { p->mutable_rules(0)->mutable_parts(0)->clear_values(); },
       "rules[0].parts[0].values", "1 to"},
      {[](Policy* p) { p->mutable_rules(0)->mutable_parts(0)->clear_field(); },
       "rules[0].parts[0].field", "not one"},
      {[](Policy* p) {
         p->mutable_rules(0)->mutable_parts(0)->set_values(0, "a\x01");
       },
       "rules[0].parts[0].values[0]", "text"},
      {[](Policy* p) {
         p->mutable_rules(0)->mutable_parts(1)->set_values(0, "noon");
       },
       "rules[0].parts[1].values[0]", "mon-fri"},
      {[](Policy* p) {
         p->mutable_rules(0)->mutable_parts(2)->set_values(0, "10.0.0.*");
       },
       "rules[0].parts[2].values[0]", "prefix"},
      {[](Policy* p) {
         p->mutable_rules(0)->mutable_parts(3)->set_values(0, "3..2");
       },
       "rules[0].parts[3].values[0]", "2.0..2.9"},
      {[](Policy* p) {
         p->mutable_rules(0)->mutable_parts(4)->set_values(0, "boss");
       },
       "rules[0].parts[4].values[0]", "no group of users named boss"},
      {[](Policy* p) { *p->add_groups() = p->groups(0); }, "groups[1].name",
       "another group"},
      {[](Policy* p) { p->mutable_groups(0)->clear_kind(); }, "groups[0].kind",
       "not one"},
      {[](Policy* p) { p->mutable_groups(0)->add_members(""); },
       "groups[0].members[1]", "text"},
      {[](Policy* p) {
         p->mutable_groups(0)->set_kind(
             internal::v1::POLICY_GROUP_KIND_ADDRESSES);
       },
       "groups[0].members[0]", "prefix"},
  };

  ExpectFaults(kCases);
}

TEST(PolicyCheckTest, HasALimitForEverything) {
  Policy rules;
  for (int i = 0; i < kMaxRules; ++i) {
    *rules.add_rules() =
        RuleOf(absl::StrCat(i), POLICY_RULE_KIND_DENY, "f", 0, {});
  }
  EXPECT_TRUE(CheckPolicy(rules).empty());
  *rules.add_rules() = RuleOf("more", POLICY_RULE_KIND_DENY, "f", 0, {});
  EXPECT_EQ(CheckPolicy(rules).at(0).path, "rules");

  Policy counting;
  for (size_t i = 0; i < kMaxCountingRulesOfFeature; ++i) {
    *counting.add_rules() = RuleOf(absl::StrCat(i), POLICY_RULE_KIND_LIMIT,
                                   i == 0 ? "" : "f", 1, {});
  }
  EXPECT_TRUE(CheckPolicy(counting).empty());
  *counting.add_rules() = RuleOf("x", POLICY_RULE_KIND_LIMIT, "f", 1, {});
  EXPECT_EQ(CheckPolicy(counting).at(0).path, "rules");

  Policy large = Sound();
  while (large.ByteSizeLong() <= kMaxPolicyBytes) {
    large.mutable_groups(0)->add_members(std::string(200, 'x'));
  }
  EXPECT_THAT(CheckPolicy(large).at(0).problem, HasSubstr("256 KiB"));

  Policy parts = Sound();
  for (int i = 0; i < kMaxPartsOfRule; ++i) {
    *parts.mutable_rules(0)->add_parts() = parts.rules(0).parts(0);
  }
  EXPECT_EQ(CheckPolicy(parts).at(0).path, "rules[0].parts");

  Policy faulty;
  for (int i = 0; i < 100; ++i)
    faulty.add_rules();
  EXPECT_EQ(CheckPolicy(faulty).size(), kMaxPolicyFaults);
}

}  // namespace
}  // namespace quorate::policy

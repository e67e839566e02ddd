#include "tests/server/policy/policies.h"

#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace quorate::policy {

using internal::v1::Policy;
using internal::v1::PolicyField;
using internal::v1::PolicyGroup;
using internal::v1::PolicyPart;
using internal::v1::PolicyRule;

PolicyRule RuleOf(const std::string& name, internal::v1::PolicyRuleKind kind,
                  const std::string& feature, uint64_t units,
                  const std::vector<TestPart>& parts) {
  PolicyRule rule;
  rule.set_name(name);
  rule.set_kind(kind);
  rule.set_feature(feature);
  rule.set_units(units);
  for (const TestPart& from : parts) {
    PolicyPart* const part = rule.add_parts();
    part->set_field(from.field);
    part->set_negated(from.negated);
    for (const std::string& value : from.values)
      part->add_values(value);
  }
  return rule;
}

Policy PolicyOf(const std::vector<PolicyRule>& rules) {
  Policy policy;
  for (const PolicyRule& rule : rules)
    *policy.add_rules() = rule;
  return policy;
}

namespace {

// Now and then as somebody else spells it.
std::string Spelled(Random* random, std::string name) {
  return random->OneIn(5) ? absl::AsciiStrToUpper(name) : name;
}

std::string Numbered(Random* random, const char* letter, uint64_t count) {
  return Spelled(random, absl::StrCat(letter, random->Below(count)));
}

std::string RandomRange(Random* random) {
  const uint64_t first = random->Below(200);
  if (random->OneIn(2)) {
    return absl::StrCat("10.0.0.", first, "/", random->Between(24, 32));
  }
  return absl::StrCat("10.0.0.", first, "-10.0.0.",
                      random->Between(first, 255));
}

std::string RandomTimes(Random* random) {
  constexpr const char* kTimes[] = {"mon-fri",
                                    "sat,sun 00:00-24:00",
                                    "08:00-18:00",
                                    "fri 22:00-06:00",
                                    "sat-mon 07:30-07:31",
                                    "22:00-06:00",
                                    "tue,thu-fri 00:00-12:00"};
  return kTimes[random->Below(std::size(kTimes))];
}

std::string RandomVersions(Random* random) {
  const uint64_t major = random->Below(4);
  switch (random->Below(4)) {
    case 0:
      return absl::StrCat(major, ".", random->Below(12));
    case 1:
      return absl::StrCat(major, ".", random->Below(12), "..");
    case 2:
      return absl::StrCat("..", major, ".", random->Below(12));
    default:
      return absl::StrCat(major, "..", major + 1, ".", random->Below(12));
  }
}

std::string RandomValue(Random* random, PolicyField field) {
  switch (field) {
    case internal::v1::POLICY_FIELD_USER:
      return RandomUser(random);
    case internal::v1::POLICY_FIELD_HOST:
      return RandomHost(random);
    case internal::v1::POLICY_FIELD_ADDRESS:
      return RandomRange(random);
    case internal::v1::POLICY_FIELD_PROJECT:
      return Numbered(random, "p", 2);
    case internal::v1::POLICY_FIELD_APPLICATION:
      return Numbered(random, "app", 2);
    case internal::v1::POLICY_FIELD_VERSION:
      return RandomVersions(random);
    case internal::v1::POLICY_FIELD_DISPLAY:
      return Numbered(random, ":", 2);
    case internal::v1::POLICY_FIELD_TIME:
      return RandomTimes(random);
    default:
      return absl::StrCat("g", random->Below(2));  // A group.
  }
}

std::string RandomFeature(Random* random) {
  return std::string(1, static_cast<char>('a' + random->Below(4)));
}

void AddGroups(Random* random, Policy* policy) {
  const PolicyField members[] = {
      internal::v1::POLICY_FIELD_USER, internal::v1::POLICY_FIELD_HOST,
      internal::v1::POLICY_FIELD_ADDRESS, internal::v1::POLICY_FIELD_PROJECT};
  for (int kind = 1; kind <= 4; ++kind) {
    for (int i = 0; i < 2; ++i) {
      PolicyGroup* const group = policy->add_groups();
      group->set_name(absl::StrCat("g", i));
      group->set_kind(static_cast<internal::v1::PolicyGroupKind>(kind));
      for (uint64_t left = random->Below(4); left > 0; --left) {
        group->add_members(RandomValue(random, members[kind - 1]));
      }
    }
  }
  for (int i = 0; i < 2; ++i) {
    PolicyGroup* const package = policy->add_groups();
    package->set_name(absl::StrCat("g", i));
    package->set_kind(internal::v1::POLICY_GROUP_KIND_FEATURES);
    for (uint64_t left = random->Below(4); left > 0; --left) {
      package->add_members(RandomFeature(random));  // Some twice.
    }
  }
}

internal::v1::PolicyRuleKind RandomKind(Random* random) {
  if (random->OneIn(10)) return internal::v1::POLICY_RULE_KIND_PRIORITY;
  if (random->OneIn(8)) {
    return random->OneIn(3) ? internal::v1::POLICY_RULE_KIND_NO_BORROW
                            : internal::v1::POLICY_RULE_KIND_BORROW;
  }
  if (!random->OneIn(5)) {
    return static_cast<internal::v1::PolicyRuleKind>(random->Between(1, 4));
  }
  return random->OneIn(2) ? internal::v1::POLICY_RULE_KIND_LINGER
                          : internal::v1::POLICY_RULE_KIND_IDLE;
}

// What the rule says by numbers, as its kind has them.
void AddNumbers(Random* random, PolicyRule* rule) {
  const auto each = [random] {
    return static_cast<internal::v1::PolicyEach>(random->Below(3));
  };
  switch (rule->kind()) {
    case internal::v1::POLICY_RULE_KIND_RESERVE:
      rule->set_units(random->Between(1, 5));
      rule->set_lend(random->OneIn(2));
      if (rule->lend() && !random->OneIn(4)) {
        rule->set_span_ms(static_cast<int64_t>(random->Between(10, 40)) *
                          1'000);
      }
      break;
    case internal::v1::POLICY_RULE_KIND_LIMIT:
      rule->set_units(random->Below(8));
      rule->set_each(each());
      break;
    case internal::v1::POLICY_RULE_KIND_IDLE:
      rule->set_span_ms(static_cast<int64_t>(random->Below(5)) * 60'000);
      rule->set_warning_ms(random->OneIn(2) ? 0 : rule->span_ms() / 4);
      break;
    case internal::v1::POLICY_RULE_KIND_LINGER:
      rule->set_span_ms(static_cast<int64_t>(random->Below(5)) * 60'000);
      break;
    case internal::v1::POLICY_RULE_KIND_BORROW:
      if (random->OneIn(2)) {
        rule->set_span_ms(static_cast<int64_t>(random->Below(40)) * 1'000);
      }
      if (random->OneIn(2)) rule->set_units(random->Between(1, 3));
      if (rule->units() > 0) rule->set_each(each());
      if (random->OneIn(2)) rule->set_low_water(random->Below(8));
      break;
    case internal::v1::POLICY_RULE_KIND_PRIORITY:
      // Random checkouts ask for 4 to 6.
      rule->set_max_priority(static_cast<uint32_t>(random->Between(3, 6)));
      break;
    default:
      break;
  }
}

PolicyRule RandomRule(Random* random, int number) {
  std::vector<TestPart> parts;
  const internal::v1::PolicyRuleKind kind = RandomKind(random);
  const bool reserves = kind == internal::v1::POLICY_RULE_KIND_RESERVE;
  const bool at_all_hours = kind == internal::v1::POLICY_RULE_KIND_IDLE ||
                            kind == internal::v1::POLICY_RULE_KIND_LINGER;
  for (uint64_t left = random->Between(reserves ? 1 : 0, 3); left > 0; --left) {
    TestPart part = {.field = RandomField(random),
                     .values = {},
                     .negated = random->OneIn(3)};
    if (at_all_hours && part.field == internal::v1::POLICY_FIELD_TIME) continue;
    for (uint64_t i = random->Between(1, 3); i > 0; --i) {
      part.values.push_back(RandomValue(random, part.field));
    }
    parts.push_back(part);
  }
  PolicyRule rule =
      RuleOf(absl::StrCat("r", number), kind,
             random->OneIn(4) ? "" : RandomFeature(random), 0, parts);
  if (random->OneIn(4)) {
    rule.clear_feature();
    rule.set_feature_group(absl::StrCat("g", random->Below(2)));
  }
  AddNumbers(random, &rule);
  return rule;
}

}  // namespace

PolicyField RandomField(Random* random) {
  return static_cast<PolicyField>(random->Between(1, 12));
}

std::string RandomUser(Random* random) {
  return Numbered(random, "u", 5);
}

std::string RandomHost(Random* random) {
  return Numbered(random, "h", 4);
}

std::string RandomProject(Random* random) {
  return random->OneIn(3) ? "" : Numbered(random, "p", 2);
}

std::string RandomVersion(Random* random) {
  return random->OneIn(5)
             ? ""
             : absl::StrCat(random->Below(4), ".", random->Below(12));
}

std::string RandomAddress(Random* random) {
  return random->OneIn(5) ? "" : absl::StrCat("10.0.0.", random->Below(256));
}

Policy RandomPolicy(Random* random) {
  Policy policy;
  policy.set_ignore_case(random->OneIn(2));
  AddGroups(random, &policy);
  const int rules = static_cast<int>(random->Below(9));
  for (int i = 0; i < rules; ++i) {
    PolicyRule rule = RandomRule(random, i);
    // Too many that deny, or allow few, leave nothing to look at.
    const bool shuts = rule.kind() == internal::v1::POLICY_RULE_KIND_DENY ||
                       rule.kind() == internal::v1::POLICY_RULE_KIND_ALLOW;
    if (shuts && random->OneIn(2)) continue;
    *policy.add_rules() = rule;
  }
  // Few borrow at all; one that bounds them all meets some.
  if (random->OneIn(2)) {
    PolicyRule* const rule = policy.add_rules();
    *rule = RuleOf("lend", internal::v1::POLICY_RULE_KIND_BORROW, "", 0, {});
    AddNumbers(random, rule);
  }
  return policy;
}

}  // namespace quorate::policy

// Rows of commands by which something comes about that random commands seldom
// come to: lent seats that are called back, users who are away, and borrows
// that the policy limits. Other commands come between them.

#include "absl/strings/str_cat.h"

#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/random_commands.h"
#include "tests/server/policy/policies.h"

namespace quorate::licensing {

using internal::v1::Command;
using internal::v1::Policy;
using internal::v1::PolicyRule;

// Of rules that call back what they lend.
Policy CommandSource::SomeLending(const std::string& user,
                                  const std::string& feature) {
  std::vector<PolicyRule> rules;
  for (uint64_t i = random_.Between(1, 3); i > 0; --i) {
    rules.push_back(policy::RuleOf(
        absl::StrCat("r", i), internal::v1::POLICY_RULE_KIND_RESERVE, feature,
        random_.Between(2, 9),
        {{.field = internal::v1::POLICY_FIELD_USER,
          .values = {user, policy::RandomUser(&random_)},
          .negated = random_.OneIn(5)}}));
    rules.back().set_lend(!random_.OneIn(5));
    if (!rules.back().lend()) continue;
    rules.back().set_span_ms(static_cast<int64_t>(random_.Between(10, 15)) *
                             1000);
  }
  Policy policy = policy::PolicyOf(rules);
  policy.set_ignore_case(true);
  return policy;
}

Command CommandSource::PolicyCommand(Policy policy) {
  Command command;
  command.mutable_apply_policy()->set_base_version(policy_version);
  *command.mutable_apply_policy()->mutable_policy() = std::move(policy);
  return command;
}

Command CommandSource::OpenBy(const std::string& user) {
  Command command = SomeOpen();
  command.mutable_open_session()->set_ttl_ms(60'000);  // To see the end.
  command.mutable_open_session()->mutable_description()->set_user(user);
  return command;
}

Command CommandSource::CheckoutBy(uint64_t session,
                                  const std::string& feature) {
  const auto count = static_cast<uint32_t>(random_.Between(1, 4));
  return WaitCommand(session, {{feature, count}},
                     random_.OneIn(4) ? 0 : 60'000);
}

void CommandSource::MakePlan() {
  // Most often one that there is.
  const std::string feature =
      granted_.empty() || random_.OneIn(4)
          ? SomeFeature()
          : granted_.back().checkout().items(0).feature();
  switch (random_.Below(4)) {
    case 0:
      return PlanBorrow(feature);
    case 1:
      return PlanIdling(feature);
    default:
      return PlanRecall(feature);
  }
}

// Others take what is reserved for one user, who then asks for it.
void CommandSource::PlanRecall(const std::string& feature) {
  const std::string user = absl::StrCat("u", random_.Below(5));
  plan_.push_back([this, user, feature] {
    return PolicyCommand(SomeLending(user, feature));
  });
  plan_.push_back([this] { return OpenBy(policy::RandomUser(&random_)); });
  for (uint64_t i = random_.Between(2, 4); i > 0; --i) {
    plan_.push_back(
        [this, feature] { return CheckoutBy(SomeSession(), feature); });
  }
  plan_.push_back([this, user] { return OpenBy(user); });
  for (uint64_t i = random_.Between(1, 2); i > 0; --i) {
    plan_.push_back([this, feature] {
      return CheckoutBy(sessions_.empty() ? 0 : sessions_.back(), feature);
    });
  }
}

// Users are away who have seats, and are warned where the rule does so.
void CommandSource::PlanIdling(const std::string& feature) {
  plan_.push_back([this, feature] {
    PolicyRule rule = policy::RuleOf(
        "idle", internal::v1::POLICY_RULE_KIND_IDLE, feature, 0, {});
    rule.set_span_ms(static_cast<int64_t>(random_.Between(1, 4)) * 60'000);
    rule.set_warning_ms(random_.OneIn(3) ? 0 : rule.span_ms() / 4);
    return PolicyCommand(policy::PolicyOf({rule}));
  });
  plan_.push_back([this] { return SomeOpen(); });
  for (uint64_t i = random_.Between(2, 4); i > 0; --i) {
    plan_.push_back(
        [this, feature] { return CheckoutBy(SomeSession(), feature); });
    plan_.push_back([this] { return SomeRenewals(); });
  }
}

// Seats are taken and borrowed, as far as a rule lets them.
void CommandSource::PlanBorrow(const std::string& feature) {
  plan_.push_back([this, feature] {
    PolicyRule rule = policy::RuleOf(
        "borrow", internal::v1::POLICY_RULE_KIND_BORROW, feature, 0, {});
    rule.set_units(random_.Below(5));
    rule.set_low_water(random_.Below(4));
    return PolicyCommand(policy::PolicyOf({rule}));
  });
  plan_.push_back([this] { return SomeOpen(); });
  for (uint64_t i = random_.Between(2, 4); i > 0; --i) {
    plan_.push_back(
        [this, feature] { return CheckoutBy(SomeSession(), feature); });
    plan_.push_back([this] { return SomeBorrow(); });
  }
}

}  // namespace quorate::licensing

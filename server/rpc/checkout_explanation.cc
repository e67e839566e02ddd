#include "server/rpc/checkout_explanation.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "server/licensing/policy_book.h"
#include "server/policy/reservations.h"
#include "server/policy/seat_terms.h"
#include "server/rpc/status_translation.h"

namespace quorate::server {
namespace {

using internal::v1::PolicyPart;
using internal::v1::PolicyRule;
using licensing::FeatureView;
using licensing::Ledger;
using policy::CompiledPolicy;
using policy::Decision;
using policy::Effect;
using policy::TraceLine;
using policy::Verdict;

// Values of a part that a sentence names; the rest is a number.
constexpr int kMaxValuesShown = 3;

// "user is not one of ann, bob".
std::string MismatchSentence(const PolicyPart& part) {
  std::vector<std::string> shown;
  for (int i = 0; i < std::min(part.values_size(), kMaxValuesShown); ++i) {
    shown.push_back(part.values(i));
  }
  if (part.values_size() > kMaxValuesShown) {
    shown.push_back(
        absl::StrCat("or ", part.values_size() - kMaxValuesShown, " more"));
  }
  std::string field = policy::WordOf(part.field());
  std::replace(field.begin(), field.end(), '_', ' ');
  return absl::StrCat("does not match: the rule is for ", field,
                      part.negated() ? " other than " : " ",
                      absl::StrJoin(shown, ", "));
}

std::string SentenceOf(const TraceLine& line, const PolicyRule& rule) {
  switch (line.effect) {
    case Effect::kNoMatch:
      return MismatchSentence(rule.parts(line.part));
    case Effect::kNotNow:
      return "matches, but is not in effect at this time";
    case Effect::kDenies:
      return "denies it";
    case Effect::kAllows:
      return "allows it";
    case Effect::kKeepsForHim:
      return absl::StrCat("keeps ", line.units, " for these, of which ",
                          line.used, " are out: granted from it");
    case Effect::kKeptIsUsed:
      return absl::StrCat("keeps ", line.units, " for these, of which ",
                          line.used, " are out: too few are left");
    case Effect::kKeepsForOthers:
      return absl::StrCat("keeps ", line.units, " for others, of which ",
                          line.used, " are out");
    case Effect::kHasRoom:
      return absl::StrCat("limits these to ", line.units, ", ", line.used,
                          " are out: there is room");
    case Effect::kIsFull:
      return absl::StrCat("limits these to ", line.units, ", ", line.used,
                          " are out: no room");
  }
  return "";
}

// What the pools themselves refuse it with; nothing where they do not.
std::optional<Refusal> RefusalOfPools(const Ledger& ledger,
                                      const ImaginedCheckout& checkout) {
  internal::v1::CheckoutItem item;
  item.set_feature(checkout.feature);
  item.set_count(static_cast<uint32_t>(checkout.count));
  internal::v1::SessionDescription description;
  description.set_user(checkout.subject.user);
  description.set_host(checkout.subject.host);
  description.set_display(checkout.subject.display);
  description.set_application(checkout.subject.application);
  description.set_version(checkout.subject.version);
  const auto answer = ledger.WhyNotNow(item, description);
  if (answer.has_value()) return RefusalOf(*answer);
  return std::nullopt;
}

std::string MessageFor(const Decision& decision,
                       const ImaginedCheckout& checkout,
                       const std::string& rule) {
  switch (decision.verdict) {
    case Verdict::kDenied:
      return absl::StrCat("rule \"", rule, "\" denies ", checkout.feature);
    case Verdict::kNotAllowed:
      return absl::StrCat(checkout.feature,
                          " is allowed only to those whom a rule allows it, "
                          "and none does");
    case Verdict::kOverLimit:
      return absl::StrCat("rule \"", rule, "\" limits these to ",
                          decision.units, ", and ", decision.used, " are out");
    case Verdict::kReserved:
      return absl::StrCat(decision.units, " of the seats that are free are ",
                          "kept for others, most by rule \"", rule, "\"");
    case Verdict::kGranted:
      break;
  }
  return rule.empty()
             ? "granted"
             : absl::StrCat("granted from what rule \"", rule, "\" keeps");
}

// Names of the feature's allow-rules, as a person would be told them.
std::string AllowRules(const CompiledPolicy& compiled,
                       absl::string_view feature) {
  std::vector<std::string> names;
  for (const uint32_t rule : compiled.RulesOf(feature).allow) {
    if (names.size() >= kMaxValuesShown) break;
    names.push_back(absl::StrCat("\"", compiled.rule(rule).name(), "\""));
  }
  return absl::StrJoin(names, ", ");
}

std::string HelpFor(const Decision& decision, const ImaginedCheckout& checkout,
                    const CompiledPolicy& compiled) {
  const std::string rule =
      decision.rule.has_value()
          ? absl::StrCat("\"", compiled.rule(*decision.rule).name(), "\"")
          : "";
  switch (decision.verdict) {
    case Verdict::kDenied:
      return absl::StrCat("Change rule ", rule,
                          " so that it does not match, or remove it.");
    case Verdict::kNotAllowed:
      return absl::StrCat("Have a rule match that allows ", checkout.feature,
                          ": ", AllowRules(compiled, checkout.feature), ".");
    case Verdict::kOverLimit:
      return decision.units < checkout.count
                 ? absl::StrCat("Raise rule ", rule, " to ",
                                decision.used + checkout.count, ".")
                 : absl::StrCat("Wait until ",
                                decision.used + checkout.count - decision.units,
                                " of these are back, or raise rule ", rule,
                                " to ", decision.used + checkout.count, ".");
    case Verdict::kReserved:
      return absl::StrCat("Wait for seats to come back, or let rule ", rule,
                          " lend what is not in use, or keep less.");
    case Verdict::kGranted:
      break;
  }
  return "";
}

std::string HelpFor(const Refusal& refusal, const ImaginedCheckout& checkout) {
  switch (refusal.reason) {
    case type::v1::ERROR_REASON_FEATURE_UNKNOWN:
      return absl::StrCat("Check the spelling of ", checkout.feature,
                          " (quorate pools), or install a licence for it.");
    case type::v1::ERROR_REASON_LICENSE_EXPIRED:
    case type::v1::ERROR_REASON_LICENSE_NOT_STARTED:
    case type::v1::ERROR_REASON_VERSION_NOT_COVERED:
    case type::v1::ERROR_REASON_RELEASE_NOT_COVERED:
    case type::v1::ERROR_REASON_ATTRIBUTE_NOT_OFFERED:
    case type::v1::ERROR_REASON_HOST_NOT_COVERED:
      return "Look at the licences' dates and conditions (quorate license "
             "list, "
             "quorate pools).";
    case type::v1::ERROR_REASON_COUNT_OVER_TOTAL:
    case type::v1::ERROR_REASON_CREDITS_EXHAUSTED:
      return "Ask for fewer, or buy more.";
    case type::v1::ERROR_REASON_CASUAL_MINUTES_USED:
      return "Wait for the next month.";
    case type::v1::ERROR_REASON_NAMES_EXHAUSTED:
      return absl::StrCat(
          "Free the name of somebody who does not need it "
          "(quorate users list ",
          checkout.feature, "), or buy more.");
    case type::v1::ERROR_REASON_COOLING_DOWN:
      return "Wait; an administrator took it from this client.";
    default:
      return absl::StrCat("Wait, or see who has them (quorate seats --feature ",
                          checkout.feature, ").");
  }
}

void WriteRules(const std::vector<TraceLine>& trace,
                const CompiledPolicy& compiled,
                monitoring::v1::ExplainCheckoutResponse* explanation) {
  for (const TraceLine& line : trace) {
    const PolicyRule& rule = compiled.rule(line.rule);
    monitoring::v1::ExplainedRule* const explained = explanation->add_rules();
    explained->set_rule(rule.name());
    explained->set_kind(policy::WordOf(rule.kind()));
    explained->set_matches(line.effect != Effect::kNoMatch &&
                           line.effect != Effect::kNotNow &&
                           line.effect != Effect::kKeepsForOthers);
    explained->set_text(SentenceOf(line, rule));
  }
}

// What the first rule that counts says; empty where none does.
std::string BorrowSentence(const licensing::PolicyBook& policies,
                           const policy::Subject& folded,
                           const ImaginedCheckout& checkout,
                           int64_t calendar_ms) {
  const CompiledPolicy& compiled = policies.compiled();
  const auto terms =
      policy::FindBorrowTerms(compiled, folded, checkout.feature, calendar_ms);
  if (!terms.has_value()) return "";
  const std::string rule =
      absl::StrCat("rule \"", compiled.rule(terms->rule).name(), "\"");
  if (!terms->allowed) return absl::StrCat(rule, " keeps these from it");
  std::vector<std::string> bounds;
  if (terms->span_ms > 0) {
    bounds.push_back(
        absl::StrCat("for at most ",
                     absl::FormatDuration(absl::Milliseconds(terms->span_ms))));
  }
  if (terms->units > 0) {
    bounds.push_back(absl::StrCat(
        "at most ", terms->units, " at a time, of which ",
        policies.borrow_use().UnitsOf(terms->rule, checkout.feature,
                                      compiled.KeyOf(terms->rule, folded)),
        " are borrowed"));
  }
  if (terms->low_water > 0) {
    bounds.push_back(absl::StrCat(terms->low_water, " have to stay"));
  }
  if (bounds.empty()) bounds.push_back("as the licences allow");
  return absl::StrCat("by ", rule, " ", absl::StrJoin(bounds, ", "));
}

std::string PrioritySentence(const CompiledPolicy& compiled,
                             const policy::Subject& folded,
                             absl::string_view feature, int64_t calendar_ms) {
  const PolicyRule* const rule =
      policy::FindPriorityRule(compiled, folded, feature, calendar_ms);
  if (rule == nullptr) return "";
  return absl::StrCat("at most ", rule->max_priority(), " by rule \"",
                      rule->name(), "\"");
}

}  // namespace

type::v1::ErrorReason ReasonOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kDenied:
    case Verdict::kNotAllowed:
      return type::v1::ERROR_REASON_POLICY_DENIED;
    case Verdict::kOverLimit:
      return type::v1::ERROR_REASON_POLICY_LIMIT;
    case Verdict::kReserved:
      return type::v1::ERROR_REASON_SEATS_RESERVED;
    case Verdict::kGranted:
      break;
  }
  return type::v1::ERROR_REASON_UNSPECIFIED;
}

void WriteExplanation(const Ledger& ledger, const ImaginedCheckout& checkout,
                      monitoring::v1::ExplainCheckoutResponse* explanation) {
  const licensing::PolicyBook& policies = ledger.policies();
  const CompiledPolicy& compiled = policies.compiled();
  const std::optional<FeatureView> all = ledger.FindFeature(checkout.feature);
  const policy::Subject folded = compiled.Folded(checkout.subject);
  const int64_t calendar_ms = checkout.calendar_ms != 0
                                  ? checkout.calendar_ms
                                  : ledger.time().calendar_ms;
  std::vector<TraceLine> trace;
  const Decision decision =
      policy::Decide(compiled, policies.use(),
                     {.folded = &folded,
                      .feature = checkout.feature,
                      .count = checkout.count,
                      .calendar_ms = calendar_ms,
                      .total = all.has_value() ? all->total : 0,
                      .taken = all.has_value() ? all->taken : 0,
                      .claimed = all.has_value() ? all->claimed : 0},
                     &trace);
  explanation->set_policy_version(policies.version());
  WriteRules(trace, compiled, explanation);
  explanation->set_borrow(
      BorrowSentence(policies, folded, checkout, calendar_ms));
  explanation->set_priority(
      PrioritySentence(compiled, folded, checkout.feature, calendar_ms));
  explanation->set_total(all.has_value() ? all->total : 0);
  explanation->set_out(all.has_value() ? all->out : 0);
  const std::string rule =
      decision.rule.has_value() ? compiled.rule(*decision.rule).name() : "";
  const bool licensed = all.has_value() && all->in_force;
  const std::optional<Refusal> refusal = RefusalOfPools(ledger, checkout);
  explanation->set_granted(decision.verdict == Verdict::kGranted &&
                           !refusal.has_value());
  // As a checkout: what is not licensed comes before the policy, the rest of
  // the pool's after it.
  if (licensed && decision.verdict != Verdict::kGranted) {
    explanation->set_reason(
        std::string(ReasonName(ReasonOf(decision.verdict))));
    explanation->set_message(MessageFor(decision, checkout, rule));
    explanation->set_rule(rule);
  } else if (refusal.has_value()) {
    explanation->set_reason(std::string(ReasonName(refusal->reason)));
    explanation->set_message(MessageOf(*refusal));
  } else {
    explanation->set_message(MessageFor(decision, checkout, rule));
    explanation->set_rule(rule);
  }
  if (decision.verdict != Verdict::kGranted) {
    explanation->add_help(HelpFor(decision, checkout, compiled));
  }
  if (!refusal.has_value()) return;
  explanation->add_help(HelpFor(*refusal, checkout));
  if (refusal->reason == type::v1::ERROR_REASON_POOL_EXHAUSTED &&
      decision.verdict == Verdict::kGranted && decision.rule.has_value() &&
      policy::CallsBack(compiled.rule(*decision.rule))) {
    explanation->add_help(
        absl::StrCat("Waiting in the queue (quorate checkout "
                     "--wait) calls lent seats back, by rule "
                     "\"",
                     rule, "\"."));
  }
}

}  // namespace quorate::server

#include "server/policy/decision.h"

#include <algorithm>

#include "server/policy/reservations.h"

namespace quorate::policy {
namespace {

// What the reservations of a feature leave.
struct Kept {
  std::optional<uint32_t> covering;  // The first that covers what is asked for.
  uint64_t for_others = 0;
  std::optional<uint32_t> most;     // The rule that keeps the most for others.
  std::optional<uint32_t> calling;  // The first that calls lent units back.
};

// Asks the rules of one feature about one question. Thread-compatible.
class Inquiry {
 public:
  Inquiry(const CompiledPolicy& policy, const RuleUse& use,
          const Question& question, std::vector<TraceLine>* trace)
      : policy_(policy),
        use_(use),
        question_(question),
        trace_(trace),
        rules_(policy.RulesOf(question.feature)) {}

  Decision Run();

 private:
  // What keeps the rule from having an effect; nothing where it has one.
  std::optional<TraceLine> Absent(uint32_t rule) const;

  void Note(const TraceLine& line) {
    if (trace_ != nullptr) trace_->push_back(line);
  }

  std::optional<uint32_t> FirstEffective(const std::vector<uint32_t>& rules,
                                         Effect effect);
  Kept AskReservations();
  std::optional<Decision> AskLimits();

  const CompiledPolicy& policy_;
  const RuleUse& use_;
  const Question& question_;
  std::vector<TraceLine>* const trace_;
  const FeatureRules& rules_;
};

std::optional<TraceLine> Inquiry::Absent(uint32_t rule) const {
  if (const std::optional<int> part =
          policy_.MismatchOf(rule, *question_.folded)) {
    return TraceLine{.rule = rule, .effect = Effect::kNoMatch, .part = *part};
  }
  if (!policy_.InEffect(rule, question_.calendar_ms)) {
    return TraceLine{.rule = rule, .effect = Effect::kNotNow};
  }
  return std::nullopt;
}

std::optional<uint32_t> Inquiry::FirstEffective(
    const std::vector<uint32_t>& rules, Effect effect) {
  std::optional<uint32_t> first;
  for (const uint32_t rule : rules) {
    if (const std::optional<TraceLine> absent = Absent(rule)) {
      Note(*absent);
      continue;
    }
    Note({.rule = rule, .effect = effect});
    if (!first.has_value()) first = rule;
    if (trace_ == nullptr) break;
  }
  return first;
}

Kept Inquiry::AskReservations() {
  Kept kept;
  uint64_t most = 0;
  // Where reservations are for more than there is, the earlier rule has the
  // first call.
  uint64_t left = question_.total;
  for (const uint32_t rule : rules_.reserve) {
    const bool his = policy_.Matches(rule, *question_.folded);
    if (!policy_.InEffect(rule, question_.calendar_ms)) {
      Note(*Absent(rule));
      continue;
    }
    const uint64_t units = std::min(policy_.rule(rule).units(), left);
    left -= units;
    const uint64_t used = use_.UnitsOf(rule, question_.feature, "");
    const uint64_t unused = units > used ? units - used : 0;
    TraceLine line = {.rule = rule,
                      .effect = Effect::kKeepsForOthers,
                      .used = used,
                      .units = units};
    if (CallsBack(policy_.rule(rule)) && !kept.calling.has_value()) {
      kept.calling = rule;
    }
    if (his) {
      const bool covers = unused >= question_.count;
      line.effect = covers ? Effect::kKeepsForHim : Effect::kKeptIsUsed;
      if (covers && !kept.covering.has_value()) kept.covering = rule;
    } else if (policy_.rule(rule).lend()) {
      line = *Absent(rule);
    } else {
      kept.for_others += unused;
      if (unused > most) {
        most = unused;
        kept.most = rule;
      }
    }
    Note(line);
  }
  return kept;
}

std::optional<Decision> Inquiry::AskLimits() {
  std::optional<Decision> full;
  for (const uint32_t rule : rules_.limit) {
    if (const std::optional<TraceLine> absent = Absent(rule)) {
      Note(*absent);
      continue;
    }
    const uint64_t used = use_.UnitsOf(rule, question_.feature,
                                       policy_.KeyOf(rule, *question_.folded));
    const uint64_t units = policy_.rule(rule).units();
    const bool over = used > units || question_.count > units - used;
    Note({.rule = rule,
          .effect = over ? Effect::kIsFull : Effect::kHasRoom,
          .used = used,
          .units = units});
    if (!over || full.has_value()) continue;
    full = {.verdict = Verdict::kOverLimit,
            .rule = rule,
            .used = used,
            .units = units};
  }
  return full;
}

Decision Inquiry::Run() {
  const std::optional<uint32_t> denied =
      FirstEffective(rules_.deny, Effect::kDenies);
  if (denied.has_value() && trace_ == nullptr) {
    return {.verdict = Verdict::kDenied, .rule = denied};
  }
  Kept kept = AskReservations();
  const std::optional<Decision> full = AskLimits();
  const std::optional<uint32_t> allowed =
      FirstEffective(rules_.allow, Effect::kAllows);
  if (denied.has_value()) {
    return {.verdict = Verdict::kDenied, .rule = denied};
  }
  if (!kept.covering.has_value()) {
    if (!allowed.has_value() && !rules_.allow.empty()) {
      return {.verdict = Verdict::kNotAllowed, .rule = rules_.allow.front()};
    }
    if (full.has_value()) return *full;
    if (kept.calling.has_value()) {
      kept.for_others += question_.claimed;
      if (!kept.most.has_value()) kept.most = kept.calling;
    }
  }
  // Too little free in all is the pool's to say.
  const uint64_t free =
      question_.total > question_.taken ? question_.total - question_.taken : 0;
  if (question_.count <= free && kept.for_others > free - question_.count) {
    return {.verdict = Verdict::kReserved,
            .rule = kept.most,
            .units = kept.for_others};
  }
  return {.verdict = Verdict::kGranted, .rule = kept.covering};
}

}  // namespace

Decision Decide(const CompiledPolicy& policy, const RuleUse& use,
                const Question& question, std::vector<TraceLine>* trace) {
  return Inquiry(policy, use, question, trace).Run();
}

}  // namespace quorate::policy

#include "server/rpc/policy_plan.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/message_differencer.h"

#include "server/licensing/policy_book.h"
#include "server/licensing/sessions.h"
#include "server/policy/decision.h"
#include "server/policy/rule_features.h"
#include "server/policy/rule_use.h"
#include "server/rpc/checkout_explanation.h"
#include "server/rpc/policy_messages.h"
#include "server/rpc/status_translation.h"

namespace quorate::server {
namespace {

using google::protobuf::util::MessageDifferencer;
using internal::v1::Policy;
using internal::v1::PolicyGroup;
using internal::v1::PolicyRule;
using internal::v1::SeatRecord;
using internal::v1::SessionRecord;
using licensing::Ledger;
using policy::CompiledPolicy;
using policy::Decision;
using policy::RuleUse;
using policy::Subject;
using policy::Verdict;

void AddChange(const std::string& subject, const char* change,
               admin::v1::PlanPolicyResponse* plan) {
  // More than a policy's own limits allow of both together.
  if (plan->changes_size() >= 1'000) return;
  admin::v1::PlannedChange* const added = plan->add_changes();
  added->set_subject(subject);
  added->set_change(change);
}

std::string SubjectOfItem(const PolicyRule& rule) {
  return absl::StrCat("rule ", rule.name());
}

std::string SubjectOfItem(const PolicyGroup& group) {
  return absl::StrCat("group ", group.name(), " (",
                      policy::WordOf(group.kind()), ")");
}

template <typename Items>
void CompareItems(const Items& before, const Items& after,
                  admin::v1::PlanPolicyResponse* plan) {
  std::map<std::string, int> places;
  for (int i = 0; i < before.size(); ++i)
    places[SubjectOfItem(before[i])] = i;
  int last = -1;
  for (const auto& item : after) {
    const std::string subject = SubjectOfItem(item);
    const auto found = places.find(subject);
    if (found == places.end()) {
      AddChange(subject, "added", plan);
      continue;
    }
    const int place = found->second;
    places.erase(found);
    if (!MessageDifferencer::Equals(item, before[place])) {
      AddChange(subject, "changed", plan);
    } else if (place < last) {
      AddChange(subject, "moved", plan);
    }
    last = std::max(last, place);
  }
  for (const auto& [subject, place] : places)
    AddChange(subject, "removed", plan);
}

// Looks at what is out under the draft. Thread-compatible.
class Holders {
 public:
  Holders(const Ledger& ledger, const CompiledPolicy& draft,
          admin::v1::PlanPolicyResponse* plan)
      : ledger_(ledger), draft_(draft), plan_(plan) {}

  void Look();

 private:
  struct Holding {
    const SeatRecord* seat;
    const SessionRecord* session;
    Subject folded;
  };

  void Count();
  void AskAgain(const Holding& holding);
  void CompareLimits(const RuleUse& use);

  const Ledger& ledger_;
  const CompiledPolicy& draft_;
  admin::v1::PlanPolicyResponse* const plan_;
  std::vector<Holding> holdings_;
  RuleUse use_;
  RuleUse borrow_use_{RuleUse::Of::kBorrows};
};

void Holders::Count() {
  plan_->set_complete(true);
  ledger_.VisitSeats(0, [this](const SeatRecord& seat) {
    if (holdings_.size() >= kMaxPlanSeats) {
      plan_->set_complete(false);
      return false;
    }
    const SessionRecord* const session = ledger_.FindSession(seat.session_id());
    if (session == nullptr) return true;
    holdings_.push_back(
        {&seat, session,
         draft_.Folded(licensing::SubjectOf(session->description()))});
    use_.Take(draft_, holdings_.back().folded, seat.feature(), seat.count());
    if (licensing::IsBorrow(*session)) {
      borrow_use_.Take(draft_, holdings_.back().folded, seat.feature(),
                       seat.count());
    }
    return true;
  });
  plan_->set_seats_seen(holdings_.size());
}

// As if it gave the seat back and asked for it again.
void Holders::AskAgain(const Holding& holding) {
  const SeatRecord& seat = *holding.seat;
  const auto all = ledger_.FindFeature(seat.feature());
  use_.GiveBack(draft_, holding.folded, seat.feature(), seat.count());
  const uint64_t taken = all.has_value() ? all->taken : 0;
  const Decision decision =
      policy::Decide(draft_, use_,
                     {.folded = &holding.folded,
                      .feature = seat.feature(),
                      .count = seat.count(),
                      .calendar_ms = ledger_.time().calendar_ms,
                      .total = all.has_value() ? all->total : 0,
                      .taken = taken - std::min<uint64_t>(taken, seat.count())},
                     nullptr);
  use_.Take(draft_, holding.folded, seat.feature(), seat.count());
  if (decision.verdict == Verdict::kGranted) return;
  plan_->set_affected_count(plan_->affected_count() + 1);
  if (plan_->affected_size() >= kMaxPlanItems) return;
  admin::v1::AffectedHolder* const affected = plan_->add_affected();
  affected->set_session(SessionName(seat.session_id()));
  affected->set_user(holding.session->description().user());
  affected->set_host(holding.session->description().host());
  affected->set_feature(seat.feature());
  affected->set_rule(draft_.rule(*decision.rule).name());
  affected->set_reason(std::string(ReasonName(ReasonOf(decision.verdict))));
}

void Holders::CompareLimits(const RuleUse& use) {
  for (const policy::RuleCount& count : use.Counts()) {
    const PolicyRule& rule = draft_.rule(count.rule);
    const bool limits = rule.kind() == internal::v1::POLICY_RULE_KIND_LIMIT ||
                        rule.kind() == internal::v1::POLICY_RULE_KIND_BORROW;
    // Of a borrow rule 0 is no limit.
    if (!limits || count.units <= rule.units() ||
        (&use == &borrow_use_ && rule.units() == 0)) {
      continue;
    }
    if (plan_->exceeded_size() >= kMaxPlanItems) return;
    admin::v1::ExceededLimit* const exceeded = plan_->add_exceeded();
    exceeded->set_rule(rule.name());
    exceeded->set_feature(count.feature);
    exceeded->set_key(count.key);
    exceeded->set_units(rule.units());
    exceeded->set_used(count.units);
  }
}

void Holders::Look() {
  Count();
  for (const Holding& holding : holdings_)
    AskAgain(holding);
  CompareLimits(use_);
  CompareLimits(borrow_use_);
}

void Warn(std::string warning, admin::v1::PlanPolicyResponse* plan) {
  if (plan->warnings_size() >= kMaxPlanItems) return;
  plan->add_warnings(std::move(warning));
}

void WarnOfFeatures(const Ledger& ledger, const Policy& draft,
                    admin::v1::PlanPolicyResponse* plan) {
  std::map<std::string, uint64_t> reserved;
  for (const PolicyRule& rule : draft.rules()) {
    for (const std::string& feature : policy::FeaturesOf(draft, rule)) {
      if (!ledger.FindFeature(feature).has_value()) {
        Warn(absl::StrCat("rule ", rule.name(), " is about ", feature,
                          ", which no installed licence has"),
             plan);
      } else if (rule.kind() == internal::v1::POLICY_RULE_KIND_RESERVE) {
        reserved[feature] += rule.units();
      }
    }
  }
  for (const auto& [feature, units] : reserved) {
    const uint64_t total = ledger.FindFeature(feature)->total;
    if (units <= total) continue;
    Warn(absl::StrCat(units, " units of ", feature, " are reserved, but there ",
                      "are ", total, ": the rules that come first get theirs"),
         plan);
  }
}

}  // namespace

void WritePlan(const Ledger& ledger, const CompiledPolicy& draft,
               admin::v1::PlanPolicyResponse* plan) {
  const licensing::PolicyBook& policies = ledger.policies();
  const Policy& in_force = policies.compiled().policy();
  plan->set_etag(EtagOf(policies));
  CompareItems(in_force.rules(), draft.policy().rules(), plan);
  CompareItems(in_force.groups(), draft.policy().groups(), plan);
  if (in_force.ignore_case() != draft.policy().ignore_case()) {
    AddChange("ignore_case", "changed", plan);
  }
  Holders(ledger, draft, plan).Look();
  WarnOfFeatures(ledger, draft.policy(), plan);
}

}  // namespace quorate::server

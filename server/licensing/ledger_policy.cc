// The policy: put in force, rolled back, and asked by every checkout.

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/util/message_differencer.h"

#include "server/licensing/field_rules.h"
#include "server/licensing/ledger_state.h"
#include "server/licensing/record_codec.h"
#include "server/licensing/refusals.h"
#include "server/policy/decision.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;
using internal::v1::PolicyVersionRecord;
using policy::Decision;
using policy::Verdict;

// What all items of one feature ask for together.
struct Ask {
  absl::string_view feature;
  uint64_t count = 0;
};

using Asks = absl::InlinedVector<Ask, 4>;

Asks AsksOf(const CheckoutItems& items) {
  Asks asks;
  for (const internal::v1::CheckoutItem& item : items) {
    const auto same = std::find_if(
        asks.begin(), asks.end(),
        [&item](const Ask& ask) { return ask.feature == item.feature(); });
    if (same != asks.end()) {
      same->count += item.count();
    } else {
      asks.push_back({.feature = item.feature(), .count = item.count()});
    }
  }
  return asks;
}

LedgerAnswer RefuseBy(const Decision& decision, const Ask& ask,
                      const FeatureView& all, const PolicyBook& policies) {
  const std::string& rule = policies.compiled().rule(*decision.rule).name();
  const std::string version = absl::StrCat(policies.version());
  const std::string feature(ask.feature);
  switch (decision.verdict) {
    case Verdict::kDenied:
      return Refuse(
          type::v1::ERROR_REASON_POLICY_DENIED,
          {{"feature", feature}, {"rule", rule}, {"policy_version", version}});
    case Verdict::kNotAllowed:
      return Refuse(type::v1::ERROR_REASON_POLICY_DENIED,
                    {{"feature", feature},
                     {"allow_rule", rule},
                     {"policy_version", version}});
    case Verdict::kOverLimit:
      return Refuse(type::v1::ERROR_REASON_POLICY_LIMIT,
                    {{"feature", feature},
                     {"rule", rule},
                     {"policy_version", version},
                     {"units", absl::StrCat(decision.units)},
                     {"used", absl::StrCat(decision.used)},
                     {"asked", absl::StrCat(ask.count)}});
    case Verdict::kReserved:
    case Verdict::kGranted:
      break;
  }
  return Refuse(type::v1::ERROR_REASON_SEATS_RESERVED,
                {{"feature", feature},
                 {"rule", rule},
                 {"policy_version", version},
                 {"reserved", absl::StrCat(decision.units)},
                 {"total", absl::StrCat(all.total)},
                 {"out", absl::StrCat(all.taken)},
                 {"asked", absl::StrCat(ask.count)}});
}

// The first fault, by its place in the command.
LedgerAnswer RefuseFaults(const std::vector<policy::PolicyFault>& faults) {
  const policy::PolicyFault& first = faults.front();
  return RefuseField(
      first.path.empty() ? "policy" : absl::StrCat("policy.", first.path),
      first.problem);
}

LedgerAnswer RefusePolicyChanged(uint64_t base_version, const Tables& tables) {
  return Refuse(type::v1::ERROR_REASON_POLICY_CHANGED,
                {{"base_version", absl::StrCat(base_version)},
                 {"policy_version", absl::StrCat(tables.policies.version())}});
}

}  // namespace

std::optional<LedgerAnswer> Ledger::State::RefuseByPolicy(
    const Session& session, const CheckoutItems& items) const {
  const PolicyBook& policies = tables_.policies;
  const policy::CompiledPolicy& compiled = policies.compiled();
  if (compiled.empty()) return std::nullopt;
  const policy::Subject folded =
      compiled.Folded(SubjectOf(session.record.description()));
  Decision worst;
  std::optional<LedgerAnswer> refusal;
  for (const Ask& ask : AsksOf(items)) {
    const std::optional<FeatureView> all = tables_.FindFeature(ask.feature);
    // What is not licensed is refused as such.
    if (!all.has_value() || !all->in_force) continue;
    const Decision decision =
        policy::Decide(compiled, policies.use(),
                       {.folded = &folded,
                        .feature = ask.feature,
                        .count = ask.count,
                        .calendar_ms = tables_.counters.calendar_ms,
                        .total = all->total,
                        .taken = all->taken,
                        .claimed = all->claimed},
                       nullptr);
    if (decision.verdict >= worst.verdict) continue;
    worst = decision;
    refusal = RefuseBy(decision, ask, *all, policies);
  }
  return refusal;
}

std::optional<LedgerAnswer> Ledger::State::RefuseDenied(
    const Session& session, const CheckoutItems& items) const {
  const PolicyBook& policies = tables_.policies;
  if (policies.compiled().empty()) return std::nullopt;
  const policy::Subject folded =
      policies.compiled().Folded(SubjectOf(session.record.description()));
  for (const Ask& ask : AsksOf(items)) {
    const Decision decision =
        policy::Decide(policies.compiled(), policies.use(),
                       {.folded = &folded,
                        .feature = ask.feature,
                        .calendar_ms = tables_.counters.calendar_ms},
                       nullptr);
    if (decision.verdict == Verdict::kDenied ||
        decision.verdict == Verdict::kNotAllowed) {
      return RefuseBy(decision, ask, {}, policies);
    }
  }
  return std::nullopt;
}

LedgerAnswer Ledger::State::ApplyPolicy(const Command& command,
                                        Changes* changes) {
  const internal::v1::ApplyPolicy& body = command.apply_policy();
  if (!IsPlainText(body.comment())) {
    return RefuseField("comment", "must be plain text of at most 256 bytes");
  }
  const PolicyBook& policies = tables_.policies;
  if (body.base_version() != policies.version()) {
    return RefusePolicyChanged(body.base_version(), tables_);
  }
  // What says nothing else makes no version.
  if (google::protobuf::util::MessageDifferencer::Equals(
          body.policy(), policies.compiled().policy())) {
    return {};
  }
  PolicyVersionRecord record;
  *record.mutable_policy() = body.policy();
  record.set_comment(body.comment());
  return PutInForce(command, std::move(record), changes);
}

LedgerAnswer Ledger::State::RollBackPolicy(const Command& command,
                                           Changes* changes) {
  const internal::v1::RollBackPolicy& body = command.roll_back_policy();
  if (!IsPlainText(body.comment())) {
    return RefuseField("comment", "must be plain text of at most 256 bytes");
  }
  if (body.base_version() != tables_.policies.version()) {
    return RefusePolicyChanged(body.base_version(), tables_);
  }
  PolicyVersionRecord record;
  // Before the first one everything was allowed.
  if (body.version() != 0) {
    const PolicyVersionRecord* const to =
        tables_.policies.FindVersion(body.version());
    if (to == nullptr) {
      return Refuse(type::v1::ERROR_REASON_POLICY_VERSION_NOT_FOUND,
                    {{"policy_version", absl::StrCat(body.version())}});
    }
    *record.mutable_policy() = to->policy();
  }
  record.set_comment(body.comment());
  record.set_rolled_back_to(body.version());
  return PutInForce(command, std::move(record), changes);
}

LedgerAnswer Ledger::State::PutInForce(const Command& command,
                                       PolicyVersionRecord record,
                                       Changes* changes) {
  std::vector<policy::PolicyFault> faults;
  auto compiled = policy::CompiledPolicy::Compile(record.policy(), &faults);
  if (compiled == nullptr) return RefuseFaults(faults);
  PolicyBook& policies = tables_.policies;
  record.set_version(policies.version() + 1);
  record.set_author(command.principal());
  record.set_request_id(command.request_id());
  record.set_applied_calendar_ms(tables_.counters.calendar_ms);
  while (policies.versions().size() >= limits_.policy_versions) {
    changes->push_back(
        EraseRecord(PolicyVersionKey(policies.versions().begin()->first)));
    policies.EraseOldest();
  }
  changes->push_back(PutRecord(record));
  policies.Add(std::move(record), std::move(compiled));
  tables_.seats.CountForPolicy();
  tables_.queue.MarkAllUnserved();
  return {};
}

const PolicyBook& Ledger::policies() const {
  return state_->tables().policies;
}

}  // namespace quorate::licensing

#include "server/licensing/borrow_rules.h"

#include <algorithm>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"

#include "server/licensing/pool_refusals.h"
#include "server/licensing/refusals.h"
#include "server/licensing/times.h"
#include "server/policy/seat_terms.h"

namespace quorate::licensing {
namespace {

using policy::BorrowTerms;

// What is asked of one feature.
struct FeatureAsk {
  uint64_t units = 0;
  uint64_t counted = 0;  // Of these, from pools that count.
};

using FeatureAsks = std::map<std::string, FeatureAsk>;

FeatureAsks AsksOf(const BorrowAsk& ask, const Tables& tables) {
  FeatureAsks asks;
  for (const uint64_t handle : *ask.handles) {
    const Seat& seat = *tables.seats.Find(handle);
    FeatureAsk& of_feature = asks[seat.record.feature()];
    of_feature.units += seat.record.count();
    if (seat.pool->kind.counting == Counting::kCounted) {
      of_feature.counted += seat.record.count();
    }
  }
  return asks;
}

// Calls `refuse` for each feature that a rule is about, until one is refused.
template <typename Refuse>
std::optional<LedgerAnswer> AskRules(const BorrowAsk& ask, const Tables& tables,
                                     const Refuse& refuse) {
  const policy::CompiledPolicy& compiled = tables.policies.compiled();
  if (compiled.empty()) return std::nullopt;
  const policy::Subject folded =
      compiled.Folded(SubjectOf(ask.session->record.description()));
  for (const auto& [feature, of_feature] : AsksOf(ask, tables)) {
    const std::optional<BorrowTerms> terms = policy::FindBorrowTerms(
        compiled, folded, feature, tables.counters.calendar_ms);
    if (!terms.has_value()) continue;
    std::optional<LedgerAnswer> refusal =
        refuse(feature, of_feature, *terms, folded);
    if (!refusal.has_value()) continue;
    refusal->metadata.emplace_back("rule",
                                   tables.policies.RuleName(terms->rule));
    refusal->metadata.emplace_back("policy_version",
                                   absl::StrCat(tables.policies.version()));
    return refusal;
  }
  return std::nullopt;
}

std::optional<LedgerAnswer> RefuseByLowWater(const std::string& feature,
                                             uint64_t asked, uint64_t low_water,
                                             const Pools& pools) {
  uint64_t total = 0;
  uint64_t borrowed = 0;
  for (const Pool* const pool : pools.OfFeature(feature)) {
    if (!pool->in_force || pool->kind.counting != Counting::kCounted) continue;
    total += pool->total;
    borrowed += pool->borrowed;
  }
  if (asked == 0 || low_water == 0 || borrowed + asked + low_water <= total) {
    return std::nullopt;
  }
  return RefuseBorrowLimit(feature, "low_water",
                           total - std::min(total, low_water), borrowed, asked);
}

}  // namespace

std::optional<LedgerAnswer> RefuseByBorrowRules(const BorrowAsk& ask,
                                                const Tables& tables) {
  const int64_t now = tables.counters.calendar_ms;
  return AskRules(ask, tables,
                  [&](const std::string& feature, const FeatureAsk&,
                      const BorrowTerms& terms,
                      const policy::Subject&) -> std::optional<LedgerAnswer> {
                    if (!terms.allowed) {
                      return Refuse(type::v1::ERROR_REASON_BORROW_NOT_ALLOWED,
                                    {{"feature", feature}});
                    }
                    const int64_t latest_ms = AddMs(now, terms.span_ms);
                    if (terms.span_ms == 0 || ask.until_ms <= latest_ms) {
                      return std::nullopt;
                    }
                    return Refuse(type::v1::ERROR_REASON_BORROW_TOO_LONG,
                                  {{"feature", feature},
                                   {"latest_ms", absl::StrCat(latest_ms)}});
                  });
}

std::optional<LedgerAnswer> RefuseByBorrowCounts(const BorrowAsk& ask,
                                                 const Tables& tables) {
  const PolicyBook& policies = tables.policies;
  return AskRules(
      ask, tables,
      [&](const std::string& feature, const FeatureAsk& asked,
          const BorrowTerms& terms,
          const policy::Subject& folded) -> std::optional<LedgerAnswer> {
        const uint64_t borrowed = policies.borrow_use().UnitsOf(
            terms.rule, feature, policies.compiled().KeyOf(terms.rule, folded));
        if (terms.units > 0 && borrowed + asked.units > terms.units) {
          return RefuseBorrowLimit(feature, "count", terms.units, borrowed,
                                   asked.units);
        }
        return RefuseByLowWater(feature, asked.counted, terms.low_water,
                                tables.pools);
      });
}

}  // namespace quorate::licensing

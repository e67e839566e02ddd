#include "server/licensing/pool_refusals.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "server/licensing/refusals.h"

namespace quorate::licensing {
namespace {

// No licence of the feature is in force.
LedgerAnswer RefuseByDates(const std::string& feature, const Pools& pools) {
  int64_t starts_ms = kNever;
  int64_t ended_ms = 0;
  for (const Pool* const pool : pools.OfFeature(feature)) {
    for (const CapacityTerm& term : pool->terms) {
      if (term.start_ms > pools.calendar_ms() && term.start_ms < term.end_ms) {
        starts_ms = std::min(starts_ms, term.start_ms);
      }
      ended_ms = std::max(ended_ms, term.end_ms);
    }
  }
  // Where one has ended and another begins later, the later one is the news.
  if (starts_ms != kNever) {
    return Refuse(
        type::v1::ERROR_REASON_LICENSE_NOT_STARTED,
        {{"feature", feature}, {"starts_ms", absl::StrCat(starts_ms)}});
  }
  return Refuse(type::v1::ERROR_REASON_LICENSE_EXPIRED,
                {{"feature", feature}, {"ended_ms", absl::StrCat(ended_ms)}});
}

}  // namespace

std::optional<LedgerAnswer> WhyNoPool(const std::string& feature,
                                      const Pools& pools) {
  bool licensed = false;
  for (const Pool* const pool : pools.OfFeature(feature)) {
    if (pool->in_force) return std::nullopt;
    licensed |= !pool->terms.empty();
  }
  if (licensed) return RefuseByDates(feature, pools);
  return Refuse(type::v1::ERROR_REASON_FEATURE_UNKNOWN, {{"feature", feature}});
}

LedgerAnswer RefuseCredits(const std::string& feature, uint64_t total,
                           uint64_t used, uint64_t asked) {
  return Refuse(type::v1::ERROR_REASON_CREDITS_EXHAUSTED,
                {{"feature", feature},
                 {"total", absl::StrCat(total)},
                 {"used", absl::StrCat(used)},
                 {"asked", absl::StrCat(asked)}});
}

LedgerAnswer RefuseBorrowLimit(const std::string& feature,
                               absl::string_view limit, uint64_t max,
                               uint64_t borrowed, uint64_t asked) {
  return Refuse(type::v1::ERROR_REASON_BORROW_LIMIT,
                {{"feature", feature},
                 {"borrow_limit", std::string(limit)},
                 {"max", absl::StrCat(max)},
                 {"borrowed", absl::StrCat(borrowed)},
                 {"asked", absl::StrCat(asked)}});
}

}  // namespace quorate::licensing

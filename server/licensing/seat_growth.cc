#include "server/licensing/seat_growth.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "server/licensing/pool_refusals.h"
#include "server/licensing/refusals.h"
#include "server/licensing/seats.h"

namespace quorate::licensing {
namespace {

// What a seat takes of one pool.
struct Part {
  absl::string_view pool;
  Share share;
  // What the seat had of it; credits are used up by what is more.
  uint64_t before = 0;
};

std::optional<LedgerAnswer> RefusePart(const Part& part, const Pools& pools) {
  const std::string feature(FeatureOfPool(part.pool));
  if (auto refusal = WhyNoPool(feature, pools)) return refusal;
  const Pool* const pool = pools.Find(part.pool);
  const uint64_t ceiling = pool == nullptr ? 0 : pool->ceiling();
  const uint64_t out = pool == nullptr ? 0 : pool->out;
  if (pool != nullptr && pool->kind.counting == Counting::kCredits) {
    const uint64_t more = part.share.count - part.before;
    if (more <= pool->credits_left) return std::nullopt;
    return RefuseCredits(feature, pool->total, pool->credits_used, more);
  }
  const auto refuse = [&](ErrorReason reason) {
    return Refuse(reason, {{"feature", feature},
                           {"total", absl::StrCat(ceiling)},
                           {"out", absl::StrCat(out)},
                           {"asked", absl::StrCat(part.share.count)}});
  };
  if (part.share.count > ceiling) {
    return refuse(type::v1::ERROR_REASON_COUNT_OVER_TOTAL);
  }
  const uint64_t shared =
      part.share.group.empty() ? 0 : pool->CountOfGroup(part.share.group);
  const uint64_t charge = std::max(part.share.count, shared) - shared;
  if (charge > 0 && (out > ceiling || charge > ceiling - out)) {
    return refuse(type::v1::ERROR_REASON_POOL_EXHAUSTED);
  }
  return std::nullopt;
}

}  // namespace

std::optional<LedgerAnswer> RefuseGrowth(const internal::v1::SeatRecord& before,
                                         const internal::v1::SeatRecord& seat,
                                         const Pools& pools) {
  const Part parts[] = {
      {.pool = PoolNameOf(seat),
       .share = {.count = seat.count(), .group = seat.share_group()},
       .before = before.count()},
      {.pool = seat.token_pool(),
       .share = {.count = seat.token_units(),
                 .group = seat.token_share_group()},
       .before = before.token_units()}};
  for (const Part& part : parts) {
    if (part.share.count == 0) continue;
    if (auto refusal = RefusePart(part, pools)) return refusal;
  }
  return std::nullopt;
}

}  // namespace quorate::licensing

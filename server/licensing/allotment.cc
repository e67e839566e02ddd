#include "server/licensing/allotment.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "server/licensing/pool_refusals.h"
#include "server/licensing/refusals.h"
#include "server/licensing/seats.h"
#include "server/policy/version_range.h"

namespace quorate::licensing {
namespace {

using internal::v1::Attribute;
using internal::v1::CheckoutItem;
using internal::v1::SessionDescription;

// Group keys are made of plain text, which has no such character.
constexpr absl::string_view kSeparator = "\x1f";

bool HasAttribute(const PoolKind& kind, const Attribute& wanted) {
  return std::any_of(kind.attributes.begin(), kind.attributes.end(),
                     [&wanted](const auto& attribute) {
                       return attribute.first == wanted.name() &&
                              attribute.second == wanted.value();
                     });
}

// What the items are checked against, and what was planned for those before.
class Plan {
 public:
  // `idle`: as if nothing were out.
  Plan(const SessionDescription& description, const Pools& pools, bool idle,
       IsKept is_kept)
      : description_(description),
        pools_(pools),
        idle_(idle),
        is_kept_(is_kept) {}

  // Why the pool is not for this item; nothing where it is.
  std::optional<LedgerAnswer> WhyNotCovered(const Pool& pool,
                                            const CheckoutItem& item) const;

  std::string GroupOf(const Pool& pool, const CheckoutItem& item) const;

  // He has a name of named users, or there is one left for him.
  bool HasName(const Pool& pool) const;

  // True where the pool gives tokens for this item.
  bool IsForTokens(const Pool& tokens, const CheckoutItem& item) const;

  // False where no pool that covers the item has room for it.
  bool Add(const CheckoutItem& item);

  Allotments& allotments() { return allotments_; }

 private:
  struct Taken {
    const Pool* pool;
    uint64_t charge;
    uint64_t count;
    std::string group;
  };

  // True where there was room.
  bool Take(const Pool& pool, const Share& share);
  // Sets the pool of the tokens, and their group. True where there was room.
  bool TakeTokens(const CheckoutItem& item, Allotment* allotment);

  const SessionDescription& description_;
  const Pools& pools_;
  const bool idle_;
  const IsKept is_kept_;
  absl::InlinedVector<Taken, 2> taken_;
  Allotments allotments_;
};

std::optional<LedgerAnswer> Plan::WhyNotCovered(
    const Pool& pool, const CheckoutItem& item) const {
  const PoolKind& kind = pool.kind;
  if (!kind.version_max.empty()) {
    const std::string& version =
        item.version().empty() ? description_.version() : item.version();
    if (version.empty() ||
        policy::CompareVersions(version, kind.version_max) > 0) {
      return Refuse(type::v1::ERROR_REASON_VERSION_NOT_COVERED,
                    {{"feature", item.feature()},
                     {"version", version},
                     {"version_max", kind.version_max}});
    }
  }
  if (kind.maintenance_end_ms != 0 &&
      (item.released_ms() == 0 ||
       item.released_ms() >= kind.maintenance_end_ms)) {
    LedgerAnswer refusal =
        Refuse(type::v1::ERROR_REASON_RELEASE_NOT_COVERED,
               {{"feature", item.feature()},
                {"maintenance_end_ms", absl::StrCat(kind.maintenance_end_ms)}});
    if (item.released_ms() != 0) {
      refusal.metadata.emplace_back("released_ms",
                                    absl::StrCat(item.released_ms()));
    }
    return refusal;
  }
  for (const Attribute& wanted : item.attributes()) {
    if (HasAttribute(kind, wanted)) continue;
    return Refuse(
        type::v1::ERROR_REASON_ATTRIBUTE_NOT_OFFERED,
        {{"feature", item.feature()},
         {"attribute", absl::StrCat(wanted.name(), "=", wanted.value())}});
  }
  if (!kind.hosts.empty() &&
      !std::binary_search(kind.hosts.begin(), kind.hosts.end(),
                          absl::AsciiStrToLower(description_.host()))) {
    return Refuse(type::v1::ERROR_REASON_HOST_NOT_COVERED,
                  {{"feature", item.feature()}, {"host", description_.host()}});
  }
  if (kind.casual_minutes > 0 &&
      pools_.models().casual.IsUsedUp(pool.name, description_.user(),
                                      pools_.calendar_ms())) {
    return Refuse(
        type::v1::ERROR_REASON_CASUAL_MINUTES_USED,
        {{"feature", item.feature()},
         {"minutes", absl::StrCat(kind.casual_minutes)},
         {"next_ms", absl::StrCat(MonthEndMs(pools_.calendar_ms()))}});
  }
  return std::nullopt;
}

std::string Plan::GroupOf(const Pool& pool, const CheckoutItem& item) const {
  if (pool.kind.counting == Counting::kNamed) {
    return UserGroup(description_.user());
  }
  std::string group;
  for (const internal::v1::SharedBy by : pool.kind.shared_by) {
    switch (by) {
      case internal::v1::SHARED_BY_USER:
        absl::StrAppend(&group, UserGroup(description_.user()));
        break;
      case internal::v1::SHARED_BY_HOST:
        absl::StrAppend(&group, "h", description_.host(), kSeparator);
        break;
      case internal::v1::SHARED_BY_DISPLAY:
        absl::StrAppend(&group, "d", description_.display(), kSeparator);
        break;
      case internal::v1::SHARED_BY_SITE:
        absl::StrAppend(&group, "s", kSeparator);
        break;
      case internal::v1::SHARED_BY_KEY:
        // Who chooses no key shares with nobody.
        if (item.share_key().empty()) return "";
        absl::StrAppend(&group, "k", item.share_key(), kSeparator);
        break;
      default:
        break;
    }
  }
  return group;
}

// All items are one user's.
bool Plan::HasName(const Pool& pool) const {
  const NamedUsers& names = pools_.models().names;
  const std::string& user = description_.user();
  return names.Has(pool.name, user)
             ? names.IsWithin(pool.name, user, pool.total)
             : names.CountOf(pool.name) < pool.total;
}

bool Plan::Take(const Pool& pool, const Share& share) {
  if (pool.kind.counting == Counting::kNamed) return HasName(pool);
  const bool credits = pool.kind.counting == Counting::kCredits;
  uint64_t out = idle_ ? 0 : pool.out;
  if (credits) out = pool.credits_used;
  uint64_t shared = 0;  // Of the group, counted already.
  if (!idle_ && !share.group.empty()) shared = pool.CountOfGroup(share.group);
  for (const Taken& taken : taken_) {
    if (taken.pool != &pool) continue;
    out += taken.charge;
    if (!share.group.empty() && taken.group == share.group) {
      shared = std::max(shared, taken.count);
    }
  }
  const uint64_t charge = std::max(share.count, shared) - shared;
  // `out` may stand above the ceiling while a decrease drains.
  const uint64_t ceiling =
      credits ? pool.credits_used + pool.credits_left : pool.ceiling();
  if (charge > 0 && (out > ceiling || charge > ceiling - out)) return false;
  if (charge > 0 && is_kept_(pool)) return false;
  taken_.push_back({.pool = &pool,
                    .charge = charge,
                    .count = share.count,
                    .group = std::string(share.group)});
  return true;
}

bool Plan::TakeTokens(const CheckoutItem& item, Allotment* allotment) {
  const PoolKind& kind = allotment->pool->kind;
  allotment->token_units = uint64_t{item.count()} * kind.token_cost;
  for (Pool* const tokens : pools_.OfFeature(kind.token_feature)) {
    if (!IsForTokens(*tokens, item)) continue;
    std::string group = GroupOf(*tokens, item);
    if (!Take(*tokens, {.count = allotment->token_units, .group = group})) {
      continue;
    }
    allotment->token_pool = tokens;
    allotment->token_share_group = std::move(group);
    return true;
  }
  return false;
}

bool Plan::IsForTokens(const Pool& tokens, const CheckoutItem& item) const {
  return tokens.in_force && GivesTokens(tokens) &&
         !WhyNotCovered(tokens, item).has_value();
}

bool Plan::Add(const CheckoutItem& item) {
  for (Pool* const pool : pools_.OfFeature(item.feature())) {
    if (!pool->in_force || WhyNotCovered(*pool, item).has_value()) continue;
    Allotment allotment{.pool = pool, .share_group = GroupOf(*pool, item)};
    if (pool->kind.counting == Counting::kTokens &&
        !TakeTokens(item, &allotment)) {
      continue;
    }
    if (!Take(*pool, {.count = item.count(), .group = allotment.share_group})) {
      continue;
    }
    allotments_.push_back(std::move(allotment));
    return true;
  }
  return false;
}

// Why no pool gives tokens for the item; nothing where one does.
std::optional<LedgerAnswer> WhyNoTokens(const Pool& pool,
                                        const CheckoutItem& item,
                                        const Pools& pools, const Plan& plan) {
  const std::string& feature = pool.kind.token_feature;
  if (auto refusal = WhyNoPool(feature, pools)) return refusal;
  std::optional<LedgerAnswer> refusal =
      Refuse(type::v1::ERROR_REASON_FEATURE_UNKNOWN, {{"feature", feature}});
  for (const Pool* const tokens : pools.OfFeature(feature)) {
    if (plan.IsForTokens(*tokens, item)) return std::nullopt;
    if (!tokens->in_force || !GivesTokens(*tokens)) continue;
    if (auto why = plan.WhyNotCovered(*tokens, item)) refusal = std::move(why);
  }
  return refusal;
}

// What waiting cannot mend of one item by itself.
std::optional<LedgerAnswer> WhyNever(const CheckoutItem& item,
                                     const Pools& pools, const Plan& plan) {
  if (auto refusal = WhyNoPool(item.feature(), pools)) return refusal;
  std::optional<LedgerAnswer> refusal;
  for (const Pool* const pool : pools.OfFeature(item.feature())) {
    if (!pool->in_force) continue;
    // Of several reasons the widest pool's.
    refusal = plan.WhyNotCovered(*pool, item);
    if (!refusal.has_value() && pool->kind.counting == Counting::kTokens) {
      refusal = WhyNoTokens(*pool, item, pools, plan);
    }
    if (!refusal.has_value()) return std::nullopt;
  }
  return refusal;
}

// What there is for an item, in its pools or in those of its tokens.
struct Supply {
  std::string feature;
  uint64_t asked = 0;
  uint64_t total = 0;
  uint64_t out = 0;
  bool has_names = false;
  uint64_t names = 0;
  bool has_credits = false;
  uint64_t credits = 0;
  uint64_t credits_used = 0;

  void Add(const Pool& pool) {
    if (pool.kind.counting == Counting::kCredits) {
      has_credits = true;
      credits += pool.total;
      credits_used += pool.credits_used;
      return;
    }
    if (pool.kind.counting == Counting::kNamed) {
      has_names = true;
      names += pool.total;
      return;
    }
    total += pool.ceiling();
    out += pool.out;
  }
};

Supply SupplyFor(const CheckoutItem& item, const CheckoutItems& items,
                 const Pools& pools, const Plan& plan) {
  Supply supply{.feature = item.feature()};
  for (const Pool* const pool : pools.OfFeature(item.feature())) {
    if (!pool->in_force || plan.WhyNotCovered(*pool, item).has_value()) {
      continue;
    }
    if (pool->kind.counting == Counting::kTokens) {
      supply.feature = pool->kind.token_feature;
      supply.asked = uint64_t{item.count()} * pool->kind.token_cost;
    } else {
      supply.Add(*pool);
    }
  }
  if (supply.feature != item.feature()) {
    for (const Pool* const tokens : pools.OfFeature(supply.feature)) {
      if (plan.IsForTokens(*tokens, item)) supply.Add(*tokens);
    }
    return supply;
  }
  for (const CheckoutItem& each : items) {
    if (each.feature() == item.feature()) supply.asked += each.count();
  }
  return supply;
}

LedgerAnswer RefuseByCount(ErrorReason reason, const Supply& supply) {
  return Refuse(reason, {{"feature", supply.feature},
                         {"total", absl::StrCat(supply.total)},
                         {"out", absl::StrCat(supply.out)},
                         {"asked", absl::StrCat(supply.asked)}});
}

// Also where nothing were out there would be too little.
LedgerAnswer RefuseForGood(const Supply& supply) {
  if (supply.has_credits) {
    return RefuseCredits(supply.feature, supply.credits, supply.credits_used,
                         supply.asked);
  }
  if (supply.has_names) {
    return Refuse(
        type::v1::ERROR_REASON_NAMES_EXHAUSTED,
        {{"feature", supply.feature}, {"total", absl::StrCat(supply.names)}});
  }
  return RefuseByCount(type::v1::ERROR_REASON_COUNT_OVER_TOTAL, supply);
}

}  // namespace

std::string UserGroup(absl::string_view user) {
  return absl::StrCat("u", user, kSeparator);
}

bool GivesTokens(const Pool& pool) {
  return pool.kind.counting == Counting::kCounted ||
         pool.kind.counting == Counting::kCredits;
}

std::optional<LedgerAnswer> Allot(const CheckoutItems& items,
                                  const SessionDescription& description,
                                  const Pools& pools, IsKept is_kept,
                                  Allotments* allotments) {
  Plan plan(description, pools, /*idle=*/false, is_kept);
  const auto failed =
      std::find_if(items.begin(), items.end(),
                   [&](const CheckoutItem& item) { return !plan.Add(item); });
  if (failed == items.end()) {
    *allotments = std::move(plan.allotments());
    return std::nullopt;
  }
  for (const CheckoutItem& item : items) {
    if (auto refusal = WhyNever(item, pools, plan)) return refusal;
  }
  Plan idle(description, pools, /*idle=*/true, KeptForNobody);
  for (const CheckoutItem& item : items) {
    if (!idle.Add(item))
      return RefuseForGood(SupplyFor(item, items, pools, idle));
  }
  return RefuseByCount(type::v1::ERROR_REASON_POOL_EXHAUSTED,
                       SupplyFor(*failed, items, pools, plan));
}

std::vector<const Pool*> PoolsFor(const CheckoutItem& item,
                                  const SessionDescription& description,
                                  const Pools& pools) {
  const Plan plan(description, pools, /*idle=*/true, KeptForNobody);
  std::vector<const Pool*> found;
  for (const Pool* const pool : pools.OfFeature(item.feature())) {
    if (!pool->in_force || plan.WhyNotCovered(*pool, item).has_value()) {
      continue;
    }
    if (pool->kind.counting == Counting::kUncounted) continue;
    if (pool->kind.counting != Counting::kTokens) {
      found.push_back(pool);
      continue;
    }
    for (const Pool* const tokens : pools.OfFeature(pool->kind.token_feature)) {
      if (plan.IsForTokens(*tokens, item)) found.push_back(tokens);
    }
  }
  return found;
}

bool FitsInPlace(const internal::v1::SeatRecord& seat, const CheckoutItem& item,
                 const SessionDescription& description, const Pools& pools) {
  const Pool* const pool = pools.Find(PoolNameOf(seat));
  if (pool == nullptr || !pool->in_force || seat.count() != item.count()) {
    return false;
  }
  const Plan plan(description, pools, /*idle=*/false, KeptForNobody);
  if (pool->kind.counting == Counting::kNamed && !plan.HasName(*pool)) {
    return false;
  }
  return !plan.WhyNotCovered(*pool, item).has_value() &&
         plan.GroupOf(*pool, item) == seat.share_group();
}

void WriteAllotment(const Allotment& allotment,
                    internal::v1::SeatRecord* record) {
  if (allotment.pool->name != record->feature()) {
    record->set_pool(allotment.pool->name);
  }
  record->set_share_group(allotment.share_group);
  if (allotment.token_pool == nullptr) return;
  record->set_token_pool(allotment.token_pool->name);
  record->set_token_units(allotment.token_units);
  record->set_token_share_group(allotment.token_share_group);
}

}  // namespace quorate::licensing

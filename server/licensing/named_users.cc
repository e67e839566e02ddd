#include "server/licensing/named_users.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "server/licensing/times.h"

namespace quorate::licensing {
namespace {

constexpr int64_t kDayMs = int64_t{24} * 3'600'000;

}  // namespace

const PoolNames* NamedUsers::Find(absl::string_view pool) const {
  const auto found = by_pool_.find(pool);
  return found == by_pool_.end() ? nullptr : &found->second;
}

bool NamedUsers::Has(absl::string_view pool, absl::string_view user) const {
  const PoolNames* const names = Find(pool);
  return names != nullptr &&
         names->assigned_ms.find(user) != names->assigned_ms.end();
}

size_t NamedUsers::CountOf(absl::string_view pool) const {
  const PoolNames* const names = Find(pool);
  return names == nullptr ? 0 : names->assigned_ms.size();
}

bool NamedUsers::IsWithin(absl::string_view pool, absl::string_view user,
                          uint64_t total) const {
  const PoolNames& names = *Find(pool);
  if (names.in_order.size() <= total) return true;
  const auto end =
      std::next(names.in_order.begin(), static_cast<std::ptrdiff_t>(total));
  return std::any_of(names.in_order.begin(), end,
                     [user](const auto& name) { return name.second == user; });
}

void NamedUsers::Assign(absl::string_view pool, absl::string_view user,
                        int64_t now_ms) {
  PoolNames& names = by_pool_[std::string(pool)];
  const bool added =
      names.assigned_ms.emplace(std::string(user), now_ms).second;
  QUORATE_CHECK(added);
  names.in_order.emplace(now_ms, user);
  changes_.names.emplace(pool, user);
}

std::optional<int64_t> NamedUsers::NextFreeMs(absl::string_view pool,
                                              const PoolKind& kind) const {
  if (kind.recycle_count == 0) return std::nullopt;
  const PoolNames* const names = Find(pool);
  if (names == nullptr || names->freed_ms.size() < kind.recycle_count) return 0;
  return AddMs(names->freed_ms[names->freed_ms.size() - kind.recycle_count],
               kind.recycle_days * kDayMs);
}

void NamedUsers::Free(absl::string_view pool, absl::string_view user,
                      const PoolKind& kind, int64_t now_ms) {
  PoolNames& names = by_pool_.find(pool)->second;
  const auto name = names.assigned_ms.find(user);
  QUORATE_CHECK(name != names.assigned_ms.end());
  names.in_order.erase({name->second, name->first});
  names.assigned_ms.erase(name);
  names.freed_ms.push_back(now_ms);
  // Older ones limit nothing any more.
  if (names.freed_ms.size() > kind.recycle_count) {
    names.freed_ms.erase(names.freed_ms.begin());
  }
  changes_.names.emplace(pool, user);
  changes_.freed.emplace(pool);
}

bool NamedUsers::Restore(const internal::v1::NamedUserRecord& record) {
  PoolNames& names = by_pool_[record.pool()];
  names.in_order.emplace(record.assigned_calendar_ms(), record.user());
  return names.assigned_ms.emplace(record.user(), record.assigned_calendar_ms())
      .second;
}

bool NamedUsers::Restore(const internal::v1::NameRecyclingRecord& record) {
  PoolNames& names = by_pool_[record.pool()];
  if (!names.freed_ms.empty() || record.freed_calendar_ms().empty()) {
    return false;
  }
  names.freed_ms.assign(record.freed_calendar_ms().begin(),
                        record.freed_calendar_ms().end());
  return std::is_sorted(names.freed_ms.begin(), names.freed_ms.end());
}

NamedUsers::Changes NamedUsers::TakeChanges() {
  Changes changes;
  std::swap(changes, changes_);
  return changes;
}

}  // namespace quorate::licensing

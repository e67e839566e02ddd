#include "server/licensing/casual.h"

#include <algorithm>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

#include "server/licensing/times.h"

namespace quorate::licensing {
namespace {

using internal::v1::CasualUseRecord;

CasualBook::Key KeyOf(const CasualUse& use) {
  return {use.record.pool(), use.record.user()};
}

// One that lies before it stays; months that are over begin anew.
void PassMonths(int64_t now_ms, CasualUseRecord* record) {
  while (record->month_end_ms() <= now_ms) {
    record->set_used_ms(0);
    record->set_since_ms(record->month_end_ms());
    record->set_month_end_ms(MonthEndMs(record->month_end_ms()));
  }
}

}  // namespace

int64_t MonthEndMs(int64_t calendar_ms) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const absl::CivilMonth month =
      absl::ToCivilMonth(absl::FromUnixMillis(calendar_ms), utc);
  return absl::ToUnixMillis(absl::FromCivil(month + 1, utc));
}

int64_t CasualUse::due_ms() const {
  if (handles.empty()) return record.month_end_ms();
  return std::min(record.month_end_ms(),
                  AddMs(record.since_ms(), limit_ms() - record.used_ms()));
}

CasualUseRecord CasualUse::AsOf(int64_t now_ms) const {
  CasualUseRecord as_of = record;
  PassMonths(now_ms, &as_of);
  if (!handles.empty()) {
    as_of.set_used_ms(as_of.used_ms() + now_ms - as_of.since_ms());
  }
  return as_of;
}

bool CasualBook::IsUsedUp(absl::string_view pool, absl::string_view user,
                          int64_t now_ms) const {
  const auto found = by_key_.find({std::string(pool), std::string(user)});
  if (found == by_key_.end()) return false;
  return found->second.AsOf(now_ms).used_ms() >= found->second.limit_ms();
}

void CasualBook::Open(CasualUse* use, int64_t now_ms) {
  by_due_.erase({use->due_ms(), KeyOf(*use)});
  PassMonths(now_ms, &use->record);
}

void CasualBook::Close(const CasualUse& use) {
  by_due_.emplace(use.due_ms(), KeyOf(use));
  changed_.insert(KeyOf(use));
}

void CasualBook::Begin(const Key& key, uint32_t minutes, uint64_t handle,
                       int64_t now_ms) {
  const auto [position, added] = by_key_.try_emplace(key);
  CasualUse& use = position->second;
  if (added) {
    use.record.set_pool(key.first);
    use.record.set_user(key.second);
    use.record.set_minutes(minutes);
    use.record.set_month_end_ms(MonthEndMs(now_ms));
  }
  Open(&use, now_ms);
  if (use.handles.empty()) use.record.set_since_ms(now_ms);
  use.handles.insert(handle);
  Close(use);
}

void CasualBook::End(const Key& key, uint64_t handle, int64_t now_ms) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end() || !found->second.handles.contains(handle)) {
    return;
  }
  CasualUse& use = found->second;
  Open(&use, now_ms);
  use.handles.erase(handle);
  if (use.handles.empty()) {
    use.record.set_used_ms(std::min(
        use.limit_ms(), use.record.used_ms() + now_ms - use.record.since_ms()));
  }
  Close(use);
}

std::optional<int64_t> CasualBook::FirstDueMs() const {
  if (by_due_.empty()) return std::nullopt;
  return by_due_.begin()->first;
}

std::set<uint64_t> CasualBook::TakeDue() {
  const auto found = by_key_.find(by_due_.begin()->second);
  CasualUse& use = found->second;
  if (use.due_ms() < use.record.month_end_ms()) {
    // As of then: where it is another month by now, he used nothing of that.
    by_due_.erase(by_due_.begin());
    use.record.set_used_ms(use.limit_ms());
    std::set<uint64_t> handles;
    std::swap(handles, use.handles);
    Close(use);
    return handles;
  }
  if (use.handles.empty()) {
    by_due_.erase(by_due_.begin());
    changed_.insert(found->first);
    by_key_.erase(found);
    return {};
  }
  Open(&use, use.record.month_end_ms());
  Close(use);
  return {};
}

bool CasualBook::Restore(const CasualUseRecord& record) {
  CasualUse use;
  use.record = record;
  const auto [position, added] =
      by_key_.try_emplace(KeyOf(use), std::move(use));
  if (added) {
    by_due_.emplace(position->second.due_ms(), position->first);
  }
  return added;
}

void CasualBook::RestoreSeat(const Key& key, uint64_t handle) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  by_due_.erase({found->second.due_ms(), key});
  found->second.handles.insert(handle);
  by_due_.emplace(found->second.due_ms(), key);
}

std::set<CasualBook::Key> CasualBook::TakeChanges() {
  std::set<Key> changes;
  std::swap(changes, changed_);
  return changes;
}

}  // namespace quorate::licensing

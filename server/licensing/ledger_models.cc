// What licence models keep beside seats: credits that are used up, the names of
// named users, when trials began, the minutes of casual users.

#include <utility>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "server/licensing/field_rules.h"
#include "server/licensing/ledger_state.h"
#include "server/licensing/record_codec.h"
#include "server/licensing/refusals.h"

namespace quorate::licensing {

using internal::v1::CasualUseRecord;
using internal::v1::Command;
using internal::v1::CreditsRecord;
using internal::v1::NamedUserRecord;
using internal::v1::NameRecyclingRecord;
using internal::v1::SeatRecord;
using internal::v1::TrialRecord;

namespace {

void UseUpOf(Pool* pool, uint64_t before, uint64_t units, Pools* pools) {
  if (pool == nullptr || pool->kind.counting != Counting::kCredits) return;
  // What is given back does not count; what is taken again does.
  if (units > before) pools->UseCredits(pool, units - before);
}

NamedUserRecord RecordOf(const std::string& pool, const std::string& user,
                         int64_t assigned_ms) {
  NamedUserRecord record;
  record.set_pool(pool);
  record.set_user(user);
  record.set_assigned_calendar_ms(assigned_ms);
  return record;
}

NameRecyclingRecord RecordOf(const std::string& pool, const PoolNames& names) {
  NameRecyclingRecord record;
  record.set_pool(pool);
  record.mutable_freed_calendar_ms()->Assign(names.freed_ms.begin(),
                                             names.freed_ms.end());
  return record;
}

std::optional<LedgerAnswer> RefuseToFree(const Pool& pool,
                                         absl::string_view user,
                                         const Tables& tables) {
  if (pool.CountOfGroup(UserGroup(user)) > 0) {
    return Refuse(
        type::v1::ERROR_REASON_NAME_IN_USE,
        {{"feature", pool.kind.feature}, {"user", std::string(user)}});
  }
  const std::optional<int64_t> next_ms =
      tables.models.names.NextFreeMs(pool.name, pool.kind);
  if (next_ms.has_value() && *next_ms <= tables.counters.calendar_ms) {
    return std::nullopt;
  }
  LedgerAnswer refusal =
      Refuse(type::v1::ERROR_REASON_RECYCLING_LIMIT,
             {{"feature", pool.kind.feature},
              {"max", absl::StrCat(pool.kind.recycle_count)},
              {"days", absl::StrCat(pool.kind.recycle_days)}});
  if (next_ms.has_value()) {
    refusal.metadata.emplace_back("next_ms", absl::StrCat(*next_ms));
  }
  return refusal;
}

}  // namespace

void Ledger::State::UseUp(const SeatRecord& before, const Seat& seat) {
  UseUpOf(seat.pool, before.count(), seat.record.count(), &tables_.pools);
  UseUpOf(seat.token_pool, before.token_units(), seat.record.token_units(),
          &tables_.pools);
  if (seat.pool->kind.counting != Counting::kNamed) return;
  const std::string& user = seat.session->record.description().user();
  NamedUsers& names = tables_.models.names;
  if (names.Has(seat.pool->name, user)) return;
  names.Assign(seat.pool->name, user, tables_.counters.calendar_ms);
}

LedgerAnswer Ledger::State::ReleaseNamedUser(const Command& command) {
  const internal::v1::ReleaseNamedUser& body = command.release_named_user();
  if (!IsFeatureName(body.feature())) {
    return RefuseField("feature",
                       "must be 1 to 64 letters, digits, '_' or '-'");
  }
  if (!IsPlainText(body.user())) {
    return RefuseField("user", "must be plain text of at most 256 bytes");
  }
  if (!IsPlainText(body.reason())) {
    return RefuseField("reason", "must be plain text of at most 256 bytes");
  }
  std::vector<const Pool*> pools;
  for (const Pool* const pool : tables_.pools.OfFeature(body.feature())) {
    if (pool->kind.counting != Counting::kNamed ||
        !tables_.models.names.Has(pool->name, body.user())) {
      continue;
    }
    if (auto refusal = RefuseToFree(*pool, body.user(), tables_)) {
      return *std::move(refusal);
    }
    pools.push_back(pool);
  }
  if (pools.empty()) {
    return Refuse(type::v1::ERROR_REASON_NAME_NOT_FOUND,
                  {{"feature", body.feature()}, {"user", body.user()}});
  }
  for (const Pool* const pool : pools) {
    tables_.models.names.Free(pool->name, body.user(), pool->kind,
                              tables_.counters.calendar_ms);
  }
  return {};
}

void Ledger::State::BeginUse(const Seat& seat) {
  const std::string& user = seat.session->record.description().user();
  for (Pool* const pool : {seat.pool, seat.token_pool}) {
    if (pool == nullptr) continue;
    tables_.pools.StartTrials(pool);
    if (pool->kind.casual_minutes == 0) continue;
    tables_.models.casual.Begin({pool->name, user}, pool->kind.casual_minutes,
                                seat.record.handle(),
                                tables_.counters.calendar_ms);
  }
}

void Ledger::State::EndUse(const Seat& returned) {
  CasualBook& casual = tables_.models.casual;
  if (casual.by_key().empty()) return;
  const SeatRecord& seat = returned.record;
  const std::string& user = returned.session->record.description().user();
  const int64_t now = tables_.counters.calendar_ms;
  casual.End({std::string(PoolNameOf(seat)), user}, seat.handle(), now);
  if (seat.token_units() == 0) return;
  casual.End({seat.token_pool(), user}, seat.handle(), now);
}

void Ledger::State::EndDueMinutes(Changes* changes) {
  CasualBook& casual = tables_.models.casual;
  size_t work = 0;
  while (work < limits_.expiries_per_entry &&
         casual.FirstDueMs().value_or(kNever) <= tables_.counters.calendar_ms) {
    const std::set<uint64_t> handles = casual.TakeDue();
    work += 1 + handles.size();
    for (const uint64_t handle : handles) {
      TakeAway(handle, "the minutes of this month are used up", "", changes);
    }
  }
}

std::vector<NamedUserView> Ledger::NamedUsersOf(
    absl::string_view feature, const std::pair<std::string, std::string>& after,
    size_t limit) const {
  const Tables& tables = state_->tables();
  const NamedUsers::ByPool& by_pool = tables.models.names.by_pool();
  std::vector<NamedUserView> views;
  for (auto each = by_pool.lower_bound(after.first);
       each != by_pool.end() && views.size() < limit; ++each) {
    const auto& [name, names] = *each;
    if (!feature.empty() && FeatureOfPool(name) != feature) continue;
    const Pool* const pool = tables.pools.Find(name);
    auto user = name == after.first
                    ? names.assigned_ms.upper_bound(after.second)
                    : names.assigned_ms.begin();
    for (; user != names.assigned_ms.end() && views.size() < limit; ++user) {
      views.push_back(
          {.pool = name,
           .user = user->first,
           .assigned_calendar_ms = user->second,
           .active = pool != nullptr &&
                     pool->CountOfGroup(UserGroup(user->first)) > 0});
    }
  }
  return views;
}

std::vector<CasualUserView> Ledger::CasualUsersOf(
    absl::string_view feature, const std::pair<std::string, std::string>& after,
    size_t limit) const {
  const Tables& tables = state_->tables();
  const CasualBook::ByKey& by_key = tables.models.casual.by_key();
  std::vector<CasualUserView> views;
  for (auto each = by_key.upper_bound(after);
       each != by_key.end() && views.size() < limit; ++each) {
    const auto& [key, use] = *each;
    if (!feature.empty() && FeatureOfPool(key.first) != feature) continue;
    const CasualUseRecord record = use.AsOf(tables.counters.calendar_ms);
    if (record.used_ms() == 0 && use.handles.empty()) continue;
    views.push_back({.pool = key.first,
                     .user = key.second,
                     .used_ms = record.used_ms(),
                     .limit_ms = use.limit_ms(),
                     .month_end_ms = record.month_end_ms(),
                     .active = !use.handles.empty()});
  }
  return views;
}

void Ledger::State::WriteModels(Changes* changes) {
  const CasualBook::ByKey& casual = tables_.models.casual.by_key();
  for (const CasualBook::Key& key : tables_.models.casual.TakeChanges()) {
    const auto use = casual.find(key);
    changes->push_back(use != casual.end()
                           ? PutRecord(use->second.record)
                           : EraseRecord(CasualUseKey(key.first, key.second)));
  }
  const NamedUsers& names = tables_.models.names;
  const NamedUsers::Changes changed = tables_.models.names.TakeChanges();
  for (const auto& [pool, user] : changed.names) {
    const PoolNames& of_pool = names.by_pool().at(pool);
    const auto name = of_pool.assigned_ms.find(user);
    changes->push_back(name != of_pool.assigned_ms.end()
                           ? PutRecord(RecordOf(pool, user, name->second))
                           : EraseRecord(NamedUserKey(pool, user)));
  }
  for (const std::string& pool : changed.freed) {
    changes->push_back(PutRecord(RecordOf(pool, names.by_pool().at(pool))));
  }
  for (const TrialRecord& record : tables_.models.trials.TakeChanges()) {
    changes->push_back(PutRecord(record));
  }
  for (const CreditsRecord& record : tables_.models.credits.TakeChanges()) {
    changes->push_back(PutRecord(record));
  }
}

void Ledger::State::DumpModels(std::vector<RecordChange>* records) const {
  for (const auto& [key, use] : tables_.models.casual.by_key()) {
    records->push_back(PutRecord(use.record));
  }
  const NamedUsers::ByPool& names = tables_.models.names.by_pool();
  for (const auto& [pool, of_pool] : names) {
    for (const auto& [user, assigned_ms] : of_pool.assigned_ms) {
      records->push_back(PutRecord(RecordOf(pool, user, assigned_ms)));
    }
  }
  for (const auto& [pool, of_pool] : names) {
    if (of_pool.freed_ms.empty()) continue;
    records->push_back(PutRecord(RecordOf(pool, of_pool)));
  }
  for (const TrialRecord& record : tables_.models.trials.Records()) {
    records->push_back(PutRecord(record));
  }
  for (const CreditsRecord& record : tables_.models.credits.Records()) {
    records->push_back(PutRecord(record));
  }
}

}  // namespace quorate::licensing

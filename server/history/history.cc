#include "server/history/history.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/ordered_encoding.h"
#include "base/status.h"
#include "server/history/history_sums.h"
#include "server/history/stored_record.h"

namespace quorate::history {

using internal::v1::DenialRecord;
using internal::v1::HistoryRecord;
using internal::v1::LoadRecord;
using licensing::EntryTime;

absl::StatusOr<History> History::Restore(const replication::StateReader& store,
                                         const HistoryLimits& limits) {
  History history(limits);
  QUORATE_ASSIGN_OR_RETURN(std::optional<HistoryRecord> record,
                           ReadStored<HistoryRecord>(store, HistoryStateKey()));
  if (record.has_value()) {
    history.record_ = *std::move(record);
    history.begun_ = true;
    history.due_ms_ = history.FirstDueMs();
  }
  return history;
}

bool History::StepsAt(const EntryTime& time) const {
  if (record_.has_sweep()) {
    return record_.sweep().stepped_cluster_ms() + limits_.step_ms <=
           time.cluster_ms;
  }
  return PlanFor(time.calendar_ms).has_value();
}

absl::Status History::Apply(const licensing::HistoryEvents& events,
                            const EntryTime& time,
                            const replication::StateReader& store,
                            Changes* changes) {
  const bool steps = StepsAt(time);
  // Without a calendar nobody could say when it was.
  if ((events.empty() && !steps) || time.calendar_ms <= 0) {
    return absl::OkStatus();
  }
  const int64_t now_ms = time.calendar_ms;
  Begin(now_ms);
  if (steps) QUORATE_RETURN_IF_ERROR(TakeStep(time, store, changes));
  const bool counts = steps || !events.uses.empty() || !events.denials.empty();
  for (const licensing::SeatUse& use : events.uses) {
    AddUse(use, now_ms, changes);
  }
  for (const licensing::Denial& denial : events.denials) {
    QUORATE_RETURN_IF_ERROR(AddDenial(denial, now_ms, store, changes));
  }
  const uint64_t hours = record_.hours();
  for (const licensing::LoadChange& change : events.loads) {
    QUORATE_RETURN_IF_ERROR(AddLoad(change, now_ms, store, changes));
  }
  if (counts || hours != record_.hours()) {
    due_ms_ = FirstDueMs();
    changes->push_back({HistoryStateKey(), record_.SerializeAsString()});
  }
  return absl::OkStatus();
}

void History::Begin(int64_t now_ms) {
  if (!begun_) {
    begun_ = true;
    record_.set_rolled_uses_ms(FloorHour(now_ms));
    record_.set_rolled_hours_ms(FloorDay(now_ms));
    record_.set_uses_from_ms(FloorDay(now_ms));
    record_.set_hours_from_ms(FloorDay(now_ms));
    record_.set_days_from_ms(FloorDay(now_ms));
    record_.set_totals_from_ms(FloorDay(now_ms));
  }
  // What an earlier version has added up today is not known.
  if (record_.totals_from_ms() == 0) {
    record_.set_totals_from_ms(FloorDay(now_ms) + kDayMs);
  }
  if (hour_ms_ == FloorHour(now_ms)) return;
  hour_ms_ = FloorHour(now_ms);
  denials_.clear();
  loads_.clear();
}

void History::AddUse(const licensing::SeatUse& use, int64_t now_ms,
                     Changes* changes) {
  if (record_.uses() >= limits_.uses + limits_.uses / kSlackDivisor) {
    record_.set_lost_uses(record_.lost_uses() + 1);
    return;
  }
  use_.set_handle(use.handle);
  use_.set_count(use.count);
  use_.set_held_ms(std::max<int64_t>(now_ms - use.begun_ms, 0));
  use_.set_waited_ms(use.waited_ms);
  use_.set_user(use.subject.user);
  use_.set_host(use.subject.host);
  use_.set_project(use.subject.project);
  use_.set_application(use.subject.application);
  const uint64_t number = record_.next_use();
  record_.set_next_use(number + 1);
  record_.set_uses(record_.uses() + 1);
  record_.set_unrolled_uses(record_.unrolled_uses() + 1);
  changes->push_back({MakeHistoryKey(HistoryKind::kUse, use.feature, now_ms,
                                     Ordered64(number)),
                      use_.SerializeAsString()});
}

absl::Status History::AddDenial(const licensing::Denial& denial, int64_t now_ms,
                                const replication::StateReader& store,
                                Changes* changes) {
  if (record_.denial_hour_ms() != hour_ms_) {
    record_.set_denial_hour_ms(hour_ms_);
    record_.set_denials_of_hour(0);
  }
  const auto key_of = [&](const Subject& subject) {
    return MakeHistoryKey(HistoryKind::kHourDenials, denial.feature, hour_ms_,
                          DenialRest(denial.reason, subject));
  };
  std::string key = key_of({.user = denial.subject.user,
                            .host = denial.subject.host,
                            .project = denial.subject.project});
  auto found = denials_.find(key);
  if (found == denials_.end()) {
    QUORATE_ASSIGN_OR_RETURN(std::optional<DenialRecord> stored,
                             ReadStored<DenialRecord>(store, key));
    if (!stored.has_value() &&
        record_.denials_of_hour() >= limits_.denials_of_hour) {
      // Counted together, with those of other names.
      key = key_of({});
      QUORATE_ASSIGN_OR_RETURN(stored, ReadStored<DenialRecord>(store, key));
      const auto together = denials_.find(key);
      if (together != denials_.end()) stored = together->second;
    }
    if (!stored.has_value()) {
      // Features that nobody has heard of are as many as a client can name.
      if (record_.denials_of_hour() >=
          limits_.denials_of_hour + limits_.denials_of_hour / kSlackDivisor) {
        record_.set_lost_denials(record_.lost_denials() + 1);
        return absl::OkStatus();
      }
      record_.set_denials_of_hour(record_.denials_of_hour() + 1);
      record_.set_hours(record_.hours() + 1);
    }
    found =
        denials_.insert_or_assign(key, stored.value_or(DenialRecord())).first;
  }
  DenialRecord one;
  one.set_denials(1);
  one.set_first_ms(now_ms);
  one.set_last_ms(now_ms);
  one.set_units(denial.count);
  one.set_application(denial.subject.application);
  one.set_rule(denial.rule);
  AddDenials(one, &found->second);
  changes->push_back({std::move(key), found->second.SerializeAsString()});
  return CountDenial(denial.feature, store, changes);
}

absl::Status History::CountDenial(const std::string& feature,
                                  const replication::StateReader& store,
                                  Changes* changes) {
  std::string key =
      MakeHistoryKey(HistoryKind::kHourDenialTotal, feature, hour_ms_);
  auto found = denials_.find(key);
  if (found == denials_.end()) {
    QUORATE_ASSIGN_OR_RETURN(std::optional<DenialRecord> stored,
                             ReadStored<DenialRecord>(store, key));
    if (!stored.has_value()) record_.set_hours(record_.hours() + 1);
    found = denials_.emplace(key, stored.value_or(DenialRecord())).first;
  }
  found->second.set_denials(found->second.denials() + 1);
  changes->push_back({std::move(key), found->second.SerializeAsString()});
  return absl::OkStatus();
}

absl::Status History::AddLoad(const licensing::LoadChange& change,
                              int64_t now_ms,
                              const replication::StateReader& store,
                              Changes* changes) {
  std::string key =
      MakeHistoryKey(HistoryKind::kHourLoad, change.feature, hour_ms_);
  auto found = loads_.find(change.feature);
  if (found == loads_.end()) {
    QUORATE_ASSIGN_OR_RETURN(std::optional<LoadRecord> stored,
                             ReadStored<LoadRecord>(store, key));
    if (!stored.has_value()) record_.set_hours(record_.hours() + 1);
    found = loads_.emplace(change.feature, stored.value_or(LoadRecord())).first;
  }
  ChangeLoad(change, hour_ms_, now_ms, &found->second);
  changes->push_back({std::move(key), found->second.SerializeAsString()});
  return absl::OkStatus();
}

}  // namespace quorate::history

// Adding records up, and deleting them: sweeps, a step at a time.

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "base/status.h"
#include "server/history/history.h"
#include "server/history/history_sums.h"
#include "server/history/stored_record.h"

namespace quorate::history {
namespace {

using internal::v1::DenialRecord;
using internal::v1::HistoryRecord;
using internal::v1::HistorySweep;
using internal::v1::HistorySweepKind;
using internal::v1::LoadRecord;
using internal::v1::SeatUseRecord;
using internal::v1::UsageRecord;
using licensing::EntryTime;

constexpr int64_t kNeverDue = std::numeric_limits<int64_t>::max();

// To find the next feature takes as long as to read so many records.
constexpr size_t kSeekCost = 16;

// Where there is too much, this part of the time that is kept goes.
constexpr int64_t kPartToDrop = 16;

constexpr HistoryKind kUses[] = {HistoryKind::kUse};
constexpr HistoryKind kHours[] = {
    HistoryKind::kHourUsage, HistoryKind::kHourTotal, HistoryKind::kHourDenials,
    HistoryKind::kHourDenialTotal, HistoryKind::kHourLoad};
constexpr HistoryKind kDays[] = {
    HistoryKind::kDayUsage, HistoryKind::kDayLoad, HistoryKind::kDayTotal,
    HistoryKind::kDayDenials, HistoryKind::kDayDenialTotal};

// In the order of their keys.
absl::Span<const HistoryKind> KindsOf(HistorySweepKind sweep) {
  switch (sweep) {
    case internal::v1::HISTORY_SWEEP_KIND_ROLL_USES:
    case internal::v1::HISTORY_SWEEP_KIND_DROP_USES:
      return kUses;
    case internal::v1::HISTORY_SWEEP_KIND_ROLL_HOURS:
    case internal::v1::HISTORY_SWEEP_KIND_DROP_HOURS:
      return kHours;
    default:
      return kDays;
  }
}

bool Rolls(HistorySweepKind sweep) {
  return sweep == internal::v1::HISTORY_SWEEP_KIND_ROLL_USES ||
         sweep == internal::v1::HISTORY_SWEEP_KIND_ROLL_HOURS;
}

HistoryKind DayKindOf(HistoryKind hour) {
  switch (hour) {
    case HistoryKind::kHourUsage:
      return HistoryKind::kDayUsage;
    case HistoryKind::kHourTotal:
      return HistoryKind::kDayTotal;
    case HistoryKind::kHourDenials:
      return HistoryKind::kDayDenials;
    case HistoryKind::kHourDenialTotal:
      return HistoryKind::kDayDenialTotal;
    default:
      return HistoryKind::kDayLoad;
  }
}

}  // namespace

// One step: reads records, adds up what it makes of them, and gives that out
// at its end.
class History::Step {
 public:
  // Not owned.
  Step(const HistoryLimits& limits, const replication::StateReader* store,
       HistoryRecord* record, Changes* changes)
      : limits_(limits), store_(store), record_(record), changes_(changes) {}

  // Goes on with the record's sweep; true at its end.
  absl::StatusOr<bool> Run();

 private:
  absl::Status Visit(const HistoryKey& key, absl::string_view name,
                     absl::string_view value);
  absl::Status RollUse(const HistoryKey& key, absl::string_view name,
                       absl::string_view value);
  absl::Status RollHour(const HistoryKey& key, absl::string_view name,
                        absl::string_view value);
  template <typename Record>
  absl::StatusOr<Record*> SumAt(const HistoryKey& key, const std::string& alone,
                                const std::string& together,
                                std::map<std::string, Record>* sums);
  template <typename Record>
  void Write(const std::map<std::string, Record>& sums);

  const HistoryLimits& limits_;
  const replication::StateReader* const store_;
  HistoryRecord* const record_;
  Changes* const changes_;
  std::map<std::string, UsageRecord> usage_;
  std::map<std::string, DenialRecord> denials_;
  std::map<std::string, LoadRecord> loads_;
};

absl::StatusOr<bool> History::Step::Run() {
  HistorySweep& sweep = *record_->mutable_sweep();
  QUORATE_ASSIGN_OR_RETURN(
      const std::unique_ptr<replication::RecordCursor> cursor,
      store_->NewCursor());
  size_t left = limits_.records_of_step;
  bool done = true;
  for (const HistoryKind kind : KindsOf(sweep.kind())) {
    const std::string begin = BeginOf(kind);
    if (sweep.next_key().substr(0, 2) > begin) continue;
    cursor->Seek(std::max(begin, sweep.next_key()));
    while (left > 0 && cursor->Valid() && cursor->key().substr(0, 2) == begin) {
      const std::optional<HistoryKey> key = ParseHistoryKey(cursor->key());
      if (!key.has_value()) return DamagedRecord(cursor->key());
      if (key->time_ms >= sweep.from_ms() && key->time_ms < sweep.until_ms()) {
        QUORATE_RETURN_IF_ERROR(Visit(*key, cursor->key(), cursor->value()));
        cursor->Next();
        --left;
        continue;
      }
      cursor->Seek(key->time_ms < sweep.from_ms()
                       ? MakeHistoryKey(kind, key->feature, sweep.from_ms())
                       : EndOfFeature(kind, key->feature));
      left -= std::min(left, kSeekCost);
    }
    QUORATE_RETURN_IF_ERROR(cursor->status());
    if (left == 0 && cursor->Valid()) {
      sweep.set_next_key(std::string(cursor->key()));
      done = false;
      break;
    }
  }
  Write(usage_);
  Write(denials_);
  Write(loads_);
  return done;
}

absl::Status History::Step::Visit(const HistoryKey& key, absl::string_view name,
                                  absl::string_view value) {
  HistorySweep& sweep = *record_->mutable_sweep();
  sweep.set_visited(sweep.visited() + 1);
  if (Rolls(sweep.kind())) {
    return key.kind == HistoryKind::kUse ? RollUse(key, name, value)
                                         : RollHour(key, name, value);
  }
  changes_->push_back({std::string(name), std::nullopt});
  return absl::OkStatus();
}

absl::Status History::Step::RollUse(const HistoryKey& key,
                                    absl::string_view name,
                                    absl::string_view value) {
  SeatUseRecord use;
  QUORATE_RETURN_IF_ERROR(ParseStored(name, value, &use));
  const int64_t hour_ms = FloorHour(key.time_ms);
  const auto key_of = [&](const Subject& subject) {
    return MakeHistoryKey(HistoryKind::kHourUsage, key.feature, hour_ms,
                          UsageRest(subject));
  };
  QUORATE_ASSIGN_OR_RETURN(UsageRecord* const sum,
                           SumAt(key,
                                 key_of({.user = use.user(),
                                         .host = use.host(),
                                         .project = use.project()}),
                                 key_of({}), &usage_));
  history::AddUse(use, key.time_ms, sum);
  const std::string total_key =
      MakeHistoryKey(HistoryKind::kHourTotal, key.feature, hour_ms);
  QUORATE_ASSIGN_OR_RETURN(UsageRecord* const total,
                           SumAt(key, total_key, total_key, &usage_));
  history::AddUse(use, key.time_ms, total);
  return absl::OkStatus();
}

absl::Status History::Step::RollHour(const HistoryKey& key,
                                     absl::string_view name,
                                     absl::string_view value) {
  const int64_t day_ms = FloorDay(key.time_ms);
  const HistoryKind to = DayKindOf(key.kind);
  const std::string alone = MakeHistoryKey(to, key.feature, day_ms, key.rest);
  std::string together = alone;
  if (key.kind == HistoryKind::kHourUsage) {
    together = MakeHistoryKey(to, key.feature, day_ms, UsageRest({}));
  } else if (key.kind == HistoryKind::kHourDenials) {
    const auto parts = ParseDenialRest(key.rest);
    if (!parts.has_value()) return DamagedRecord(name);
    together =
        MakeHistoryKey(to, key.feature, day_ms, DenialRest(parts->reason, {}));
  }
  if (key.kind == HistoryKind::kHourUsage ||
      key.kind == HistoryKind::kHourTotal) {
    UsageRecord hour;
    QUORATE_RETURN_IF_ERROR(ParseStored(name, value, &hour));
    QUORATE_ASSIGN_OR_RETURN(UsageRecord* const sum,
                             SumAt(key, alone, together, &usage_));
    AddUsage(hour, sum);
  } else if (key.kind == HistoryKind::kHourLoad) {
    LoadRecord hour;
    QUORATE_RETURN_IF_ERROR(ParseStored(name, value, &hour));
    QUORATE_ASSIGN_OR_RETURN(LoadRecord* const sum,
                             SumAt(key, alone, together, &loads_));
    history::AddLoad(hour, day_ms, key.time_ms, sum);
  } else {
    DenialRecord hour;
    QUORATE_RETURN_IF_ERROR(ParseStored(name, value, &hour));
    QUORATE_ASSIGN_OR_RETURN(DenialRecord* const sum,
                             SumAt(key, alone, together, &denials_));
    AddDenials(hour, sum);
  }
  return absl::OkStatus();
}

// The sum under key `alone`, or under `together` where there is no room for
// another one.
template <typename Record>
absl::StatusOr<Record*> History::Step::SumAt(
    const HistoryKey& key, const std::string& alone,
    const std::string& together, std::map<std::string, Record>* sums) {
  const bool of_hours = key.kind == HistoryKind::kUse;
  const uint64_t limit = of_hours ? limits_.hours : limits_.days;
  const uint64_t count = of_hours ? record_->hours() : record_->days();
  if (const auto found = sums->find(alone); found != sums->end()) {
    return &found->second;
  }
  const std::string* name = &alone;
  QUORATE_ASSIGN_OR_RETURN(std::optional<Record> stored,
                           ReadStored<Record>(*store_, alone));
  if (!stored.has_value() && count >= limit + limit / kSlackDivisor) {
    name = &together;
    if (const auto found = sums->find(together); found != sums->end()) {
      return &found->second;
    }
    QUORATE_ASSIGN_OR_RETURN(stored, ReadStored<Record>(*store_, together));
  }
  if (!stored.has_value()) {
    if (of_hours) {
      record_->set_hours(count + 1);
    } else {
      record_->set_days(count + 1);
    }
  }
  return &sums->emplace(*name, stored.value_or(Record())).first->second;
}

template <typename Record>
void History::Step::Write(const std::map<std::string, Record>& sums) {
  for (const auto& [key, sum] : sums) {
    changes_->push_back({key, sum.SerializeAsString()});
  }
}

absl::Status History::TakeStep(const EntryTime& time,
                               const replication::StateReader& store,
                               Changes* changes) {
  if (!record_.has_sweep()) {
    const std::optional<Plan> plan = PlanFor(time.calendar_ms);
    if (!plan.has_value()) return absl::OkStatus();
    HistorySweep& sweep = *record_.mutable_sweep();
    sweep.set_kind(plan->kind);
    sweep.set_from_ms(plan->from_ms);
    sweep.set_until_ms(plan->until_ms);
  }
  record_.mutable_sweep()->set_stepped_cluster_ms(time.cluster_ms);
  Step step(limits_, &store, &record_, changes);
  QUORATE_ASSIGN_OR_RETURN(const bool done, step.Run());
  if (done) EndSweep();
  return absl::OkStatus();
}

void History::EndSweep() {
  const HistorySweep& sweep = record_.sweep();
  const int64_t until_ms = sweep.until_ms();
  const uint64_t visited = sweep.visited();
  switch (sweep.kind()) {
    case internal::v1::HISTORY_SWEEP_KIND_ROLL_USES:
      record_.set_rolled_uses_ms(until_ms);
      record_.set_unrolled_uses(record_.unrolled_uses() - visited);
      break;
    case internal::v1::HISTORY_SWEEP_KIND_ROLL_HOURS:
      record_.set_rolled_hours_ms(until_ms);
      break;
    case internal::v1::HISTORY_SWEEP_KIND_DROP_USES:
      record_.set_uses_from_ms(until_ms);
      record_.set_uses(record_.uses() - visited);
      break;
    case internal::v1::HISTORY_SWEEP_KIND_DROP_HOURS:
      record_.set_hours_from_ms(until_ms);
      record_.set_hours(record_.hours() - visited);
      break;
    default:
      record_.set_days_from_ms(until_ms);
      record_.set_days(record_.days() - visited);
      break;
  }
  record_.clear_sweep();
}

// Until when uses are in hours, those that there are none of among them.
int64_t History::RolledUsesMs(int64_t now_ms) const {
  return record_.unrolled_uses() == 0
             ? std::max(record_.rolled_uses_ms(), FloorHour(now_ms))
             : record_.rolled_uses_ms();
}

History::Plan History::PlanForTooManyUses(int64_t now_ms) const {
  const int64_t from_ms = record_.uses_from_ms();
  const int64_t until_ms = std::min(
      RolledUsesMs(now_ms),
      from_ms + std::max<int64_t>((now_ms - from_ms) / kPartToDrop, 1));
  // What is in no hour yet is not dropped.
  if (2 * record_.unrolled_uses() > record_.uses() || until_ms <= from_ms) {
    return {.kind = internal::v1::HISTORY_SWEEP_KIND_ROLL_USES,
            .from_ms = record_.rolled_uses_ms(),
            .until_ms = now_ms};
  }
  return {.kind = internal::v1::HISTORY_SWEEP_KIND_DROP_USES,
          .from_ms = 0,
          .until_ms = until_ms};
}

History::Plan History::PlanForTooManyHours(int64_t now_ms) const {
  const int64_t from_ms = record_.hours_from_ms();
  const int64_t until_ms =
      FloorHour(from_ms + std::max((now_ms - from_ms) / kPartToDrop, kHourMs));
  if (until_ms > record_.rolled_hours_ms()) {
    return {.kind = internal::v1::HISTORY_SWEEP_KIND_ROLL_HOURS,
            .from_ms = record_.rolled_hours_ms(),
            .until_ms = FloorHour(RolledUsesMs(now_ms))};
  }
  return {.kind = internal::v1::HISTORY_SWEEP_KIND_DROP_HOURS,
          .from_ms = 0,
          .until_ms = until_ms};
}

// In the order in which they come first.
History::PlanList History::Plans(int64_t now_ms) const {
  const HistoryRecord& record = record_;
  PlanList plans;
  if (record.uses() > limits_.uses) plans.push_back(PlanForTooManyUses(now_ms));
  if (record.hours() > limits_.hours) {
    plans.push_back(PlanForTooManyHours(now_ms));
  }
  if (record.days() > limits_.days) {
    const int64_t from_ms = record.days_from_ms();
    plans.push_back(
        {.kind = internal::v1::HISTORY_SWEEP_KIND_DROP_DAYS,
         .until_ms = FloorDay(
             from_ms + std::max((now_ms - from_ms) / kPartToDrop, kDayMs))});
  }
  if (record.unrolled_uses() > 0) {
    plans.push_back({.due_ms = FloorHour(record.rolled_uses_ms()) + kHourMs,
                     .kind = internal::v1::HISTORY_SWEEP_KIND_ROLL_USES,
                     .from_ms = record.rolled_uses_ms(),
                     .until_ms = FloorHour(now_ms)});
  }
  if (record.hours() > 0) {
    plans.push_back({.due_ms = FloorDay(record.rolled_hours_ms()) + kDayMs,
                     .kind = internal::v1::HISTORY_SWEEP_KIND_ROLL_HOURS,
                     .from_ms = record.rolled_hours_ms(),
                     .until_ms = FloorDay(RolledUsesMs(now_ms))});
  }
  const auto drop_old = [&](HistorySweepKind kind, uint64_t count,
                            int64_t from_ms, int64_t keep_ms,
                            int64_t rolled_ms) {
    if (count == 0) return;
    plans.push_back(
        {.due_ms = FloorDay(from_ms) + kDayMs + keep_ms,
         .kind = kind,
         .until_ms = std::min(FloorDay(std::max<int64_t>(now_ms - keep_ms, 0)),
                              rolled_ms)});
  };
  drop_old(internal::v1::HISTORY_SWEEP_KIND_DROP_USES, record.uses(),
           record.uses_from_ms(), limits_.uses_ms, RolledUsesMs(now_ms));
  drop_old(internal::v1::HISTORY_SWEEP_KIND_DROP_HOURS, record.hours(),
           record.hours_from_ms(), limits_.hours_ms, record.rolled_hours_ms());
  drop_old(internal::v1::HISTORY_SWEEP_KIND_DROP_DAYS, record.days(),
           record.days_from_ms(), limits_.days_ms, kNeverDue);
  return plans;
}

std::optional<History::Plan> History::PlanFor(int64_t now_ms) const {
  if (!begun_ || now_ms < due_ms_) return std::nullopt;
  for (const Plan& plan : Plans(now_ms)) {
    if (plan.due_ms > now_ms) continue;
    int64_t done_ms = plan.from_ms;
    if (plan.kind == internal::v1::HISTORY_SWEEP_KIND_DROP_USES) {
      done_ms = record_.uses_from_ms();
    } else if (plan.kind == internal::v1::HISTORY_SWEEP_KIND_DROP_HOURS) {
      done_ms = record_.hours_from_ms();
    } else if (plan.kind == internal::v1::HISTORY_SWEEP_KIND_DROP_DAYS) {
      done_ms = record_.days_from_ms();
    }
    if (plan.until_ms > done_ms) return plan;
  }
  return std::nullopt;
}

std::optional<int64_t> History::NextDueClusterMs() const {
  if (!record_.has_sweep()) return std::nullopt;
  return record_.sweep().stepped_cluster_ms() + limits_.step_ms;
}

int64_t History::FirstDueMs() const {
  int64_t due_ms = kNeverDue;
  // When a plan is due does not depend on the time.
  for (const Plan& plan : Plans(hour_ms_)) {
    due_ms = std::min(due_ms, plan.due_ms);
  }
  return due_ms;
}

std::optional<int64_t> History::NextDueCalendarMs() const {
  if (!begun_ || record_.has_sweep() || due_ms_ == kNeverDue) {
    return std::nullopt;
  }
  return due_ms_;
}

}  // namespace quorate::history

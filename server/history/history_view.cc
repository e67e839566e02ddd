#include "server/history/history_view.h"

#include <algorithm>
#include <limits>

#include "base/status.h"
#include "server/history/stored_record.h"

namespace quorate::history {
namespace {

using internal::v1::HistorySweep;
using internal::v1::HistorySweepKind;
using internal::v1::LoadRecord;

constexpr HistoryKind kKinds[] = {
    HistoryKind::kDayUsage,    HistoryKind::kHourUsage,  HistoryKind::kDayLoad,
    HistoryKind::kHourDenials, HistoryKind::kDayDenials, HistoryKind::kHourLoad,
    HistoryKind::kUse,
};

constexpr uint64_t kRecordsBetweenLooks = 1'000;

int64_t CeilHour(int64_t ms) {
  return FloorHour(ms + kHourMs - 1);
}

int64_t CeilDay(int64_t ms) {
  return FloorDay(ms + kDayMs - 1);
}

}  // namespace

absl::StatusOr<HistoryView> HistoryView::Open(replication::RecordCursor* cursor,
                                              GiveUp give_up) {
  HistoryView view(cursor, std::move(give_up));
  const std::string key = HistoryStateKey();
  cursor->Seek(key);
  if (cursor->Valid() && cursor->key() == key) {
    QUORATE_RETURN_IF_ERROR(ParseStored(key, cursor->value(), &view.record_));
  }
  QUORATE_RETURN_IF_ERROR(cursor->status());
  return view;
}

int64_t HistoryView::HoursFromMs() const {
  const HistorySweep& sweep = record_.sweep();
  return sweep.kind() == internal::v1::HISTORY_SWEEP_KIND_DROP_HOURS
             ? sweep.until_ms()
             : record_.hours_from_ms();
}

int64_t HistoryView::DaysFromMs() const {
  const HistorySweep& sweep = record_.sweep();
  return sweep.kind() == internal::v1::HISTORY_SWEEP_KIND_DROP_DAYS
             ? sweep.until_ms()
             : record_.days_from_ms();
}

int64_t HistoryView::uses_from_ms() const {
  const HistorySweep& sweep = record_.sweep();
  return sweep.kind() == internal::v1::HISTORY_SWEEP_KIND_DROP_USES
             ? sweep.until_ms()
             : record_.uses_from_ms();
}

bool HistoryView::IsSwept(HistorySweepKind kind, absl::string_view name,
                          int64_t time_ms) const {
  const HistorySweep& sweep = record_.sweep();
  return sweep.kind() == kind && time_ms >= sweep.from_ms() &&
         time_ms < sweep.until_ms() && name < sweep.next_key();
}

Span HistoryView::SpanOf(int64_t from_ms, int64_t until_ms, bool days) const {
  const int64_t hours_from_ms = HoursFromMs();
  Span span = {.from_ms = FloorHour(std::max(from_ms, DaysFromMs()))};
  span.until_ms = CeilHour(std::max(until_ms, span.from_ms));
  if (!days) {
    span.from_ms = std::max(span.from_ms, hours_from_ms);
    span.day_from_ms = span.day_until_ms = span.from_ms;
    return span;
  }
  if (span.from_ms < hours_from_ms) span.from_ms = FloorDay(span.from_ms);
  if (FloorDay(span.until_ms) < hours_from_ms) {
    span.until_ms = CeilDay(span.until_ms);
  }
  // A day that is not wholly in records of days is read from those of hours, as
  // long as they are there.
  const int64_t rolled_ms = record_.rolled_hours_ms();
  const int64_t rolled_days_ms =
      hours_from_ms > FloorDay(rolled_ms) ? rolled_ms : FloorDay(rolled_ms);
  span.day_from_ms = CeilDay(span.from_ms);
  span.day_until_ms = span.until_ms >= rolled_days_ms ? rolled_days_ms
                                                      : FloorDay(span.until_ms);
  if (span.day_from_ms >= span.day_until_ms) {
    span.day_from_ms = span.day_until_ms = span.from_ms;
  }
  return span;
}

absl::StatusOr<std::optional<std::string>> HistoryView::NextFeature(
    absl::string_view after) {
  std::optional<std::string> next;
  for (const HistoryKind kind : kKinds) {
    QUORATE_ASSIGN_OR_RETURN(std::optional<std::string> found,
                             NextFeatureOf(kind, after));
    if (found.has_value() && (!next.has_value() || *found < *next)) {
      next = std::move(found);
    }
  }
  return next;
}

absl::StatusOr<std::optional<std::string>> HistoryView::NextFeatureOf(
    HistoryKind kind, absl::string_view after) {
  const std::string begin = BeginOf(kind);
  cursor_->Seek(after.empty() ? begin : EndOfFeature(kind, after));
  QUORATE_RETURN_IF_ERROR(CountRecord());
  if (!cursor_->Valid() || cursor_->key().substr(0, 2) != begin) {
    return std::nullopt;
  }
  const std::optional<HistoryKey> key = ParseHistoryKey(cursor_->key());
  if (!key.has_value()) return DamagedRecord(cursor_->key());
  return std::string(key->feature);
}

absl::Status HistoryView::VisitRecords(HistoryKind kind,
                                       absl::string_view feature,
                                       int64_t from_ms, int64_t until_ms,
                                       Visit visit) {
  if (from_ms >= until_ms) return absl::OkStatus();
  const std::string end = MakeHistoryKey(kind, feature, until_ms);
  for (cursor_->Seek(MakeHistoryKey(kind, feature, from_ms));
       cursor_->Valid() && cursor_->key() < end; cursor_->Next()) {
    const std::optional<HistoryKey> key = ParseHistoryKey(cursor_->key());
    if (!key.has_value()) return DamagedRecord(cursor_->key());
    QUORATE_RETURN_IF_ERROR(visit(*key, cursor_->value()));
    QUORATE_RETURN_IF_ERROR(CountRecord());
  }
  return cursor_->status();
}

absl::Status HistoryView::VisitFamily(
    char family, absl::FunctionRef<absl::Status(absl::string_view key,
                                                absl::string_view value)>
                     visit) {
  for (cursor_->Seek(std::string(1, family));
       cursor_->Valid() && cursor_->key()[0] == family; cursor_->Next()) {
    QUORATE_RETURN_IF_ERROR(visit(cursor_->key(), cursor_->value()));
    QUORATE_RETURN_IF_ERROR(CountRecord());
  }
  return cursor_->status();
}

absl::Status HistoryView::VisitSpan(HistoryKind hours, HistoryKind days,
                                    absl::string_view feature, const Span& span,
                                    Visit visit) {
  QUORATE_RETURN_IF_ERROR(
      VisitRecords(hours, feature, span.from_ms, span.day_from_ms, visit));
  QUORATE_RETURN_IF_ERROR(
      VisitRecords(days, feature, span.day_from_ms, span.day_until_ms, visit));
  return VisitRecords(
      hours, feature, span.day_until_ms, span.until_ms,
      [&](const HistoryKey& key, absl::string_view value) -> absl::Status {
        // In the record of its day already, which was read.
        if (span.day_from_ms < span.day_until_ms &&
            FloorDay(key.time_ms) < span.day_until_ms &&
            IsSwept(internal::v1::HISTORY_SWEEP_KIND_ROLL_HOURS, cursor_->key(),
                    key.time_ms)) {
          return absl::OkStatus();
        }
        return visit(key, value);
      });
}

absl::Status HistoryView::VisitUnrolledUses(absl::string_view feature,
                                            const Span& span, Visit visit) {
  return VisitRecords(
      HistoryKind::kUse, feature,
      std::max(span.from_ms, record_.rolled_uses_ms()), span.until_ms,
      [&](const HistoryKey& key, absl::string_view value) -> absl::Status {
        if (IsSwept(internal::v1::HISTORY_SWEEP_KIND_ROLL_USES, cursor_->key(),
                    key.time_ms)) {
          return absl::OkStatus();
        }
        return visit(key, value);
      });
}

absl::StatusOr<std::optional<uint64_t>> HistoryView::OutBefore(
    absl::string_view feature, int64_t time_ms) {
  std::optional<uint64_t> out;
  int64_t since_ms = -1;
  for (const HistoryKind kind :
       {HistoryKind::kDayLoad, HistoryKind::kHourLoad}) {
    // The last key before the time; none of this kind ends like that.
    cursor_->SeekForPrev(MakeHistoryKey(kind, feature, time_ms));
    if (cursor_->Valid() &&
        cursor_->key() == MakeHistoryKey(kind, feature, time_ms)) {
      cursor_->SeekForPrev(
          MakeHistoryKey(kind, feature, std::max<int64_t>(time_ms - 1, 0)));
    }
    QUORATE_RETURN_IF_ERROR(cursor_->status());
    if (!cursor_->Valid()) continue;
    const std::optional<HistoryKey> key = ParseHistoryKey(cursor_->key());
    if (!key.has_value() || key->kind != kind || key->feature != feature) {
      continue;
    }
    LoadRecord load;
    QUORATE_RETURN_IF_ERROR(
        ParseStored(cursor_->key(), cursor_->value(), &load));
    if (load.since_ms() < since_ms || load.since_ms() >= time_ms) continue;
    since_ms = load.since_ms();
    out = load.out();
  }
  if (out.has_value()) return out;
  return OpeningAfter(feature, time_ms);
}

// The records before may be deleted; the next one says how it began.
absl::StatusOr<std::optional<uint64_t>> HistoryView::OpeningAfter(
    absl::string_view feature, int64_t time_ms) {
  std::optional<uint64_t> opening;
  int64_t first_ms = std::numeric_limits<int64_t>::max();
  for (const HistoryKind kind :
       {HistoryKind::kDayLoad, HistoryKind::kHourLoad}) {
    cursor_->Seek(MakeHistoryKey(kind, feature, time_ms));
    QUORATE_RETURN_IF_ERROR(cursor_->status());
    if (!cursor_->Valid()) continue;
    const std::optional<HistoryKey> key = ParseHistoryKey(cursor_->key());
    if (!key.has_value() || key->kind != kind || key->feature != feature ||
        key->time_ms >= first_ms) {
      continue;
    }
    LoadRecord load;
    QUORATE_RETURN_IF_ERROR(
        ParseStored(cursor_->key(), cursor_->value(), &load));
    first_ms = key->time_ms;
    opening = load.opening();
  }
  return opening;
}

absl::Status HistoryView::CountRecord() {
  return ++visited_ % kRecordsBetweenLooks == 0 ? CheckTime()
                                                : absl::OkStatus();
}

absl::Status HistoryView::CheckTime() const {
  if (give_up_ == nullptr || !give_up_()) return absl::OkStatus();
  return absl::CancelledError("the time for the answer is over");
}

}  // namespace quorate::history

// The history as one cursor sees it: what stands where, while a sweep may be
// half done.

#ifndef QUORATE_SERVER_HISTORY_HISTORY_VIEW_H_
#define QUORATE_SERVER_HISTORY_HISTORY_VIEW_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "quorate/internal/v1/history.pb.h"

#include "base/status.h"
#include "replication/state_store.h"
#include "server/history/history_key.h"
#include "server/history/stored_record.h"

namespace quorate::history {

// [from_ms, until_ms) in which the days of [day_from_ms, day_until_ms) are read
// from records of days, and what is before and after from records of hours.
struct Span {
  int64_t from_ms = 0;
  int64_t until_ms = 0;
  int64_t day_from_ms = 0;
  int64_t day_until_ms = 0;
};

// Thread-compatible. Its errors are those of the store, and CANCELLED where
// `give_up` said so.
class HistoryView {
 public:
  using GiveUp = std::function<bool()>;

  // The cursor is not owned. `give_up` is asked every thousand records.
  static absl::StatusOr<HistoryView> Open(replication::RecordCursor* cursor,
                                          GiveUp give_up);

  // Widened to whole hours, or to days where no hours are kept any more.
  // Without `days` only to hours that are kept.
  Span SpanOf(int64_t from_ms, int64_t until_ms, bool days) const;

  // The first feature after this one that there is something of.
  absl::StatusOr<std::optional<std::string>> NextFeature(
      absl::string_view after);

  // The same, of one kind.
  absl::StatusOr<std::optional<std::string>> NextFeatureOf(
      HistoryKind kind, absl::string_view after);

  using Visit = absl::FunctionRef<absl::Status(const HistoryKey& key,
                                               absl::string_view value)>;

  // Visits the records of one kind and feature in [from_ms, until_ms), by time.
  // CANCELLED of the visitor ends the visit, and is passed on.
  absl::Status VisitRecords(HistoryKind kind, absl::string_view feature,
                            int64_t from_ms, int64_t until_ms, Visit visit);

  // Visits the records of a span: of hours, of days, of hours.
  absl::Status VisitSpan(HistoryKind hours, HistoryKind days,
                         absl::string_view feature, const Span& span,
                         Visit visit);

  // Visits uses that are in no record of an hour.
  absl::Status VisitUnrolledUses(absl::string_view feature, const Span& span,
                                 Visit visit);

  // What was out of the feature just before; nothing where that is not known.
  absl::StatusOr<std::optional<uint64_t>> OutBefore(absl::string_view feature,
                                                    int64_t time_ms);

  // Visits the ledger's records of one family, in the order of their keys.
  absl::Status VisitFamily(char family,
                           absl::FunctionRef<absl::Status(
                               absl::string_view key, absl::string_view value)>
                               visit);

  // A record of the ledger; nothing where there is none.
  template <typename Record>
  absl::StatusOr<std::optional<Record>> Find(const std::string& key) {
    cursor_->Seek(key);
    QUORATE_RETURN_IF_ERROR(cursor_->status());
    if (!cursor_->Valid() || cursor_->key() != key) return std::nullopt;
    Record record;
    QUORATE_RETURN_IF_ERROR(ParseStored(key, cursor_->value(), &record));
    return record;
  }

  // CANCELLED where the time is over.
  absl::Status CheckTime() const;

  // Uses are kept from then on.
  int64_t uses_from_ms() const;

  const internal::v1::HistoryRecord& record() const { return record_; }

 private:
  HistoryView(replication::RecordCursor* cursor, GiveUp give_up)
      : cursor_(cursor), give_up_(std::move(give_up)) {}

  absl::StatusOr<std::optional<uint64_t>> OpeningAfter(
      absl::string_view feature, int64_t time_ms);
  int64_t HoursFromMs() const;
  int64_t DaysFromMs() const;
  // True where the sweep under way has passed this record.
  bool IsSwept(internal::v1::HistorySweepKind kind, absl::string_view name,
               int64_t time_ms) const;
  absl::Status CountRecord();

  replication::RecordCursor* cursor_;
  GiveUp give_up_;
  internal::v1::HistoryRecord record_;
  uint64_t visited_ = 0;
};

}  // namespace quorate::history

#endif  // QUORATE_SERVER_HISTORY_HISTORY_VIEW_H_

#include "server/history/usage_query.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

#include "base/ordered_encoding.h"
#include "base/status.h"
#include "server/history/history_sums.h"
#include "server/history/stored_record.h"

namespace quorate::history {
namespace {

using internal::v1::DenialRecord;
using internal::v1::LoadRecord;
using internal::v1::SeatUseRecord;
using internal::v1::UsageRecord;

bool Matches(const std::string& wanted, absl::string_view is) {
  return wanted.empty() || wanted == is;
}

// Whether a row is about what was out at a time.
bool IsOfTime(UsageGroup group) {
  return group == UsageGroup::kFeature || group == UsageGroup::kHour ||
         group == UsageGroup::kDay;
}

// The rows of one feature.
class FeatureRows {
 public:
  // Not owned.
  FeatureRows(const UsageQuestion& question, const Span& span,
              std::string feature, HistoryView* view)
      : question_(question),
        span_(span),
        feature_(std::move(feature)),
        view_(view) {}

  absl::Status Read();

  std::map<std::string, UsageRow>& rows() { return rows_; }

 private:
  absl::Status ReadUsage();
  absl::Status ReadUsageTotals();
  absl::Status ReadUnrolledUses();
  absl::Status ReadDenials();
  absl::Status ReadDenialTotals();
  absl::Status ReadLoad();
  absl::Status ReadLoadPart(HistoryKind kind, int64_t part_ms, int64_t from_ms,
                            int64_t until_ms);

  // Whether totals say all that is asked for.
  bool ReadsTotals() const {
    const int64_t totals_from_ms = view_->record().totals_from_ms();
    return IsOfTime(question_.group) && question_.subject == Subject() &&
           totals_from_ms > 0 && span_.from_ms >= totals_from_ms;
  }

  bool Passes(const SubjectNames& subject) const {
    return Matches(question_.subject.user, subject.user) &&
           Matches(question_.subject.host, subject.host) &&
           Matches(question_.subject.project, subject.project);
  }

  UsageRow& RowOf(const SubjectNames& subject, int64_t time_ms);
  UsageRow& RowNamed(absl::string_view name);
  UsageRow& RowAt(int64_t time_ms);
  // So much was out from then until then.
  void AddOut(uint64_t out, int64_t from_ms, int64_t until_ms);

  const UsageQuestion& question_;
  const Span& span_;
  const std::string feature_;
  HistoryView* const view_;
  std::map<std::string, UsageRow> rows_;
  // Into rows_: records are many more than names.
  absl::flat_hash_map<std::string, UsageRow*> by_name_;
  std::optional<uint64_t> out_;  // At `load_ms_`.
  uint64_t total_ = 0;
  int64_t load_ms_ = 0;  // So far the load is counted.
};

UsageRow& FeatureRows::RowNamed(absl::string_view name) {
  if (const auto found = by_name_.find(name); found != by_name_.end()) {
    return *found->second;
  }
  const bool full = rows_.size() >= kMaxUsageRows;
  const std::string place(full ? "" : name);
  UsageRow& row = rows_[place];
  row.feature = feature_;
  row.name = place;
  by_name_.emplace(place, &row);
  return row;
}

UsageRow& FeatureRows::RowAt(int64_t time_ms) {
  int64_t begin_ms = span_.from_ms;
  if (question_.group == UsageGroup::kHour) begin_ms = FloorHour(time_ms);
  if (question_.group == UsageGroup::kDay) begin_ms = FloorDay(time_ms);
  UsageRow& row = rows_[Ordered64(static_cast<uint64_t>(begin_ms))];
  row.feature = feature_;
  row.begin_ms = begin_ms;
  return row;
}

UsageRow& FeatureRows::RowOf(const SubjectNames& subject, int64_t time_ms) {
  switch (question_.group) {
    case UsageGroup::kUser:
      return RowNamed(subject.user);
    case UsageGroup::kHost:
      return RowNamed(subject.host);
    case UsageGroup::kProject:
      return RowNamed(subject.project);
    case UsageGroup::kFeature:
    case UsageGroup::kHour:
    case UsageGroup::kDay:
      break;
  }
  return RowAt(time_ms);
}

absl::Status FeatureRows::Read() {
  if (ReadsTotals()) {
    QUORATE_RETURN_IF_ERROR(ReadUsageTotals());
    QUORATE_RETURN_IF_ERROR(ReadDenialTotals());
  } else {
    QUORATE_RETURN_IF_ERROR(ReadUsage());
    QUORATE_RETURN_IF_ERROR(ReadDenials());
  }
  QUORATE_RETURN_IF_ERROR(ReadUnrolledUses());
  if (IsOfTime(question_.group) && question_.subject == Subject()) {
    QUORATE_RETURN_IF_ERROR(ReadLoad());
  }
  std::erase_if(rows_, [](const auto& each) {
    const UsageRow& row = each.second;
    return row.usage.seats() == 0 && row.denials == 0 && row.peak == 0;
  });
  return absl::OkStatus();
}

absl::Status FeatureRows::ReadUsage() {
  UsageRecord usage;
  return view_->VisitSpan(
      HistoryKind::kHourUsage, HistoryKind::kDayUsage, feature_, span_,
      [&](const HistoryKey& key, absl::string_view value) -> absl::Status {
        const std::optional<SubjectNames> subject = ParseUsageRest(key.rest);
        if (!subject.has_value()) return DamagedRecord(key.rest);
        if (!Passes(*subject)) return absl::OkStatus();
        QUORATE_RETURN_IF_ERROR(ParseStored(key.rest, value, &usage));
        AddUsage(usage, &RowOf(*subject, key.time_ms).usage);
        return absl::OkStatus();
      });
}

absl::Status FeatureRows::ReadUsageTotals() {
  UsageRecord usage;
  return view_->VisitSpan(
      HistoryKind::kHourTotal, HistoryKind::kDayTotal, feature_, span_,
      [&](const HistoryKey& key, absl::string_view value) -> absl::Status {
        QUORATE_RETURN_IF_ERROR(ParseStored(key.rest, value, &usage));
        AddUsage(usage, &RowAt(key.time_ms).usage);
        return absl::OkStatus();
      });
}

absl::Status FeatureRows::ReadUnrolledUses() {
  SeatUseRecord use;
  return view_->VisitUnrolledUses(
      feature_, span_,
      [&](const HistoryKey& key, absl::string_view value) -> absl::Status {
        QUORATE_RETURN_IF_ERROR(ParseStored(key.rest, value, &use));
        const SubjectNames subject = {
            .user = use.user(), .host = use.host(), .project = use.project()};
        if (!Passes(subject)) return absl::OkStatus();
        AddUse(use, key.time_ms, &RowOf(subject, key.time_ms).usage);
        return absl::OkStatus();
      });
}

absl::Status FeatureRows::ReadDenials() {
  DenialRecord denials;
  return view_->VisitSpan(
      HistoryKind::kHourDenials, HistoryKind::kDayDenials, feature_, span_,
      [&](const HistoryKey& key, absl::string_view value) -> absl::Status {
        const std::optional<DenialRestParts> parts = ParseDenialRest(key.rest);
        if (!parts.has_value()) return DamagedRecord(key.rest);
        if (!Passes(parts->subject)) return absl::OkStatus();
        QUORATE_RETURN_IF_ERROR(ParseStored(key.rest, value, &denials));
        RowOf(parts->subject, key.time_ms).denials += denials.denials();
        return absl::OkStatus();
      });
}

absl::Status FeatureRows::ReadDenialTotals() {
  DenialRecord denials;
  return view_->VisitSpan(
      HistoryKind::kHourDenialTotal, HistoryKind::kDayDenialTotal, feature_,
      span_,
      [&](const HistoryKey& key, absl::string_view value) -> absl::Status {
        QUORATE_RETURN_IF_ERROR(ParseStored(key.rest, value, &denials));
        RowAt(key.time_ms).denials += denials.denials();
        return absl::OkStatus();
      });
}

void FeatureRows::AddOut(uint64_t out, int64_t from_ms, int64_t until_ms) {
  int64_t step_ms = std::numeric_limits<int64_t>::max();
  if (question_.group == UsageGroup::kHour) step_ms = kHourMs;
  if (question_.group == UsageGroup::kDay) step_ms = kDayMs;
  while (out > 0 && from_ms < until_ms) {
    UsageRow& row = RowAt(from_ms);
    const int64_t end_ms = std::min(
        until_ms,
        step_ms < until_ms ? from_ms - from_ms % step_ms + step_ms : until_ms);
    row.total = total_;
    row.out_unit_ms += out * static_cast<uint64_t>(end_ms - from_ms);
    if (out > row.peak) {
      row.peak = out;
      row.peak_ms = from_ms;
    }
    from_ms = end_ms;
  }
}

absl::Status FeatureRows::ReadLoadPart(HistoryKind kind, int64_t part_ms,
                                       int64_t from_ms, int64_t until_ms) {
  LoadRecord load;
  return view_->VisitRecords(
      kind, feature_, from_ms, until_ms,
      [&](const HistoryKey& key, absl::string_view value) -> absl::Status {
        QUORATE_RETURN_IF_ERROR(ParseStored(key.rest, value, &load));
        AddOut(out_.value_or(load.opening()), load_ms_, key.time_ms);
        const int64_t end_ms =
            std::min({key.time_ms + part_ms, until_ms, question_.now_ms});
        UsageRow& row = RowAt(key.time_ms);
        row.out_unit_ms += UnitMsUntil(load, end_ms);
        total_ = row.total = load.total();
        if (load.peak() > row.peak) {
          row.peak = load.peak();
          row.peak_ms = load.peak_ms();
        }
        out_ = load.out();
        load_ms_ = end_ms;
        return absl::OkStatus();
      });
}

absl::Status FeatureRows::ReadLoad() {
  QUORATE_ASSIGN_OR_RETURN(out_, view_->OutBefore(feature_, span_.from_ms));
  load_ms_ = span_.from_ms;
  QUORATE_RETURN_IF_ERROR(ReadLoadPart(HistoryKind::kHourLoad, kHourMs,
                                       span_.from_ms, span_.day_from_ms));
  QUORATE_RETURN_IF_ERROR(ReadLoadPart(HistoryKind::kDayLoad, kDayMs,
                                       span_.day_from_ms, span_.day_until_ms));
  QUORATE_RETURN_IF_ERROR(ReadLoadPart(HistoryKind::kHourLoad, kHourMs,
                                       span_.day_until_ms, span_.until_ms));
  AddOut(out_.value_or(0), load_ms_,
         std::min(span_.until_ms, question_.now_ms));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<UsageRows> QueryUsage(const UsageQuestion& question,
                                     HistoryView* view) {
  UsageRows answer;
  answer.span = view->SpanOf(question.from_ms, question.until_ms,
                             question.group != UsageGroup::kHour);
  // A place is the feature, a byte 0, and the row's own.
  const std::string after_feature =
      question.after.substr(0, question.after.find('\0'));
  std::optional<std::string> feature = question.feature;
  if (feature->empty()) {
    feature = after_feature;
    if (question.after.empty()) {
      QUORATE_ASSIGN_OR_RETURN(feature, view->NextFeature(""));
    }
  }
  while (feature.has_value() && !answer.more) {
    FeatureRows rows(question, answer.span, *feature, view);
    QUORATE_RETURN_IF_ERROR(rows.Read());
    for (auto& [place, row] : rows.rows()) {
      row.place = absl::StrCat(*feature, absl::string_view("\0", 1), place);
      if (!question.after.empty() && row.place <= question.after) continue;
      answer.more = answer.rows.size() >= question.limit;
      if (answer.more) break;
      answer.rows.push_back(std::move(row));
    }
    if (!question.feature.empty()) break;
    QUORATE_ASSIGN_OR_RETURN(feature, view->NextFeature(*feature));
  }
  return answer;
}

}  // namespace quorate::history

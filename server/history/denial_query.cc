#include "server/history/denial_query.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/status.h"
#include "server/history/stored_record.h"

namespace quorate::history {
namespace {

// Ends a visit when the page is full; nobody else sees it.
absl::Status Full() {
  return absl::OutOfRangeError("the page is full");
}

// The part of a span that is not before the time: a page goes on there.
Span From(Span span, int64_t time_ms) {
  span.from_ms = std::max(span.from_ms, time_ms);
  span.day_from_ms = std::max(span.day_from_ms, span.from_ms);
  span.day_until_ms = std::max(span.day_until_ms, span.day_from_ms);
  return span;
}

}  // namespace

absl::StatusOr<DenialRows> QueryDenials(const DenialQuestion& question,
                                        HistoryView* view) {
  DenialRows answer;
  answer.span = view->SpanOf(question.from_ms, question.until_ms, true);
  const std::optional<HistoryKey> after = ParseHistoryKey(question.after);
  size_t visits = 0;
  const auto visit = [&](const HistoryKey& key,
                         absl::string_view value) -> absl::Status {
    std::string name =
        MakeHistoryKey(key.kind, key.feature, key.time_ms, key.rest);
    if (after.has_value() && key.feature == after->feature &&
        key.time_ms == after->time_ms && name <= question.after) {
      return absl::OkStatus();
    }
    if (answer.rows.size() >= question.limit || visits >= kMaxVisitsOfDenials) {
      return Full();
    }
    ++visits;
    DenialRow row = {.feature = std::string(key.feature),
                     .begin_ms = key.time_ms};
    const std::optional<DenialRestParts> parts = ParseDenialRest(key.rest);
    if (!parts.has_value()) return DamagedRecord(name);
    answer.last = name;
    if (!question.user.empty() && question.user != parts->subject.user) {
      return absl::OkStatus();
    }
    row.reason = parts->reason;
    row.subject = {.user = std::string(parts->subject.user),
                   .host = std::string(parts->subject.host),
                   .project = std::string(parts->subject.project)};
    QUORATE_RETURN_IF_ERROR(ParseStored(name, value, &row.record));
    answer.rows.push_back(std::move(row));
    return absl::OkStatus();
  };
  std::optional<std::string> feature = question.feature;
  if (feature->empty()) {
    feature = after.has_value() ? std::string(after->feature) : std::string();
    if (!after.has_value()) {
      QUORATE_ASSIGN_OR_RETURN(feature, view->NextFeature(""));
    }
  }
  while (feature.has_value()) {
    const bool goes_on = after.has_value() && *feature == after->feature;
    const absl::Status status = view->VisitSpan(
        HistoryKind::kHourDenials, HistoryKind::kDayDenials, *feature,
        goes_on ? From(answer.span, after->time_ms) : answer.span, visit);
    answer.more = absl::IsOutOfRange(status);
    if (answer.more) break;
    QUORATE_RETURN_IF_ERROR(status);
    if (!question.feature.empty()) break;
    QUORATE_ASSIGN_OR_RETURN(feature, view->NextFeature(*feature));
  }
  return answer;
}

}  // namespace quorate::history

// Who was refused what, and why: a row for each feature, hour (or day, where
// hours are not kept any more), reason and subject.

#ifndef QUORATE_SERVER_HISTORY_DENIAL_QUERY_H_
#define QUORATE_SERVER_HISTORY_DENIAL_QUERY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "quorate/internal/v1/history.pb.h"

#include "server/history/history_view.h"

namespace quorate::history {

// Records that one page looks at; it may be short, or empty, before the last.
inline constexpr size_t kMaxVisitsOfDenials = 200'000;

struct DenialQuestion {
  // Only of these; empty: of all.
  std::string feature;
  std::string user;
  int64_t from_ms = 0;
  int64_t until_ms = 0;

  size_t limit = 0;
  std::string after;  // DenialRows::last of the page before; empty: none.
};

struct DenialRow {
  std::string feature;
  int64_t begin_ms = 0;  // Of the hour or day.
  type::v1::ErrorReason reason = type::v1::ERROR_REASON_UNSPECIFIED;
  Subject subject;
  internal::v1::DenialRecord record;
};

struct DenialRows {
  Span span;
  std::vector<DenialRow> rows;  // By feature, then by time.
  bool more = false;
  std::string last;  // The key of the record that was looked at last.
};

absl::StatusOr<DenialRows> QueryDenials(const DenialQuestion& question,
                                        HistoryView* view);

}  // namespace quorate::history

#endif  // QUORATE_SERVER_HISTORY_DENIAL_QUERY_H_

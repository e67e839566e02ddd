// What was used: per feature, user, host, project, hour or day.
//
// The seats of a row are those that came back in the span; the time that they
// were held counts as a whole, whenever it began. What was out of a feature
// counts in the time in which it was.
//
// Rows of features, hours and days of all subjects are read from totals, as
// many as there are hours or days. Other rows, and those of one subject, are
// added up from what each user, host and project used in an hour or a day.

#ifndef QUORATE_SERVER_HISTORY_USAGE_QUERY_H_
#define QUORATE_SERVER_HISTORY_USAGE_QUERY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "quorate/internal/v1/history.pb.h"

#include "server/history/history_view.h"

namespace quorate::history {

enum class UsageGroup { kFeature, kUser, kHost, kProject, kHour, kDay };

// Rows of one feature; what is more counts for nobody in particular. Memory.
inline constexpr size_t kMaxUsageRows = 200'000;

struct UsageQuestion {
  UsageGroup group = UsageGroup::kFeature;
  // Only of these; empty: of all.
  std::string feature;
  Subject subject;
  int64_t from_ms = 0;
  int64_t until_ms = 0;
  int64_t now_ms = 0;  // Nothing is known of later.

  size_t limit = 0;
  std::string after;  // UsageRow::place of the last row before; empty: none.
};

struct UsageRow {
  std::string place;  // In the order of the rows.
  std::string feature;
  std::string name;      // Of the user, host or project.
  int64_t begin_ms = 0;  // Of the hour or day.
  internal::v1::UsageRecord usage;
  uint64_t denials = 0;

  // Of all that was out. Only in rows of features, hours and days, where no
  // subject was asked for.
  uint64_t out_unit_ms = 0;
  uint64_t peak = 0;
  int64_t peak_ms = 0;
  uint64_t total = 0;  // At the last change.
};

struct UsageRows {
  Span span;
  std::vector<UsageRow> rows;  // By feature, then by name or time.
  bool more = false;
};

absl::StatusOr<UsageRows> QueryUsage(const UsageQuestion& question,
                                     HistoryView* view);

}  // namespace quorate::history

#endif  // QUORATE_SERVER_HISTORY_USAGE_QUERY_H_

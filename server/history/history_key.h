// Keys of the history's records.
//
// 'h', one byte for the kind, the feature, a byte 0, the time as 8 bytes
// big-endian, then what tells records of one time apart. So all of a feature
// and a span of time lies together.

#ifndef QUORATE_SERVER_HISTORY_HISTORY_KEY_H_
#define QUORATE_SERVER_HISTORY_HISTORY_KEY_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

#include "quorate/type/v1/error_reason.pb.h"

namespace quorate::history {

inline constexpr int64_t kHourMs = 3'600'000;
inline constexpr int64_t kDayMs = 24 * kHourMs;

// The beginning of the hour or day, UTC. `ms` is not negative.
inline int64_t FloorHour(int64_t ms) {
  return ms - ms % kHourMs;
}

inline int64_t FloorDay(int64_t ms) {
  return ms - ms % kDayMs;
}

// The second byte, for ever.
enum class HistoryKind : char {
  kDayUsage = 'D',
  kHourUsage = 'H',
  kDayLoad = 'L',
  kDayTotal = 'S',  // All usage of a feature; the key has no rest.
  kHourTotal = 'T',
  kHourDenials = 'd',
  kDayDenials = 'e',
  kHourDenialTotal = 'f',  // All denials of a feature; the same.
  kDayDenialTotal = 'g',
  kHourLoad = 'l',
  kState = 's',  // The one record of the history itself.
  kUse = 'u',    // One seat; the time is that of its end.
};

// The first byte of all keys.
inline constexpr char kHistoryFamily = 'h';

// Views are of the key that was parsed.
struct HistoryKey {
  HistoryKind kind = HistoryKind::kUse;
  absl::string_view feature;
  int64_t time_ms = 0;
  absl::string_view rest;
};

bool IsHistoryKey(absl::string_view key);

// Of the history's own record.
std::string HistoryStateKey();

std::string MakeHistoryKey(HistoryKind kind, absl::string_view feature,
                           int64_t time_ms, absl::string_view rest = {});

// Nothing for the history's own record, and for what is no key of it.
std::optional<HistoryKey> ParseHistoryKey(absl::string_view key);

// Where the records of a kind begin, and where the next feature's do.
std::string BeginOf(HistoryKind kind);
std::string EndOfFeature(HistoryKind kind, absl::string_view feature);

// Whom a sum is about. All empty: those that there was no room for by
// themselves.
struct Subject {
  std::string user;
  std::string host;
  std::string project;

  auto operator<=>(const Subject&) const = default;
};

// The same, as it stands in a key: views of that.
struct SubjectNames {
  absl::string_view user;
  absl::string_view host;
  absl::string_view project;
};

// The rest of a key of usage, and of one of denials. The strings hold no
// control characters.
std::string UsageRest(const Subject& subject);
std::string DenialRest(type::v1::ErrorReason reason, const Subject& subject);

// Nothing where the rest is not of that form.
std::optional<SubjectNames> ParseUsageRest(absl::string_view rest);

struct DenialRestParts {
  type::v1::ErrorReason reason = type::v1::ERROR_REASON_UNSPECIFIED;
  SubjectNames subject;
};

std::optional<DenialRestParts> ParseDenialRest(absl::string_view rest);

}  // namespace quorate::history

#endif  // QUORATE_SERVER_HISTORY_HISTORY_KEY_H_

#include "server/policy/time_window.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace quorate::policy {
namespace {

constexpr int kMinutesOfDay = 24 * 60;
constexpr int64_t kMsOfMinute = 60'000;

constexpr absl::string_view kDays[] = {"mon", "tue", "wed", "thu",
                                       "fri", "sat", "sun"};

// 1970 began on a Thursday.
constexpr int64_t kDayOf1970 = 3;

std::optional<int> ParseDay(absl::string_view text) {
  const auto* const day = std::find_if(
      std::begin(kDays), std::end(kDays), [text](absl::string_view each) {
        return absl::AsciiStrToLower(text) == each;
      });
  if (day == std::end(kDays)) return std::nullopt;
  return static_cast<int>(day - std::begin(kDays));
}

// "mon-fri,sun" as bits; 0 where it is none.
uint8_t ParseDays(absl::string_view text) {
  unsigned days = 0;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const size_t dash = part.find('-');
    const std::optional<int> first = ParseDay(part.substr(0, dash));
    const std::optional<int> last = dash == absl::string_view::npos
                                        ? first
                                        : ParseDay(part.substr(dash + 1));
    if (!first.has_value() || !last.has_value()) return 0;
    // "sat-mon" goes over the end of the week.
    for (int day = *first;; day = (day + 1) % 7) {
      days |= 1U << static_cast<unsigned>(day);
      if (day == *last) break;
    }
  }
  return static_cast<uint8_t>(days);
}

// "08:30" as minutes of the day, up to "24:00".
std::optional<int> ParseMinute(absl::string_view text) {
  int hours = 0;
  int minutes = 0;
  if (text.size() != 5 || text[2] != ':' || !absl::ascii_isdigit(text[0]) ||
      !absl::ascii_isdigit(text[3]) ||
      !absl::SimpleAtoi(text.substr(0, 2), &hours) ||
      !absl::SimpleAtoi(text.substr(3), &minutes) || minutes > 59) {
    return std::nullopt;
  }
  const int minute = hours * 60 + minutes;
  if (minute > kMinutesOfDay) return std::nullopt;
  return minute;
}

bool ParseHours(absl::string_view text, TimeWindow* window) {
  const size_t dash = text.find('-');
  if (dash == absl::string_view::npos) return false;
  const std::optional<int> first = ParseMinute(text.substr(0, dash));
  const std::optional<int> end = ParseMinute(text.substr(dash + 1));
  if (!first.has_value() || !end.has_value() || *first == *end ||
      *first == kMinutesOfDay) {
    return false;
  }
  window->first_minute = *first;
  window->end_minute = *end;
  return true;
}

}  // namespace

bool TimeWindow::Contains(int64_t calendar_ms) const {
  // Times before 1970 are not stamped.
  const int64_t minutes = std::max<int64_t>(calendar_ms, 0) / kMsOfMinute;
  const int minute = static_cast<int>(minutes % kMinutesOfDay);
  const auto day =
      static_cast<unsigned>((minutes / kMinutesOfDay + kDayOf1970) % 7);
  const auto on = [this](unsigned each) {
    return ((static_cast<unsigned>(days) >> each) & 1U) != 0;
  };
  if (first_minute < end_minute) {
    return on(day) && first_minute <= minute && minute < end_minute;
  }
  // Over midnight: the evening of its day, or the morning after it.
  return (on(day) && minute >= first_minute) ||
         (on((day + 6) % 7) && minute < end_minute);
}

int64_t TimeWindow::NextEdgeMs(int64_t calendar_ms) const {
  constexpr int64_t kMsOfDay = kMinutesOfDay * kMsOfMinute;
  // It begins and ends at the same minutes of each of its days.
  const auto next = [calendar_ms](int minute) {
    const int64_t of_day_ms = calendar_ms % kMsOfDay;
    const int64_t at_ms = minute % kMinutesOfDay * kMsOfMinute;
    return calendar_ms - of_day_ms + at_ms +
           (at_ms <= of_day_ms ? kMsOfDay : 0);
  };
  return std::min(next(first_minute), next(end_minute));
}

std::optional<TimeWindow> ParseTimeWindow(absl::string_view text) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(text, ' ', absl::SkipEmpty());
  if (words.empty() || words.size() > 2) return std::nullopt;
  TimeWindow window;
  const bool hours_only =
      words.size() == 1 && words[0].find(':') != words[0].npos;
  if (!hours_only) {
    window.days = ParseDays(words[0]);
    if (window.days == 0) return std::nullopt;
  }
  if (hours_only || words.size() == 2) {
    if (!ParseHours(words.back(), &window)) return std::nullopt;
  }
  return window;
}

}  // namespace quorate::policy

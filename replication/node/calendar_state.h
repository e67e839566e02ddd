// What people should know of the members' clocks, and when to worry.

#ifndef QUORATE_REPLICATION_NODE_CALENDAR_STATE_H_
#define QUORATE_REPLICATION_NODE_CALENDAR_STATE_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "replication/raft/types.h"

namespace quorate::replication {

struct CalendarState {
  int64_t calendar_ms = 0;  // What an entry would be stamped with now.

  // The latest moment that the clocks of a majority have reached; 0 where too
  // few are known.
  int64_t quorum_ms = 0;

  // The clocks of a majority are so far ahead of the calendar that a person
  // must say that it is true (Calendar::Accept); until then, or until there is
  // room for it (Calendar::kFreeLeap), it goes on by what passes.
  bool held = false;

  // The clocks of a majority are more than an hour behind the calendar, which
  // never goes back.
  bool behind = false;

  // How far each clock that was read lately is ahead of `quorum_ms`, the
  // leader's among them; sorted by id, empty where `quorum_ms` is 0. With all
  // of three known, one that is right stands at 0. With two known, nobody can
  // tell which is right: the later one is ahead.
  struct Skew {
    raft::MemberId id;
    absl::Duration ahead;
  };

  std::vector<Skew> skews;
};

enum class ClockAlarmKind {
  kClockSkew,       // A member's clock is more than kSkewLimit off.
  kCalendarHeld,    // CalendarState::held
  kCalendarBehind,  // CalendarState::behind
};

struct ClockAlarm {
  ClockAlarmKind kind = ClockAlarmKind::kClockSkew;
  raft::MemberId member;  // kClockSkew only.

  // How far this clock, or the clocks of a majority, are ahead: of the others,
  // or of the calendar. Negative: behind.
  absl::Duration ahead;
};

// Twice what a reading may be wrong by (Calendar::kSlowAnswer), so that clocks
// that agree never ring.
inline constexpr absl::Duration kSkewLimit = absl::Seconds(2);

// At most one of a kind for each member, the calendar's first.
std::vector<ClockAlarm> AlarmsOf(const CalendarState& state);

// "CLOCK_SKEW", "CALENDAR_HELD", "CALENDAR_BEHIND".
absl::string_view ClockAlarmName(ClockAlarmKind kind);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_CALENDAR_STATE_H_

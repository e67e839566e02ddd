// Lines in the log about the members' clocks.

#ifndef QUORATE_REPLICATION_NODE_CLOCK_ALARM_LOG_H_
#define QUORATE_REPLICATION_NODE_CLOCK_ALARM_LOG_H_

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/time/time.h"

#include "replication/node/calendar_state.h"
#include "replication/raft/types.h"

namespace quorate::replication {

// Says once that an alarm began, and once that it ended.
//
// Thread rule: Confined to the consensus thread.
class ClockAlarmLog {
 public:
  // An alarm that was gone for less did not end: a clock at the limit would
  // fill the log.
  static constexpr absl::Duration kQuiet = absl::Seconds(30);

  // What began or ended, for the tests.
  struct Line {
    ClockAlarm alarm;
    bool began = false;
  };

  // The state of the clocks at `now` (SinceBoot); nothing where this member
  // does not lead: whoever does writes the lines. Returns those it wrote.
  std::vector<Line> Follow(const std::optional<CalendarState>& state,
                           absl::Duration now);

 private:
  using Key = std::pair<ClockAlarmKind, raft::MemberId>;

  struct Ringing {
    ClockAlarm alarm;
    absl::Duration heard;  // Last.
  };

  std::map<Key, Ringing> ringing_;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_CLOCK_ALARM_LOG_H_

// The cluster's calendar time: a ratchet that a quorum of clocks winds.

#ifndef QUORATE_REPLICATION_NODE_CALENDAR_H_
#define QUORATE_REPLICATION_NODE_CALENDAR_H_

#include <cstdint>
#include <map>

#include "absl/time/time.h"

#include "base/clock.h"
#include "replication/node/calendar_state.h"
#include "replication/raft/types.h"

namespace quorate::replication {

// The leader's calendar (docs/adr/0006). It advances by what has passed on the
// leader's machine, and is wound up to the latest moment that the clocks of a
// majority of the voters have reached: the same count by which an index is
// committed. So one wrong clock of three moves nothing, wherever it stands; two
// that are wrong move it as far as both of them have come. It never goes back,
// and great leaps need a person, since they could end every licence for good.
// Stamps are 0 until a majority's clocks were known once.
//
// Thread rule: Confined to the consensus thread.
class Calendar {
 public:
  // All leaps of a reign together, of which as much is given back as passes: so
  // clocks that race do not get far by many small leaps. Longer than a night
  // without power; shorter than what ends licences early by mistake.
  static constexpr absl::Duration kFreeLeap = absl::Hours(25);

  // What was asked longer ago when the answer comes says too little of now.
  static constexpr absl::Duration kSlowAnswer = absl::Seconds(1);

  // A reading is carried on by the own clock for so long at most.
  static constexpr absl::Duration kReadingLife = absl::Seconds(10);

  // A majority so far behind the calendar is worth a word.
  static constexpr absl::Duration kBehindLimit = absl::Hours(1);

  // `clock` is not owned. `step_limit` as ClusterClock has it.
  Calendar(const Clock* clock, absl::Duration step_limit)
      : clock_(clock), step_limit_(step_limit) {}

  // This member now leads, and the last entry of its log is stamped `last_ms`;
  // 0 where none carries a calendar yet: then the first leap is free.
  void Run(int64_t last_ms);

  // `member` said at a moment between `asked` (SinceBoot here) and now that its
  // clock shows `calendar_ms`. It is taken to have been now: so it may have
  // reached more, never less.
  void OnReading(raft::MemberId member, int64_t calendar_ms,
                 absl::Duration asked);

  // Counts what has passed, and looks at the clocks. `self` is this member. To
  // be called at least every tick.
  void Advance(const raft::Membership& membership, raft::MemberId self);

  // A person says that it is not earlier than the held leap would have it, if
  // that is not beyond `up_to_ms`. Returns whether the leap was made; nothing
  // is remembered for another.
  bool Accept(int64_t up_to_ms);

  int64_t calendar_ms() const { return absl::ToInt64Milliseconds(calendar_); }

  // As of the last Advance.
  bool held() const { return held_; }

  // CalendarState::quorum_ms
  int64_t quorum_ms() const { return quorum_ms_; }

  CalendarState State(raft::MemberId self) const;

 private:
  struct Reading {
    // The least that the calendar showed at `at`.
    absl::Duration calendar;
    absl::Duration at;  // SinceBoot here.
  };

  // What each clock shows by now, 0 to kMaxCalendarMs; 0 where that is not
  // known.
  int64_t ShownMs(raft::MemberId member, raft::MemberId self) const;
  void ForgetOldReadings(absl::Duration now);

  const Clock* const clock_;
  const absl::Duration step_limit_;

  absl::Duration calendar_;  // Since 1970, with fractions of a ms.
  absl::Duration looked_;    // Clock::SinceBoot at the last look.
  bool started_ = false;     // An entry carries it, or a leap was made.
  absl::Duration room_;      // For leaps without a person.
  int64_t quorum_ms_ = 0;
  bool held_ = false;
  std::map<raft::MemberId, Reading> readings_;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_CALENDAR_H_

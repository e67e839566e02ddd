// The cluster's calendar time: a ratchet that a quorum of clocks winds.

#ifndef QUORATE_REPLICATION_NODE_CALENDAR_H_
#define QUORATE_REPLICATION_NODE_CALENDAR_H_

#include <cstdint>
#include <map>
#include <vector>

#include "absl/time/time.h"

#include "base/clock.h"
#include "replication/raft/types.h"

namespace quorate::replication {

// What people should know of the members' clocks.
struct CalendarState {
  int64_t calendar_ms = 0;  // What an entry would be stamped with now.

  // The latest moment that the clocks of a majority have reached; 0 where too
  // few are known.
  int64_t quorum_ms = 0;

  // The clocks of a majority are so far ahead of the calendar that a person
  // must say that it is true (Accept); until then it goes on by what passes.
  bool held = false;

  // The clocks of a majority are more than an hour behind the calendar, which
  // never goes back.
  bool behind = false;

  // How far each other member's clock is ahead of the leader's; those that were
  // read lately, sorted by id.
  struct Skew {
    raft::MemberId id;
    absl::Duration ahead;
  };

  std::vector<Skew> skews;
};

// The leader's calendar (security.md §3.2, docs/adr). It advances by what has
// passed on the leader's machine, and is wound up to the latest moment that the
// clocks of a majority of the voters have reached: the same count by which an
// index is committed. So one wrong clock moves nothing, wherever it stands, and
// neither do two that disagree. It never goes back, and a leap beyond
// kFreeLeap needs a person, since it could end every licence for good.
//
// Thread rule: Confined to the consensus thread.
class Calendar {
 public:
  // Longer than a night without power; shorter than what ends licences early
  // by mistake.
  static constexpr absl::Duration kFreeLeap = absl::Hours(25);

  // A reading is carried on by the own clock for so long at most.
  static constexpr absl::Duration kReadingLife = absl::Seconds(10);

  // A majority so far behind the calendar is worth a word.
  static constexpr absl::Duration kBehindLimit = absl::Hours(1);

  // `clock` is not owned. `step_limit` as ClusterClock has it.
  Calendar(const Clock* clock, absl::Duration step_limit)
      : clock_(clock), step_limit_(step_limit) {}

  // This member now leads, and the last entry of its log is stamped `last_ms`;
  // 0 where no entry was ever stamped: then the first leap is free.
  void Run(int64_t last_ms);

  // `member` said at a moment between `asked` (SinceBoot here) and now that its
  // calendar shows `calendar_ms`.
  void OnReading(raft::MemberId member, int64_t calendar_ms,
                 absl::Duration asked);

  // Counts what has passed, and looks at the clocks. `self` is this member. To
  // be called at least every tick.
  void Advance(const raft::Membership& membership, raft::MemberId self);

  // A person says that leaps up to this moment are right.
  void Accept(int64_t up_to_ms);

  int64_t calendar_ms() const { return absl::ToInt64Milliseconds(calendar_); }

  CalendarState State(raft::MemberId self) const;

 private:
  struct Reading {
    // The least that the calendar showed at `at`.
    absl::Duration calendar;
    absl::Duration at;  // SinceBoot here.
  };

  int64_t ReadingMs(raft::MemberId member, raft::MemberId self) const;
  int64_t OwnMs() const;

  const Clock* const clock_;
  const absl::Duration step_limit_;

  absl::Duration calendar_;  // Since 1970, with fractions of a ms.
  absl::Duration looked_;    // Clock::SinceBoot at the last look.
  bool started_ = false;     // An entry was stamped before, or a leap made.
  int64_t accepted_ms_ = 0;
  int64_t quorum_ms_ = 0;
  bool held_ = false;
  std::map<raft::MemberId, Reading> readings_;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_CALENDAR_H_

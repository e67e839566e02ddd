// What must hold for the stamps of entries, checked from outside.

#ifndef QUORATE_TESTS_SIM_CLOCK_CHECKER_H_
#define QUORATE_TESTS_SIM_CLOCK_CHECKER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"

#include "replication/raft/types.h"
#include "tests/sim/scheduler.h"

namespace quorate::sim {

// Knows how wrong each member's clock is and was, and when each entry was
// stamped; shares no code with what it checks. Part of Checker, whose functions
// say the broken rule, or nothing. Thread-compatible; `scheduler` tells the
// time and is not owned.
class ClockChecker {
 public:
  explicit ClockChecker(const Scheduler* scheduler) : scheduler_(scheduler) {}

  // From now on this member's calendar is off by so much.
  void OnCalendarOff(raft::MemberId member, absl::Duration off);

  // A person says that it is not later than this.
  void OnAcceptance(int64_t up_to_ms);

  // The cluster is founded; its log is empty.
  void OnFounded(const raft::Configuration& configuration);

  // A leader stamps this entry now, after one of term `before`. Rules: no stamp
  // goes back; the cluster's time goes on by what passes at most; so does the
  // calendar, or it is what a majority of the voters' clocks have reached, each
  // as it was at its best while a reading lives; a term's leaps are free up to
  // a day and what passes, and beyond that accepted by a person.
  std::string OnStamp(const raft::Entry& entry, raft::Term before);

  // Rule: what a leader's calendar shows is not far behind what a majority of
  // the voters' clocks show, but where it is `held`.
  std::string OnShown(int64_t calendar_ms, bool held,
                      const raft::Membership& membership) const;

 private:
  using Key = std::pair<uint64_t, uint64_t>;  // Index, term.

  struct Stamped {
    raft::Stamp stamp;
    SimTime at = 0;  // When a clock showed it.
    // As of this entry.
    std::shared_ptr<const raft::Configuration> configuration;
  };

  struct Reign {
    int64_t calendar_ms = 0;  // As it began, or as of the last accepted leap.
    SimTime at = 0;
  };

  struct Off {
    SimTime since = 0;
    absl::Duration off;
  };

  void Put(const raft::Entry& entry, const Stamped& before);
  std::string CheckLeap(const raft::Entry& entry, const Stamped& last);
  absl::Duration MostOff(raft::MemberId member, SimTime since) const;
  int64_t MajorityMs(const raft::Membership& membership, SimTime since) const;

  const Scheduler* const scheduler_;
  absl::flat_hash_map<Key, Stamped> stamped_;
  std::map<raft::Term, Reign> reigns_;
  std::map<raft::MemberId, std::vector<Off>> offs_;  // In order of time.
  std::vector<std::pair<SimTime, int64_t>> acceptances_;
};

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_CLOCK_CHECKER_H_

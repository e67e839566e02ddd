// What kind of world one seed gives (swarm testing: each seed switches some
// kinds of trouble off and others up, so that rare mixtures are met).

#ifndef QUORATE_TESTS_SIM_OPTIONS_H_
#define QUORATE_TESTS_SIM_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/sim/scheduler.h"

namespace quorate::sim {

struct SimOptions {
  uint64_t seed = 0;

  // The safety phase; then faults stop and progress must come.
  SimTime faulty_time = 0;

  // Network. Chances are per 1000 messages.
  SimTime network_delay_min = 0;
  SimTime network_delay_max = 0;
  uint64_t loss_per_mille = 0;
  uint64_t duplicate_per_mille = 0;
  uint64_t slow_per_mille = 0;  // A message that takes up to a second.

  // Disk.
  SimTime disk_delay_min = 0;
  SimTime disk_delay_max = 0;
  SimTime apply_delay_max = 0;

  // Mean times between faults of a kind; 0 switches it off.
  SimTime crash_every = 0;
  SimTime leader_crash_every = 0;
  SimTime partition_every = 0;
  SimTime pause_every = 0;
  SimTime clock_every = 0;
  SimTime down_time_max = 0;

  // Chance per 1000 that a member crashes just after it sent a vote, or just
  // after it became leader: the places where forgetting hurts.
  uint64_t crash_after_vote_per_mille = 0;
  uint64_t crash_after_election_per_mille = 0;

  // Chance per 1000 that a new leader is cut off before its first message goes
  // out, so that what it appends stays with it alone.
  uint64_t cut_after_election_per_mille = 0;

  // Chance per 1000 that a leader crashes just after it applied something: what
  // it took for committed must be so without it.
  uint64_t leader_crash_after_apply_per_mille = 0;

  // Chance per 10000 that a member crashes at one of the places where its
  // state is half out: before and after a send, a write, an apply.
  uint64_t crash_at_failpoint_per_10000 = 0;

  // Load.
  int clients = 0;
  SimTime think_time_max = 0;

  // Raft.
  size_t max_message_bytes = 0;
  size_t max_inflight_messages = 0;

  // Drawn from the seed.
  static SimOptions ForSeed(uint64_t seed);

  // One line for the log.
  std::string ToString() const;
};

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_OPTIONS_H_

// What kind of world one seed gives (swarm testing: each seed switches some
// kinds of trouble off and others up, so that rare mixtures are met).

#ifndef QUORATE_TESTS_SIM_OPTIONS_H_
#define QUORATE_TESTS_SIM_OPTIONS_H_

#include <cstdint>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace quorate::sim {

// Times are microseconds (SimTime). All are of one type, so that a table can
// name them, print them, read them and switch them off.
struct SimOptions {
  uint64_t seed = 0;

  // The safety phase; then faults stop and progress must come.
  uint64_t faulty_time = 0;

  // Voters of the new cluster.
  uint64_t members = 3;

  // Network. Chances are per 1000 messages.
  uint64_t network_delay_min = 0;
  uint64_t network_delay_max = 0;
  uint64_t loss_per_mille = 0;
  uint64_t duplicate_per_mille = 0;
  uint64_t slow_per_mille = 0;  // A message that takes up to a second.

  // How many of 100 ends of a process the others notice by its streams, and
  // within what time; and how often streams break for nothing.
  uint64_t lost_percent = 0;
  uint64_t lost_delay_max = 0;
  uint64_t flap_every = 0;

  // Disk.
  uint64_t disk_delay_min = 0;
  uint64_t disk_delay_max = 0;
  uint64_t apply_delay_max = 0;

  // Mean times between faults of a kind; 0 switches it off.
  uint64_t crash_every = 0;
  uint64_t leader_crash_every = 0;
  uint64_t partition_every = 0;
  uint64_t pause_every = 0;
  uint64_t clock_every = 0;
  uint64_t leap_every = 0;  // All clocks at once go on by minutes or hours.
  uint64_t down_time_max = 0;

  // The disk of a member: one sync fails, all writes wait, there is no space,
  // all is lost or a bit is not what it was.
  uint64_t sync_failure_every = 0;
  uint64_t stall_every = 0;
  uint64_t full_every = 0;
  uint64_t disk_loss_every = 0;
  uint64_t bit_flip_every = 0;

  // The administrator changes the members, or hands leadership on.
  uint64_t change_every = 0;
  uint64_t transfer_every = 0;

  // Chance per 1000 that a new leader is asked for a change at once, before it
  // has committed anything.
  uint64_t change_at_election_per_mille = 0;

  // How many of 100 crashes take the machine's power, too.
  uint64_t power_percent = 0;

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
  // state is half out: before and after a send, a write, an apply, and each
  // part of making, sending and installing a snapshot.
  uint64_t crash_at_failpoint_per_10000 = 0;

  // Load.
  uint64_t clients = 0;
  uint64_t think_time_max = 0;

  // Chance per 1000 that a licence has more of a feature, with conditions; 0
  // for plain licences alone (sim_licenses.h).
  uint64_t conditions_per_mille = 0;

  // Raft.
  uint64_t max_message_bytes = 0;
  uint64_t max_inflight_messages = 0;

  // A snapshot is made after so many entries; and goes out in pieces of so
  // many bytes.
  uint64_t snapshot_entries = 0;
  uint64_t snapshot_chunk_bytes = 0;

  // Drawn from the seed.
  static SimOptions ForSeed(uint64_t seed);

  // Sets fields by "name=value,name=value".
  absl::Status Set(absl::string_view assignments);

  // One line for the log, in the form that Set takes.
  std::string ToString() const;
};

// One field of SimOptions, but for the seed.
struct SimOptionField {
  const char* name;
  uint64_t SimOptions::*value;

  // Where the field stands for some trouble: the value without it.
  bool can_be_off = false;
  uint64_t off = 0;
};

std::span<const SimOptionField> SimOptionFields();

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_OPTIONS_H_

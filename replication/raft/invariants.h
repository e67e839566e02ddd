// Every rule of the core that can be checked from inside one member.
//
// Checked after every step in tests, in the simulator and in debug builds.
// The rules that need several members (one leader a term, log matching, leader
// completeness, state-machine safety) are checked by the tests that have
// several.

#ifndef QUORATE_REPLICATION_RAFT_INVARIANTS_H_
#define QUORATE_REPLICATION_RAFT_INVARIANTS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/status.h"

#include "replication/raft/membership.h"
#include "replication/raft/message.h"
#include "replication/raft/progress.h"
#include "replication/raft/raft_log.h"
#include "replication/raft/types.h"

namespace quorate::raft {

// What the last check saw: some rules are about change.
struct InvariantWitness {
  Term term;
  MemberId vote;
  Role role = Role::kFollower;
  Index commit;
  Index handed_out;
  Index applied;
  Index last_index;
  HardState durable;
};

// The core's state, laid open. References live as long as the call.
struct InvariantView {
  struct PeerView {
    MemberId id;
    const Progress* progress = nullptr;
  };

  MemberId id;
  Role role = Role::kFollower;
  Term term;
  MemberId vote;
  MemberId leader;
  HardState handed_out;
  HardState durable;
  uint64_t writes = 0;
  uint64_t writes_done = 0;
  int election_elapsed = 0;
  int election_timeout = 0;
  bool committed_in_term = false;
  int failover_tries = 0;
  // The term in which this member was asked to lead, and is about to.
  Term asked_to_lead;
  const RaftLog& log;
  const ConfigurationStack& configurations;
  const std::vector<Message>& messages_when_durable;

  // Candidates only.
  std::map<MemberId, bool> votes;

  // Leaders only.
  std::vector<PeerView> peers;
  std::vector<uint64_t> read_rounds;
  std::vector<Index> read_indexes;
  uint64_t read_round = 0;
  size_t uncommitted_bytes = 0;
  size_t early_reads = 0;
  size_t snapshot_orders = 0;
  MemberId transfer_to = kNobody;
};

// OK, or INTERNAL with the rule that is broken. Brings `witness` up to date.
absl::Status CheckInvariants(const InvariantView& view,
                             InvariantWitness& witness);

}  // namespace quorate::raft

#endif  // QUORATE_REPLICATION_RAFT_INVARIANTS_H_

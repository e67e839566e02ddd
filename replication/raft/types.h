// The words of the Raft paper as types: what a log consists of and what a
// member must remember.
//
// Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm"
// (extended version), Figure 2. All types here are values.

#ifndef QUORATE_REPLICATION_RAFT_TYPES_H_
#define QUORATE_REPLICATION_RAFT_TYPES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/strong_id.h"

namespace quorate::raft {

using Term = StrongId<struct TermTag>;
using Index = StrongId<struct IndexTag>;

// Drawn at random with a member's data directory and never used again: a
// member that lost its disk comes back under another id. Zero means nobody.
using MemberId = StrongId<struct MemberIdTag>;

inline constexpr MemberId kNobody = MemberId(0);

// Members of a configuration. A cluster has three or five, and while it changes
// a few more; what is refused here could not be sent.
inline constexpr size_t kMaxMembers = 32;

// Who may vote. `voters_outgoing` is empty but in a joint configuration
// (thesis, §4.3); learners receive the log and never vote. Each list is sorted
// and without repetition, and no member stands in both voters and learners.
struct Membership {
  std::vector<MemberId> voters;
  std::vector<MemberId> voters_outgoing;
  std::vector<MemberId> learners;

  // Joint only: outgoing voters that become learners when it is left. They
  // stand in voters_outgoing until then.
  std::vector<MemberId> learners_next;

  // Joint only: the leader leaves it by itself as soon as it is committed.
  bool auto_leave = false;

  friend bool operator==(const Membership&, const Membership&) = default;
};

// What people and connections need to know of a member beside its id.
struct MemberAddress {
  MemberId id;
  std::string name;             // "m1"; unique in a cluster
  std::string peer_endpoint;    // "host:port" for the other members
  std::string client_endpoint;  // "host:port" for clients

  // A learner that the leader makes a voter by itself as soon as it has caught
  // up. Means nothing for a voter.
  bool promote = false;

  friend bool operator==(const MemberAddress&, const MemberAddress&) = default;
};

// Every configuration is an entry of the log. It counts from the moment it is
// appended (Raft, §6), not from when it commits.
struct Configuration {
  Membership membership;
  std::vector<MemberAddress> addresses;  // One for each member, sorted by id.

  friend bool operator==(const Configuration&, const Configuration&) = default;
};

// Names one proposal of one run of one member, so that the member that
// proposed it recognises its entry when it applies it. Zero for entries that
// nobody waits for.
struct ProposalId {
  uint64_t run = 0;       // Random, drawn when a member's process starts.
  uint64_t sequence = 0;  // Counts up within the run, from 1.

  friend auto operator<=>(const ProposalId&, const ProposalId&) = default;

  template <typename H>
  friend H AbslHashValue(H state, const ProposalId& id) {
    return H::combine(std::move(state), id.run, id.sequence);
  }
};

// The leader's stamps on an entry. Neither ever goes down along the log.
struct Stamp {
  int64_t cluster_ms = 0;   // Elapsed time while there was a leader.
  int64_t calendar_ms = 0;  // Unix time, ratcheted.

  friend bool operator==(const Stamp&, const Stamp&) = default;
};

// Where the log ends that a snapshot stands for, and who the members were
// there: the configuration in force at `index`.
struct SnapshotPosition {
  Index index;
  Term term;  // Of the entry at `index`.
  std::shared_ptr<const Configuration> configuration;
  // The index of the entry that brought the configuration; <= `index`.
  Index configuration_index;
  // Of the entry at `index`: time goes on from here where no entry is left.
  Stamp stamp;
};

// `stamp`, raised where it is below `last`: stamps never go down along a log.
Stamp NotBefore(const Stamp& stamp, const Stamp& last);

enum class EntryType : uint8_t {
  kNoop,           // A new leader's first entry (Raft, §8), or only a stamp.
  kCommand,        // `payload` is for the state machine.
  kConfiguration,  // `configuration` is set.
};

// Immutable bytes. Shared, since one command stands at once in the log's
// cache, in messages under way, in the write to disk and in the apply queue.
using Payload = std::shared_ptr<const std::string>;

struct Entry {
  Index index;
  Term term;
  EntryType type = EntryType::kNoop;
  ProposalId proposal;
  Stamp stamp;
  Payload payload;                                     // kCommand only.
  std::shared_ptr<const Configuration> configuration;  // kConfiguration only.
};

// The same index, term, type, proposal, stamp and content.
bool SameEntry(const Entry& a, const Entry& b);

// Bytes that the entry counts for against limits: payload plus a constant for
// the rest. Never zero.
size_t EntryCost(const Entry& entry);

// What must be on disk before a member answers (Raft, Figure 2, "persistent
// state"). Always written as one record.
struct HardState {
  Term term;
  MemberId vote;  // kNobody where this member has not voted in `term`.
  Index commit;   // A hint: may be behind what was committed.

  friend bool operator==(const HardState&, const HardState&) = default;
};

enum class Role { kFollower, kPreCandidate, kCandidate, kLeader };

// "follower", "pre_candidate", "candidate", "leader".
const char* RoleName(Role role);

}  // namespace quorate::raft

#endif  // QUORATE_REPLICATION_RAFT_TYPES_H_

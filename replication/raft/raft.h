// The consensus core of one member: a deterministic machine without threads,
// clocks, disks or sockets.
//
// Everything comes in by a call (Tick, Step, Propose, ReadIndex, OnAppended,
// OnApplied and their like), everything goes out by TakeReady. The same calls
// give the same results, which is what makes golden scripts, the simulator and
// replays possible.
//
// It implements Raft with PreVote and CheckQuorum (always on, together), a
// no-op at election, batched and pipelined replication with a bound on what is
// under way, the commit rule of §5.4.2, ReadIndex (thesis, §6.4), changes of
// the membership through joint configurations, compaction and snapshots,
// leadership transfer, and failover without the timer where a connection
// breaks. Only durable entries count: for a vote, for a quorum, for a commit.
//
// Thread rule: Confined to the consensus thread.

#ifndef QUORATE_REPLICATION_RAFT_RAFT_H_
#define QUORATE_REPLICATION_RAFT_RAFT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "replication/raft/log_reader.h"
#include "replication/raft/message.h"
#include "replication/raft/ready.h"
#include "replication/raft/types.h"

namespace quorate::raft {

struct RaftOptions {
  MemberId id;

  // In ticks. A follower campaigns after election_ticks + 1 + rand(
  // election_ticks) ticks without a leader; a leader that heard no quorum
  // within election_ticks steps down.
  int heartbeat_ticks = 2;
  int election_ticks = 10;

  // Seeds the election jitter; draw it anew for each start of a process.
  uint64_t random_seed = 0;

  // Limits of replication: per message, and per follower under way.
  size_t max_message_bytes = 512 * 1024;
  size_t max_inflight_messages = 64;
  size_t max_inflight_bytes = 8 * 1024 * 1024;

  // Proposals are refused while more than this is appended and uncommitted.
  size_t max_uncommitted_bytes = 64 * 1024 * 1024;

  // Recent entries that are kept in memory although they are on disk.
  size_t max_cached_bytes = 16 * 1024 * 1024;

  // At most this much of the committed log is handed out and not yet reported
  // by OnApplied. (One entry may go over it.)
  size_t max_committed_bytes = 4 * 1024 * 1024;

  // A leader steps down when a write of its own has not become durable for so
  // many ticks: it may commit through the others but answers nobody (raft.md,
  // pitfall 9). Well above the stalls of a busy disk. Where the others do
  // commit meanwhile, it hands leadership over after election_ticks already.
  int stalled_write_ticks = 60;
};

// What a member finds on its disk when it starts.
struct RestoredState {
  HardState hard_state;

  // The state machine has applied up to here; entries up to it are not handed
  // out again. <= LastIndex() of the log.
  Index applied;

  // All configurations of the log with their indexes, in log order; the last
  // is in force. Never empty: a member is created with one (its first entry).
  struct AtIndex {
    Index index;
    std::shared_ptr<const Configuration> configuration;
  };

  std::vector<AtIndex> configurations;

  // What stands for the entries before the log's first; nothing where it is
  // whole. Where `applied` is below it, a snapshot was being installed.
  std::optional<SnapshotPosition> snapshot;
};

// One step of a membership change.
struct MemberChange {
  enum class Kind {
    kAddVoter,    // A new member, or a learner that is promoted.
    kAddLearner,  // A new member, or a voter that is demoted.
    kRemove,      // Nothing where it is no member.
    kUpdate,      // Only its address.
  };

  Kind kind = Kind::kAddLearner;
  MemberId id;
};

// A change of who the members are: one entry where at most one voter changes,
// else through a joint configuration (thesis, §4.3).
struct ConfigurationChange {
  std::vector<MemberChange> changes;

  // Of the members that are added or updated; others keep theirs.
  std::vector<MemberAddress> addresses;

  // Joint only: false where the joint configuration is left by a change of its
  // own (one without `changes`). For tests and others' scripts.
  bool auto_leave = true;

  // Go through a joint configuration even where one entry would do.
  bool force_joint = false;
};

// One command to append.
struct Proposal {
  ProposalId id;
  Payload payload;
};

// What a leader knows of another member.
struct PeerProgress {
  MemberId id;
  Index match;
  Index next;
  bool recently_active = false;
  int inflight_messages = 0;
  bool needs_snapshot = false;  // One is on its way, or due.
};

// A copy of the core's state for status pages and checks.
struct RaftStatus {
  MemberId id;
  Role role = Role::kFollower;
  Term term;
  MemberId vote;
  MemberId leader;           // kNobody where unknown.
  MemberId transferring_to;  // Leader only; kNobody but while it hands over.
  Index first_index;
  Index last_index;
  Index durable_index;
  Index commit;
  Index applied;
  Membership membership;
  std::vector<PeerProgress> peers;  // Leader only; sorted by id.
};

class Raft {
 public:
  // `log` is not owned and outlives the core. The state must be consistent:
  // hard_state.commit and applied <= log.LastIndex(); callers check what they
  // read from disk before.
  Raft(const RaftOptions& options, const LogReader* log,
       const RestoredState& restored);
  ~Raft();

  Raft(const Raft&) = delete;
  Raft& operator=(const Raft&) = delete;

  // One unit of time has passed.
  void Tick();

  // Takes a message that was sent to this member. Messages for someone else or
  // without sense are ignored, and so are replies of strangers. A request is
  // heard whoever sends it, since this member's configuration may be out of
  // date (Raft, §6); who may connect at all is the transport's affair.
  void Step(Message message);

  // Appends commands, in order, in the current term. All or none.
  // Errors, nothing appended: FAILED_PRECONDITION where this member is not the
  // leader; UNAVAILABLE while it hands leadership over (ask again, or the next
  // leader); RESOURCE_EXHAUSTED where too much is uncommitted. `stamp` is
  // raised where it is below that of the last entry. Returns the index of the
  // first.
  absl::StatusOr<Index> Propose(std::vector<Proposal> proposals, Stamp stamp);

  // Appends an entry that says nothing but its stamp, whatever is uncommitted:
  // it is small, and the caller waits for one before the next. Otherwise as
  // Propose.
  absl::StatusOr<Index> ProposeStamp(Stamp stamp);

  // Appends a change of the configuration. It counts from its append; one is
  // under way at a time.
  // Errors, nothing appended: FAILED_PRECONDITION where this member is not the
  // leader; UNAVAILABLE where an earlier change or the first entry of the term
  // is not yet committed, or leadership is being handed over (ask again);
  // INVALID_ARGUMENT where the change is against the rules (no voter would be
  // left, an added member has no address). Returns the index of the entry.
  absl::StatusOr<Index> ProposeConfiguration(const ConfigurationChange& change,
                                             Stamp stamp);

  // Hands leadership to `to`, a voter (thesis, §3.10): takes no proposals until
  // `to` has all entries and has been told to start an election, or an election
  // timeout has passed, in which case this member goes on leading. `to` ==
  // kNobody: whoever has most of the log.
  // Errors: FAILED_PRECONDITION where this member is not the leader or a
  // transfer to another is under way; INVALID_ARGUMENT where `to` is no voter
  // or is this member, or there is nobody else.
  absl::Status TransferLeadership(MemberId to);

  // Forgets the log up to `position`, for which the driver has a durable
  // snapshot, a newer one, or a durable state. Does nothing where it was
  // forgotten before. position.index <= applied.
  void Compact(const SnapshotPosition& position);

  // What SnapshotOrder asked for is over: the member has it (it then says so
  // itself), or it failed and is asked for again when the member shows a sign
  // of life.
  void OnSnapshotEnded(MemberId peer, bool delivered);

  // The connection by which `peer` spoke to this member was reset: its process
  // is gone, or the connection only. Where `peer` is the leader, a rehearsal
  // (PreVote) starts without waiting for the election timer: at once on one
  // follower, a little later on each next, so that they do not meet. A member
  // that has lost the leader likewise grants it; one that hears it does not, so
  // a broken connection alone moves nothing. A sign of life of the leader takes
  // it back.
  void OnPeerLost(MemberId peer);

  // Asks for a linearizable read. `nonce` must be new for every attempt. The
  // answer comes as a ReadState once a quorum has confirmed that this member
  // still leads, and not before an entry of its term is committed.
  // Errors: FAILED_PRECONDITION where this member is not the leader;
  // RESOURCE_EXHAUSTED where too many reads wait.
  absl::Status ReadIndex(uint64_t nonce);

  // Starts an election now (by PreVote), as if the timer had run out. For
  // tests and for a start of a lone member.
  void Campaign();

  // The member `peer` cannot be reached by the transport at the moment:
  // pipelined appends may be lost.
  void OnUnreachable(MemberId peer);

  // The write with this receipt is durable. In the order of the Readies.
  void OnAppended(const AppendReceipt& receipt);

  // The state machine has applied everything up to `index`. This may make room
  // for more: look at HasReady afterwards.
  void OnApplied(Index index);

  // True where TakeReady has something to give. Appends to followers and read
  // rounds are put together by TakeReady, so all that was proposed or asked
  // since the last one shares messages.
  bool HasReady() const;
  Ready TakeReady();

  // Cheap getters for the hot path.
  Role role() const;
  Term term() const;
  MemberId leader() const;
  Index commit() const;
  Index last_index() const;
  Stamp last_stamp() const;  // Of the last entry in the log.
  const Configuration& configuration() const;
  Index configuration_index() const;  // Of the entry that brought it.

  // True where an entry of the current term is committed: a leader may serve
  // reads, and a cluster has made progress in this term.
  bool HasCommittedInTerm() const;

  RaftStatus Status() const;

  // Every rule that can be checked from inside; OK or INTERNAL with the rule
  // that is broken. See invariants.h. For tests, simulator and debug builds.
  absl::Status CheckInvariants() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace quorate::raft

#endif  // QUORATE_REPLICATION_RAFT_RAFT_H_

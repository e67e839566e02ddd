// One member's replication: the threads around the consensus core.
//
// Three threads: the consensus thread runs ConsensusLoop (all decisions), the
// log writer makes appends durable (one synced batch for all that is queued),
// the applier feeds the state machine and answers. Callers come from any
// thread and never wait.

#ifndef QUORATE_REPLICATION_NODE_NODE_H_
#define QUORATE_REPLICATION_NODE_NODE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "base/latency_book.h"
#include "replication/node/calendar_state.h"
#include "replication/raft/raft.h"
#include "replication/snapshot_files.h"
#include "replication/snapshot_stream.h"
#include "replication/state_machine.h"
#include "replication/storage/log_store.h"
#include "replication/transport/transport.h"

namespace quorate::replication {

// How a proposal ended.
enum class ProposeOutcome {
  kApplied,     // Applied here; `answer` is set.
  kNoQuorum,    // No leader for too long. Nothing was appended.
  kOverloaded,  // A queue or the uncommitted log is full. Nothing was appended.
  kUnknown,     // Time ran out while it was under way: it may yet be applied.
                // Ask again with the same request id.
  kStopping,    // This member shuts down; as kUnknown.
};

struct ProposeResult {
  ProposeOutcome outcome = ProposeOutcome::kUnknown;
  raft::Index index;
  raft::Term term;
  std::unique_ptr<Answer> answer;
};

// Called exactly once. kApplied comes on the applier thread; the others on
// some thread of the node, or on the caller's before Propose returns (what is
// refused at once). Must not block, and must not call Node::Stop.
using ProposeDone = std::function<void(ProposeResult)>;

enum class ReadOutcome {
  kOk,
  kNoQuorum,    // No leader, or none that a quorum confirms, for too long.
  kOverloaded,  // Too many reads wait.
  kTimedOut,    // This member has not applied the wanted index in time.
  kStopping,
};

// Called exactly once. With kOk it runs on the applier thread, between two
// batches, so it may look at the state machine; else as ProposeDone. Must not
// block, and must not call Node::Stop.
using ReadDone = std::function<void(ReadOutcome)>;

// Called exactly once, on some thread of the node, or on the caller's before
// the call returns (what is refused at once). Must not block, and must not call
// Node::Stop.
//   OK                    done: committed, and a joint configuration is left
//   INVALID_ARGUMENT      against the rules of the request itself
//   FAILED_PRECONDITION   not as things stand; the message says why (a learner
//                         that is behind, a quorum that would be lost)
//   ABORTED               another change is under way; ask again
//   UNAVAILABLE           no leader or no quorum; nothing was changed
//   DEADLINE_EXCEEDED     under way when the time ran out: it may yet happen.
//                         Look at the members, and ask again
//   CANCELLED             this member shuts down; as DEADLINE_EXCEEDED
using ChangeDone = std::function<void(const absl::Status&)>;

// As ChangeDone, with a snapshot. UNAVAILABLE where none could be made.
using SnapshotDone =
    std::function<void(absl::StatusOr<std::unique_ptr<SnapshotSource>>)>;

// How fresh a read must be (api.md, "consistency").
struct ReadConsistency {
  enum class Kind { kLinearizable, kAtLeast, kLocal };
  Kind kind = Kind::kLinearizable;
  raft::Index at_least;  // kAtLeast only.
};

// The largest command. Below what the wire and the log take
// (replication/wire/limits.h); larger ones are refused as kOverloaded.
inline constexpr size_t kMaxCommandBytes = size_t{1024} * 1024;

struct NodeOptions {
  int heartbeat_ticks = 2;
  int election_ticks = 10;
  absl::Duration tick = absl::Milliseconds(50);

  // A member without a leader for this long refuses what waits, and what comes,
  // at once.
  absl::Duration leaderless_limit = absl::Milliseconds(1500);

  // Limits: events for the consensus thread, proposals and reads under way.
  size_t max_events = 65536;
  size_t max_proposals = 32768;
  size_t max_reads = 32768;

  // The same in bytes: peers' messages that wait for the consensus thread, and
  // commands of proposals under way. A few seconds of a busy cluster.
  size_t max_event_bytes = size_t{64} * 1024 * 1024;
  size_t max_proposal_bytes = size_t{64} * 1024 * 1024;

  // Replication's limits, handed to the core (raft::RaftOptions).
  size_t max_message_bytes = size_t{512} * 1024;
  size_t max_inflight_messages = 64;

  // A snapshot is made after so many entries, or so many bytes of them, were
  // applied. The log holds at most two such spans and what is under way, so
  // they bound the disk that it takes, and the time of a start.
  uint64_t snapshot_entries = 100'000;
  uint64_t snapshot_bytes = uint64_t{64} * 1024 * 1024;

  // Check the core's invariants after every event (tests, debug builds).
  bool check_invariants = false;
};

struct NodeStatus {
  raft::RaftStatus raft;
  raft::Configuration configuration;
  raft::Index applied;        // By the state machine.
  int64_t cluster_ms = 0;     // Estimate of the cluster's time now.
  bool serving = false;       // A leader is known that has committed in its
                              // term, as far as this member knows.
  absl::Duration leaderless;  // How long no leader has been known; 0 with one.

  // Where this member leads; only the leader asks for the members' clocks.
  std::optional<CalendarState> calendar;

  // How long ago each other member was last heard of, sorted by id;
  // InfiniteDuration where never.
  struct Contact {
    raft::MemberId id;
    absl::Duration age;
  };

  std::vector<Contact> contacts;

  // How far the log of each other member is known to hold what is committed, by
  // the leaders' word; no rule of Raft lets it be shorter ever again.
  std::map<raft::MemberId, raft::Index> witnessed;
};

// Thread-safe.
class Node {
 public:
  // Not owned; all outlive the node.
  struct Deps {
    LogStore* log = nullptr;
    Transport* transport = nullptr;
    StateMachine* state_machine = nullptr;
    SnapshotFiles* snapshots = nullptr;
    const Clock* clock = nullptr;
    LatencyBook* latencies = nullptr;  // Null: nothing is measured.
  };

  // Finishes the installation of a snapshot that a crash cut short. Checks that
  // what log and state machine recovered fits together (applied and commit
  // within the log), starts the transport and the threads. Errors: DATA_LOSS
  // where the log is shorter than what was applied or committed: this member
  // must not vote, its directory is to be replaced.
  static absl::StatusOr<std::unique_ptr<Node>> Start(
      const Deps& deps, const NodeOptions& options);

  virtual ~Node() = default;

  // Replicates one command. The node repeats it across changes of leader as
  // long as it is certain that no earlier attempt was appended or the state
  // machine recognises it, until `timeout` has passed.
  virtual void Propose(std::string command, absl::Duration timeout,
                       ProposeDone done) = 0;

  // Runs `done` when the state machine is as fresh as asked.
  virtual void Read(ReadConsistency consistency, absl::Duration timeout,
                    ReadDone done) = 0;

  // Changes the members, on the leader, whichever member is asked. The leader
  // checks what the core does not: names and addresses are not given twice, an
  // id is never used again, only a learner that has caught up is promoted, and
  // the voters that remain and answer are a majority of them. A change that is
  // done already is no error.
  virtual void ChangeMembers(raft::ConfigurationChange change,
                             absl::Duration timeout, ChangeDone done) = 0;

  // Hands leadership to the voter `to`, or to whoever is best for kNobody;
  // done when this member hears of another leader. Asked of any member.
  virtual void TransferLeadership(raft::MemberId to, absl::Duration timeout,
                                  ChangeDone done) = 0;

  // A person has seen that the calendar holds a leap back, and says that it is
  // right, as long as it is not beyond `up_to_ms` (FAILED_PRECONDITION). Done
  // when an entry with the new calendar is committed; where no leap is held
  // back, at once. Asked of any member.
  virtual void AcceptCalendar(int64_t up_to_ms, absl::Duration timeout,
                              ChangeDone done) = 0;

  // A snapshot of the state as it is now or later, made if need be. It holds
  // disk space until it is let go.
  virtual void TakeSnapshot(absl::Duration timeout, SnapshotDone done) = 0;

  // True while this member leads, by its own knowledge: a hint for work that
  // one member should do. Nothing may depend on it for correctness.
  virtual bool LeadsHint() const = 0;

  // The cluster's time, estimated: on the leader what the next entry would be
  // stamped with, elsewhere the last stamp seen.
  virtual int64_t ClusterMsHint() const = 0;

  // The calendar, likewise.
  virtual int64_t CalendarMsHint() const = 0;

  // Tells whether this member's disk is nearly full; at the start it is not.
  // While it is, the others know of it, and if this member leads it hands
  // leadership to a voter with room.
  virtual void SetDiskLow(bool low) = 0;

  // The leader, where its disk is nearly full as far as this member knows: new
  // work that takes room should be refused. Else kNobody. A hint.
  virtual raft::MemberId LowLeaderHint() const = 0;

  virtual NodeStatus Status() const = 0;

  // In this order: refuses new work; stops the transport, so that nothing
  // comes in or goes out; ends the consensus thread; writes what is queued for
  // the log; ends the applier after its batch; ends what still waits with
  // kStopping. Idempotent; returns when all is done.
  virtual void Stop() = 0;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_NODE_H_

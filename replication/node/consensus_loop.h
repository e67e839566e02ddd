// Everything that a member's consensus thread decides, without the thread.
//
// The loop owns the Raft core and knows who waits for what: proposals that go
// to the leader (directly, or forwarded in batches), reads that wait for a
// read index, the cluster's clock and calendar. Calls put events in; TakeOutput
// says what to send, write, apply and answer. The node drives it with threads,
// the simulator with one.
//
// The rule that makes a repeat safe: a forwarded proposal names the term whose
// leader it is meant for, and is appended in that term or not at all. So once
// this member has applied an entry of a later term, a proposal of an earlier
// term that it has not seen applied was never appended, and may be proposed
// again. A connection that broke within a term leaves doubt; then the proposal
// is sent again with the same id, and the state machine recognises a repeat.
//
// Thread rule: Confined to the consensus thread.

#ifndef QUORATE_REPLICATION_NODE_CONSENSUS_LOOP_H_
#define QUORATE_REPLICATION_NODE_CONSENSUS_LOOP_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "base/latency_book.h"
#include "replication/node/node.h"
#include "replication/raft/raft.h"
#include "replication/transport/transport.h"

namespace quorate::replication {

struct LoopOutput {
  std::vector<PeerMessage> messages;
  std::vector<raft::AppendWork> appends;  // In order, for the log writer.
  std::vector<raft::Entry> committed;     // In order, for the state machine.

  // Proposals (by sequence) that ended without being applied.
  struct Failure {
    uint64_t sequence = 0;
    ProposeOutcome outcome = ProposeOutcome::kUnknown;
  };

  std::vector<Failure> failures;

  // Reads that may run as soon as `index` is applied, or that failed.
  struct ReadGrant {
    uint64_t read = 0;
    ReadOutcome outcome = ReadOutcome::kOk;
    raft::Index index;
  };

  std::vector<ReadGrant> reads;

  // Changes of the members or of leadership, and leaps of the calendar, that
  // have ended (node.h, ChangeDone).
  struct ChangeEnd {
    uint64_t call = 0;
    absl::Status status;
  };

  std::vector<ChangeEnd> changes;

  // Members that need a snapshot from this one.
  std::vector<raft::SnapshotOrder> snapshots;

  // Set where it changed with whom to speak: the members of the configuration
  // in force, and those of a later one that another member told of. Says
  // nothing of who votes.
  std::shared_ptr<const raft::Configuration> configuration;

  bool empty() const {
    return messages.empty() && appends.empty() && committed.empty() &&
           failures.empty() && reads.empty() && changes.empty() &&
           snapshots.empty() && configuration == nullptr;
  }
};

class ConsensusLoop {
 public:
  struct Deps {
    const raft::LogReader* log = nullptr;  // Not owned.
    const Clock* clock = nullptr;          // Not owned.
    LatencyBook* latencies = nullptr;      // Not owned; null: not measured.
  };

  // `run` is this process's number in proposal ids; `seed` for the jitter.
  ConsensusLoop(const Deps& deps, const NodeOptions& options, raft::MemberId id,
                const raft::RestoredState& restored, uint64_t run,
                uint64_t seed);
  ~ConsensusLoop();

  // Must be called every options.tick, as near as can be.
  void OnTick();
  void OnPeerMessage(PeerMessage message);
  void OnPeerUnreachable(raft::MemberId peer);
  void OnPeerReachable(raft::MemberId peer);
  void OnPeerLost(raft::MemberId peer);

  // `call` is new for each; it ends in LoopOutput::changes. The nonce is not
  // looked at.
  void Request(uint64_t call, MembershipRequest request,
               absl::Duration timeout);

  // A snapshot that LoopOutput::snapshots asked for has arrived, or has not.
  void OnSnapshotSent(raft::MemberId to, bool delivered);

  // The leader `from` of `term` has sent a snapshot; it is on this disk whole.
  // True where it is installed now: an AppendWork with it is on its way, and
  // its files must stay until OnInstalled. Else nobody needs them.
  bool OnSnapshotReceived(raft::MemberId from, raft::Term term,
                          raft::SnapshotPosition position);

  // The log may be forgotten up to `position` (raft::Raft::Compact).
  void Compact(const raft::SnapshotPosition& position);

  // `sequence` is new for each. Many are batched between two TakeOutput.
  void Propose(uint64_t sequence, raft::Payload payload,
               absl::Duration timeout);
  void Read(uint64_t read, absl::Duration timeout);

  void OnAppended(const raft::AppendReceipt& receipt);

  // The state machine has applied `entries` of LoopOutput::committed: the last
  // index and term, and the sequences of this run among them.
  void OnApplied(raft::Index index, raft::Term term,
                 const std::vector<uint64_t>& sequences);

  // The state machine has taken the snapshot over that AppendWork::install
  // named, in place of entries. Which of this member's proposals are in it
  // nobody can tell.
  void OnInstalled(raft::Index index);

  // Whether this member's disk is nearly full. It says so to the others, and
  // hands leadership to one with room.
  void SetDiskLow(bool low);

  // The leader, where its disk is nearly full; else kNobody.
  raft::MemberId LowLeader() const;

  // Everything to do since the last call.
  LoopOutput TakeOutput();

  NodeStatus Status() const;
  bool Leads() const;
  int64_t ClusterMs() const;
  int64_t CalendarMs() const;
  const raft::Raft& raft() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_CONSENSUS_LOOP_H_

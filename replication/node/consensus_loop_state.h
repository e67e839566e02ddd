// The inside of ConsensusLoop; nobody else includes it.
//
// consensus_loop.cc has the events and the output, consensus_loop_messages.cc
// what other members say, consensus_loop_members.cc changes of the members,
// consensus_loop_clocks.cc the stamps of entries, consensus_loop_disk.cc what
// follows from a disk that is nearly full, consensus_loop_witness.cc what
// members remember of each other's logs.

#ifndef QUORATE_REPLICATION_NODE_CONSENSUS_LOOP_STATE_H_
#define QUORATE_REPLICATION_NODE_CONSENSUS_LOOP_STATE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "replication/node/calendar.h"
#include "replication/node/cluster_clock.h"
#include "replication/node/commit_timer.h"
#include "replication/node/consensus_loop.h"
#include "replication/node/disk_reports.h"
#include "replication/node/membership_calls.h"
#include "replication/node/proposal_tracker.h"
#include "replication/node/read_tracker.h"
#include "replication/raft/raft.h"

namespace quorate::replication {

// Confined to the consensus thread.
class ConsensusLoop::State {
 public:
  State(const Deps& deps, const NodeOptions& options, raft::MemberId id,
        const raft::RestoredState& restored, uint64_t run, uint64_t seed);

  void OnTick();
  void OnPeerMessage(PeerMessage message);
  void OnPeerUnreachable(raft::MemberId peer);
  void OnPeerReachable(raft::MemberId peer);
  void OnPeerLost(raft::MemberId peer);
  void Request(uint64_t call, MembershipRequest request,
               absl::Duration timeout);
  void OnSnapshotSent(raft::MemberId to, bool delivered);
  bool OnSnapshotReceived(raft::MemberId from, raft::Term term,
                          raft::SnapshotPosition position);
  void Compact(const raft::SnapshotPosition& position);
  void Propose(uint64_t sequence, raft::Payload payload,
               absl::Duration timeout);
  void Read(uint64_t read, absl::Duration timeout);
  void OnAppended(const raft::AppendReceipt& receipt);
  void OnApplied(raft::Index index, raft::Term term,
                 const std::vector<uint64_t>& sequences);
  void OnInstalled(raft::Index index);
  void SetDiskLow(bool low);
  raft::MemberId LowLeader() const;
  LoopOutput TakeOutput();

  NodeStatus Status() const;
  int64_t ClusterMs() const;
  int64_t CalendarMs() const;

  bool Leads() const { return raft_.role() == raft::Role::kLeader; }

  const raft::Raft& raft() const { return raft_; }

 private:
  // Whom another member asked on behalf of: where the answer goes.
  struct PeerRead {
    raft::MemberId peer;
    uint64_t nonce = 0;
  };

  // Who waits for a change that this member makes as the leader.
  struct Asker {
    raft::MemberId member;  // May be this one.
    uint64_t nonce = 0;
  };

  raft::MemberId KnownLeader() const;
  bool IsMember(raft::MemberId id) const;
  absl::Duration Leaderless() const;

  bool Refuses() const { return Leaderless() >= options_.leaderless_limit; }

  void AfterEvent();
  void FollowLeadership();
  void Send(raft::MemberId to, PeerMessageBody body);
  void SendToOthers(const PeerMessageBody& body);

  void Take(raft::MemberId from, raft::Message&& message);
  void Take(raft::MemberId from, ForwardProposals&& forward);
  void Take(raft::MemberId from, RejectedProposals&& rejected);
  void Take(raft::MemberId from, ReadIndexRequest&& request);
  void Take(raft::MemberId from, ReadIndexReply&& reply);
  void Take(raft::MemberId from, MembershipRequest&& request);
  void Take(raft::MemberId from, MembershipReply&& reply);
  void Take(raft::MemberId from, MembersHint&& hint);
  void Take(raft::MemberId from, ClockRequest&& request);
  void Take(raft::MemberId from, ClockReply&& reply);
  void Take(raft::MemberId from, DiskReport&& report);
  void Take(raft::MemberId from, WitnessReport&& report);

  void FlushProposals();
  bool ProposeHere(uint64_t batch, std::vector<raft::Proposal> proposals,
                   raft::Stamp stamp);
  absl::Status ProposeTimed(std::vector<raft::Proposal> proposals,
                            raft::Stamp stamp);
  void FlushReads();
  void TakeReady();
  void Answer(const raft::ReadState& state);

  // consensus_loop_members.cc
  void FlushMembershipCalls();
  template <typename Judge>
  auto WithMembershipView(const Judge& judge) const;
  void Decide(raft::MemberId asker, const MembershipRequest& request);
  void AcceptTransfer(const Asker& asker, raft::MemberId to);
  void AcceptChange(const Asker& asker,
                    const raft::ConfigurationChange& change);
  absl::Status BeginTransfer(raft::MemberId to);
  absl::Status BeginChange(const raft::ConfigurationChange& change);
  void AnswerMembership(raft::MemberId asker, uint64_t nonce,
                        const absl::Status& status);
  void AnswerCommittedChange();
  void TellMembers();
  void EmitAcquaintances();
  void TickMembership(absl::Duration now);
  raft::MemberId Successor(absl::Duration now) const;

  // consensus_loop_disk.cc
  void TickDisk(absl::Duration now);

  // consensus_loop_witness.cc
  void TickWitness(absl::Duration now);
  void NoteWitnessed(const WitnessReport& report);

  // consensus_loop_clocks.cc
  void RunClocks();
  void AdvanceClocks();
  void AskClocks();
  void MaybeStandAside();
  raft::Stamp StampNow();
  void AcceptLeap(const Asker& asker, int64_t up_to_ms);
  absl::Status BeginLeap(int64_t up_to_ms);
  void AnswerCommittedLeap();

  // Constant after construction.
  const NodeOptions options_;
  const raft::MemberId id_;
  const uint64_t run_;
  const Clock* const clock_;

  LatencyBook* const latencies_;  // Null: nothing is measured.

  raft::Raft raft_;
  CommitTimer commit_timer_;
  ClusterClock cluster_clock_;
  Calendar calendar_;
  ProposalTracker proposals_;
  ReadTracker reads_;
  MembershipCalls membership_calls_;
  DiskReports disk_reports_;
  uint64_t last_batch_ = 0;

  // Read indexes for other members, by our nonce. Ours never meet those of
  // reads_: both count from run_, in opposite directions.
  absl::btree_map<uint64_t, PeerRead> peer_reads_;
  uint64_t peer_reads_begun_ = 0;

  // While this member leads.
  std::vector<Asker> change_waiters_;
  std::optional<Asker> transfer_;
  int ticks_since_promotion_ = 0;
  absl::Duration clocks_asked_;  // SinceBoot, last.
  absl::Duration stood_aside_;   // SinceBoot, last, or when it began to lead.
  std::vector<Asker> leap_waiters_;  // For the entry at leap_index_.
  raft::Index leap_index_;

  // What FollowLeadership saw last.
  bool led_ = false;
  raft::Term seen_term_;
  raft::MemberId seen_leader_ = raft::kNobody;
  std::optional<absl::Duration> leaderless_since_;

  std::map<raft::MemberId, absl::Duration> heard_;  // SinceBoot, members only.

  // Members but this one only.
  std::map<raft::MemberId, raft::Index> witnessed_;
  absl::Duration told_witnessed_;  // SinceBoot, last.

  // What was given out last, and what it was made of.
  std::shared_ptr<const raft::Configuration> configuration_;
  raft::Configuration in_force_;
  std::shared_ptr<const raft::Configuration> hinted_;

  // Who the members are after the log that this member has, as another told it;
  // or as it was told when it joined, until its log has it as a member.
  MembersHint hint_;
  bool joining_ = false;
  int ticks_since_hint_ = 0;
  LoopOutput output_;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_CONSENSUS_LOOP_STATE_H_

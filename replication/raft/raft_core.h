// The insides of Raft: its state, and the steps by topic.
//
// raft_core.cc          construction, time, dispatch of messages, Ready
// raft_election.cc      §5.2, §5.4.1, PreVote, CheckQuorum
// raft_replication.cc   §5.3, §5.4.2
// raft_read_index.cc    thesis §6.4
// raft_snapshot.cc      §7
// raft_membership.cc    thesis, chapter 4
// raft_transfer.cc      thesis §3.10
// raft_failover.cc      elections without waiting for the timer

#ifndef QUORATE_REPLICATION_RAFT_RAFT_CORE_H_
#define QUORATE_REPLICATION_RAFT_RAFT_CORE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "base/random.h"
#include "replication/raft/invariants.h"
#include "replication/raft/membership.h"
#include "replication/raft/progress.h"
#include "replication/raft/quorum.h"
#include "replication/raft/raft.h"
#include "replication/raft/raft_log.h"

namespace quorate::raft {

// Far beyond any log, and far enough from the end of the type that a place in a
// message can be counted on from.
inline constexpr Index kLastIndex = Index(uint64_t{1} << 62);

// Confined to the consensus thread.
class Raft::Core {
 public:
  Core(const RaftOptions& options, const LogReader* log,
       const RestoredState& restored);

  void Tick();
  void Step(Message message);
  absl::StatusOr<Index> Propose(std::vector<Proposal> proposals, Stamp stamp);
  absl::StatusOr<Index> ProposeStamp(Stamp stamp);
  absl::StatusOr<Index> ProposeConfiguration(const ConfigurationChange& change,
                                             Stamp stamp);
  absl::Status TransferLeadership(MemberId to);
  void Compact(const SnapshotPosition& position);
  void OnSnapshotEnded(MemberId peer, bool delivered);
  void OnPeerLost(MemberId peer);
  absl::Status ReadIndex(uint64_t nonce);
  void Campaign();
  void OnUnreachable(MemberId peer);
  void OnAppended(const AppendReceipt& receipt);
  void OnApplied(Index index);
  bool HasReady() const;
  Ready TakeReady();

  Role role() const;

  Term term() const { return term_; }

  MemberId leader() const { return leader_; }

  const RaftLog& log() const { return log_; }

  const Configuration& configuration() const {
    return configurations_.current();
  }

  Index configuration_index() const { return configurations_.index(); }

  bool HasCommittedInTerm() const { return committed_in_term_; }

  RaftStatus Status() const;
  absl::Status CheckInvariants() const;

 private:
  // The role, with the state that lives and dies with it.
  struct Follower {};

  struct Candidate {
    // Rehearsing (PreVote): nothing is promised yet, the term is the old one.
    bool rehearsing = false;
    // Invariant: an own vote in an election proper is durable.
    std::map<MemberId, bool> votes;
  };

  struct Peer {
    MemberId id;
    Progress progress;
  };

  struct PendingRead {
    uint64_t nonce = 0;
    Index index;
    uint64_t round = 0;  // Confirmed by answers to this round or a later one.
  };

  struct Leader {
    std::vector<Peer> peers;  // Sorted by id; everybody but this member.
    // Appended in this term and not committed.
    size_t uncommitted_bytes = 0;
    // Reads that wait for the first commit of the term.
    std::vector<uint64_t> early_reads;
    // Invariant: rounds do not go down from front to back, and are at most one
    // above read_round.
    std::deque<PendingRead> reads;
    uint64_t read_round = 0;  // The last that was sent; they count from 1.
    // Nobody but while leadership is handed over, for so many ticks.
    MemberId transfer_to = kNobody;
    int transfer_ticks = 0;

    Peer* Find(MemberId id);
  };

  // raft_core.cc
  bool AdoptTerm(const Message& message);
  void AnswerStaleTerm(const Message& message);
  void Send(MemberId to, Term term, MessageBody body);
  void SendWhenDurable(MemberId to, Term term, MessageBody body);
  void TickWriteStall();
  void CommitTo(Index index);

  // raft_election.cc
  void ResetElectionTimer();
  bool HearsLeader() const;
  void BecomeFollower(Term term, MemberId leader);
  bool MayCampaign() const;
  void StartRehearsal();
  void StartElection(bool transfer);
  void AskForVotes(const VoteRequest& request, Term term);
  bool AnswerVoteRequest(const Message& message, const VoteRequest& request);
  void CountVotes();
  void BecomeLeader();
  void CheckQuorum(Leader& leader);
  void OnMessage(const Message& message, const VoteRequest& request);
  void OnMessage(const Message& message, const VoteReply& reply);

  // raft_replication.cc
  void AppendOwn(Entry entry);
  bool FollowSender(const Message& message);
  void OnMessage(const Message& message, AppendRequest& request);
  void OnMessage(const Message& message, const AppendReply& reply);
  void OnMessage(const Message& message, const Heartbeat& heartbeat);
  void OnMessage(const Message& message, const HeartbeatReply& reply);

  void RefuseAppend(const Message& message, const AppendRequest& request);
  void StoreEntries(std::vector<Entry> entries);
  void MaybeCommit(Leader& leader);
  bool WantsAppend(const Progress& progress) const;
  void SendAppends(Peer& peer);
  void SendAppend(Peer& peer, bool with_entries);
  void BroadcastHeartbeat(Leader& leader);

  // raft_read_index.cc
  void ReleaseEarlyReads(Leader& leader);
  void StartReadRound(Leader& leader);
  bool ReadRoundDue(const Leader& leader) const;
  void ConfirmReads(Leader& leader);
  void DropReads(Leader& leader);

  // raft_snapshot.cc
  void OnMessage(const Message& message, const InstallSnapshot& install);
  void OrderSnapshot(Peer& peer);

  // raft_membership.cc
  void AppendConfiguration(Leader& leader,
                           std::shared_ptr<const Configuration> configuration,
                           Stamp stamp);
  void UpdatePeers(Leader& leader);
  void FinishChange(Leader& leader);
  void LeaveJointConfiguration(Leader& leader);
  void StepDownRemoved(Leader& leader);

  // raft_transfer.cc
  MemberId MostCaughtUp(const Leader& leader) const;
  void MaybeHandOver(Leader& leader);
  void TickTransfer(Leader& leader);
  void OnMessage(const Message& message, const TimeoutNow& body);
  void MaybeTakeOver();

  // raft_failover.cc
  bool AnswerUnheard();
  void RehearseFast();
  void TickFailover();
  void LetOtherGoFirst();
  void WaitForVotes();
  void OnRefused();

  const RaftOptions options_;
  RaftLog log_;
  ConfigurationStack configurations_;
  Random random_;

  // Invariant: the term never goes down, and the vote changes only from nobody
  // to somebody within a term.
  Term term_;
  MemberId vote_;
  // What the last Ready with a record carried, and what is known to be on disk.
  HardState handed_out_;
  HardState durable_;

  // Invariant: a leader names itself, a candidate nobody.
  MemberId leader_;
  std::variant<Follower, Candidate, Leader> role_;
  bool committed_in_term_ = false;

  // In ticks.
  int election_elapsed_ = 0;
  int election_timeout_ = 0;
  int heartbeat_elapsed_ = 0;

  // The leader of this term has asked this member to follow it (TimeoutNow).
  Term asked_to_lead_;

  // Since the leader's connection was reset: rehearsals that are left, and
  // ticks until the next. Invariant: none are left where a leader is known.
  int failover_tries_ = 0;
  int failover_ticks_ = 0;
  // The last request for a pre-vote that was ignored because a leader was
  // heard, and how long ago.
  std::optional<Message> unheard_;
  int unheard_ticks_ = 0;

  // Invariant: writes_done_ <= writes_.
  uint64_t writes_ = 0;
  uint64_t writes_done_ = 0;
  int write_stalled_ticks_ = 0;

  // For the next Ready.
  std::vector<Message> messages_;
  std::vector<Message> messages_when_durable_;
  std::vector<ReadState> read_states_;
  std::vector<SnapshotOrder> snapshot_orders_;

  mutable InvariantWitness witness_;
};

}  // namespace quorate::raft

#endif  // QUORATE_REPLICATION_RAFT_RAFT_CORE_H_

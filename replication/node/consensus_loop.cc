#include "replication/node/consensus_loop.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "base/check.h"
#include "replication/node/consensus_loop_state.h"
#include "replication/raft/membership.h"

namespace quorate::replication {
namespace {

// The cluster's time advances at most this much between two looks. Looks are a
// tick apart, so a thread that is a little late loses nothing, and a process
// that was stopped adds next to nothing.
constexpr int kClockStepTicks = 4;

// A question for a read index is asked again after this many heartbeats
// without an answer; the leader answers after one exchange with a quorum.
constexpr int kAskAgainHeartbeats = 2;

// A leader whose disk hangs for so many election timeouts steps down, even
// where nobody is there to lead in its place (RaftOptions).
constexpr int kStalledElections = 6;

// A forwarded proposal that was not applied for so long may be lost, although
// no connection was seen to break. Well above an apply on a busy cluster.
constexpr absl::Duration kSilentLoss = absl::Seconds(1);

raft::RaftOptions CoreOptions(const NodeOptions& options, raft::MemberId id,
                              uint64_t seed) {
  raft::RaftOptions core;
  core.id = id;
  core.heartbeat_ticks = options.heartbeat_ticks;
  core.election_ticks = options.election_ticks;
  core.stalled_write_ticks = kStalledElections * options.election_ticks;
  core.random_seed = seed;
  core.max_message_bytes = options.max_message_bytes;
  core.max_inflight_messages = options.max_inflight_messages;
  return core;
}

}  // namespace

ConsensusLoop::State::State(const Deps& deps, const NodeOptions& options,
                            raft::MemberId id,
                            const raft::RestoredState& restored, uint64_t run,
                            uint64_t seed)
    : options_(options),
      id_(id),
      run_(run),
      clock_(deps.clock),
      latencies_(deps.latencies),
      raft_(CoreOptions(options, id, seed), deps.log, restored),
      commit_timer_(latencies_ == nullptr ? nullptr : &latencies_->commit()),
      cluster_clock_(deps.clock, options.tick * kClockStepTicks),
      calendar_(deps.clock, options.tick * kClockStepTicks),
      reads_(run),
      membership_calls_(run),
      leaderless_since_(deps.clock->SinceBoot()) {
  // The log of a member that joins begins with members of long ago.
  joining_ = raft_.configuration_index() == raft::Index(0);
  if (joining_) {
    hint_.configuration =
        std::make_shared<const raft::Configuration>(raft_.configuration());
  }
}

raft::MemberId ConsensusLoop::State::KnownLeader() const {
  switch (raft_.role()) {
    case raft::Role::kLeader:
      return id_;
    case raft::Role::kFollower:
      return raft_.leader();
    case raft::Role::kPreCandidate:
    case raft::Role::kCandidate:
      return raft::kNobody;
  }
  return raft::kNobody;
}

bool ConsensusLoop::State::IsMember(raft::MemberId id) const {
  return raft::IsMember(raft_.configuration().membership, id);
}

absl::Duration ConsensusLoop::State::Leaderless() const {
  if (!leaderless_since_.has_value()) return absl::ZeroDuration();
  return clock_->SinceBoot() - *leaderless_since_;
}

void ConsensusLoop::State::AfterEvent() {
  if (commit_timer_.waits()) {
    commit_timer_.OnCommit(raft_.commit(), clock_->SinceBoot());
  }
  AnswerCommittedChange();
  AnswerCommittedLeap();
  FollowLeadership();
  if (options_.check_invariants) QUORATE_CHECK_OK(raft_.CheckInvariants());
}

void ConsensusLoop::State::FollowLeadership() {
  const bool leads = Leads();
  const raft::Term term = raft_.term();
  const raft::MemberId leader = KnownLeader();
  if (leads == led_ && term == seen_term_ && leader == seen_leader_) return;

  if (leads) {
    RunClocks();
  } else if (led_) {
    // The core drops their reads too; ours to answer is that it did.
    for (const auto& [nonce, read] : peer_reads_) {
      Send(read.peer, ReadIndexReply{.nonce = read.nonce});
    }
    peer_reads_.clear();
    // Whoever asked asks the next leader again.
    change_waiters_.clear();
    transfer_.reset();
    leap_waiters_.clear();
  }
  commit_timer_.Clear();
  // The one we asked may never answer, and a refusal by it means nothing now.
  reads_.AskAgain(absl::InfiniteDuration());
  proposals_.Release();
  if (leader != raft::kNobody) {
    membership_calls_.OnLeader(leader, &output_.changes);
    leaderless_since_.reset();
  } else if (!leaderless_since_.has_value()) {
    leaderless_since_ = clock_->SinceBoot();
  }
  led_ = leads;
  seen_term_ = term;
  seen_leader_ = leader;
}

void ConsensusLoop::State::Send(raft::MemberId to, PeerMessageBody body) {
  output_.messages.push_back(
      PeerMessage{.from = id_, .to = to, .body = std::move(body)});
}

void ConsensusLoop::State::SendToOthers(const PeerMessageBody& body) {
  for (const raft::MemberAddress& member : raft_.configuration().addresses) {
    if (member.id != id_) Send(member.id, body);
  }
}

void ConsensusLoop::State::OnTick() {
  AdvanceClocks();
  raft_.Tick();
  AfterEvent();

  const absl::Duration now = clock_->SinceBoot();
  proposals_.Release();
  proposals_.Expire(now, &output_.failures);
  reads_.Expire(now, &output_.reads);
  if (Refuses()) {
    proposals_.FailAll(&output_.failures);
    reads_.FailAll(&output_.reads);
    membership_calls_.FailAll(&output_.changes);
  }
  TickMembership(now);
  TickDisk(now);
  TickWitness(now);
  const raft::MemberId leader = KnownLeader();
  if (leader != raft::kNobody && leader != id_) {
    proposals_.Doubt(raft_.term(), now - kSilentLoss);
    reads_.AskAgain(now - options_.tick * options_.heartbeat_ticks *
                              kAskAgainHeartbeats);
  }
}

void ConsensusLoop::State::OnPeerUnreachable(raft::MemberId peer) {
  raft_.OnUnreachable(peer);
  AfterEvent();
}

void ConsensusLoop::State::OnPeerReachable(raft::MemberId peer) {
  if (peer != KnownLeader() || peer == id_) return;
  // What was sent over the connection that broke may be lost.
  proposals_.Doubt(raft_.term(), absl::InfiniteDuration());
  reads_.AskAgain(absl::InfiniteDuration());
}

void ConsensusLoop::State::OnPeerLost(raft::MemberId peer) {
  raft_.OnPeerLost(peer);
  AfterEvent();
}

void ConsensusLoop::State::OnSnapshotSent(raft::MemberId to, bool delivered) {
  raft_.OnSnapshotEnded(to, delivered);
  AfterEvent();
}

bool ConsensusLoop::State::OnSnapshotReceived(raft::MemberId from,
                                              raft::Term term,
                                              raft::SnapshotPosition position) {
  const raft::Index index = position.index;
  raft_.Step({.from = from,
              .to = id_,
              .term = term,
              .body = raft::InstallSnapshot{.position = std::move(position)}});
  AfterEvent();
  const raft::RaftStatus status = raft_.Status();
  return status.first_index == index.Next() && status.applied < index;
}

void ConsensusLoop::State::Compact(const raft::SnapshotPosition& position) {
  raft_.Compact(position);
  AfterEvent();
}

void ConsensusLoop::State::OnInstalled(raft::Index index) {
  proposals_.FailDoubtful(&output_.failures);
  raft_.OnApplied(index);
  AfterEvent();
}

void ConsensusLoop::State::Propose(uint64_t sequence, raft::Payload payload,
                                   absl::Duration timeout) {
  QUORATE_CHECK(payload != nullptr);
  if (Refuses()) {
    output_.failures.push_back(
        {.sequence = sequence, .outcome = ProposeOutcome::kNoQuorum});
  } else if (proposals_.size() >= options_.max_proposals) {
    output_.failures.push_back(
        {.sequence = sequence, .outcome = ProposeOutcome::kOverloaded});
  } else {
    proposals_.Add(sequence, std::move(payload), clock_->SinceBoot() + timeout);
  }
}

void ConsensusLoop::State::Read(uint64_t read, absl::Duration timeout) {
  if (Refuses()) {
    output_.reads.push_back({.read = read, .outcome = ReadOutcome::kNoQuorum});
  } else if (reads_.size() >= options_.max_reads) {
    output_.reads.push_back(
        {.read = read, .outcome = ReadOutcome::kOverloaded});
  } else {
    reads_.Add(read, clock_->SinceBoot() + timeout);
  }
}

void ConsensusLoop::State::OnAppended(const raft::AppendReceipt& receipt) {
  raft_.OnAppended(receipt);
  AfterEvent();
}

void ConsensusLoop::State::OnApplied(raft::Index index, raft::Term term,
                                     const std::vector<uint64_t>& sequences) {
  raft_.OnApplied(index);
  // In this order: what was applied is no longer there to be found missing.
  proposals_.OnApplied(sequences);
  proposals_.OnAppliedTerm(term);
  AfterEvent();
}

void ConsensusLoop::State::FlushProposals() {
  const raft::MemberId leader = KnownLeader();
  if (leader == raft::kNobody || proposals_.held()) return;
  const absl::Duration now = clock_->SinceBoot();
  std::optional<raft::Stamp> stamp;  // One for all that are appended here.
  while (true) {
    const uint64_t batch = ++last_batch_;
    std::vector<raft::Proposal> proposals =
        proposals_.TakeBatch(run_, raft_.term(), batch, now);
    if (proposals.empty()) return;
    if (leader != id_) {
      Send(leader, ForwardProposals{.term = raft_.term(),
                                    .batch = batch,
                                    .proposals = std::move(proposals)});
      continue;
    }
    if (!stamp.has_value()) {
      stamp = StampNow();
    }
    if (!ProposeHere(batch, std::move(proposals), *stamp)) return;
  }
}

bool ConsensusLoop::State::ProposeHere(uint64_t batch,
                                       std::vector<raft::Proposal> proposals,
                                       raft::Stamp stamp) {
  std::vector<uint64_t> sequences;
  sequences.reserve(proposals.size());
  for (const raft::Proposal& proposal : proposals) {
    sequences.push_back(proposal.id.sequence);
  }
  const absl::Status status = ProposeTimed(std::move(proposals), stamp);
  if (status.ok()) return true;
  proposals_.OnRejected(batch, sequences, absl::IsResourceExhausted(status),
                        &output_.failures);
  return false;
}

absl::Status ConsensusLoop::State::ProposeTimed(
    std::vector<raft::Proposal> proposals, raft::Stamp stamp) {
  const size_t count = proposals.size();
  const auto first = raft_.Propose(std::move(proposals), stamp);
  if (!first.ok()) return first.status();
  if (commit_timer_.measures() && count > 0) {
    commit_timer_.OnProposed(raft::Index(first->value() + count - 1),
                             static_cast<uint32_t>(count), clock_->SinceBoot());
  }
  return absl::OkStatus();
}

void ConsensusLoop::State::FlushReads() {
  const raft::MemberId leader = KnownLeader();
  if (leader == raft::kNobody) return;
  const std::optional<uint64_t> nonce = reads_.BeginRound(clock_->SinceBoot());
  if (!nonce.has_value()) return;
  if (leader != id_) {
    Send(leader, ReadIndexRequest{.nonce = *nonce});
  } else if (!raft_.ReadIndex(*nonce).ok()) {
    reads_.OnAnswer(*nonce, raft::Index(0), &output_.reads);
  }
}

void ConsensusLoop::State::TakeReady() {
  raft::Ready ready = raft_.TakeReady();
  for (raft::Message& message : ready.messages) {
    const raft::MemberId to = message.to;
    Send(to, std::move(message));
  }
  if (!ready.append.empty()) {
    output_.appends.push_back(std::move(ready.append));
  }
  std::move(ready.committed.begin(), ready.committed.end(),
            std::back_inserter(output_.committed));
  for (const raft::ReadState& state : ready.reads) {
    Answer(state);
  }
  std::move(ready.snapshots.begin(), ready.snapshots.end(),
            std::back_inserter(output_.snapshots));
}

LoopOutput ConsensusLoop::State::TakeOutput() {
  FlushMembershipCalls();
  FlushProposals();
  FlushReads();
  while (raft_.HasReady()) {
    TakeReady();
  }
  AfterEvent();
  EmitAcquaintances();
  return std::exchange(output_, LoopOutput());
}

NodeStatus ConsensusLoop::State::Status() const {
  NodeStatus status;
  status.raft = raft_.Status();
  status.configuration = raft_.configuration();
  status.applied = status.raft.applied;
  status.cluster_ms = ClusterMs();
  if (led_) status.calendar = calendar_.State(id_);
  status.serving = KnownLeader() != raft::kNobody && raft_.HasCommittedInTerm();
  status.leaderless = Leaderless();
  const absl::Duration now = clock_->SinceBoot();
  for (const raft::MemberAddress& member : status.configuration.addresses) {
    if (member.id == id_) continue;
    const auto it = heard_.find(member.id);
    status.contacts.push_back({.id = member.id,
                               .age = it == heard_.end()
                                          ? absl::InfiniteDuration()
                                          : now - it->second});
  }
  status.witnessed = witnessed_;
  return status;
}

ConsensusLoop::ConsensusLoop(const Deps& deps, const NodeOptions& options,
                             raft::MemberId id,
                             const raft::RestoredState& restored, uint64_t run,
                             uint64_t seed)
    : state_(std::make_unique<State>(deps, options, id, restored, run, seed)) {}

ConsensusLoop::~ConsensusLoop() = default;

void ConsensusLoop::OnTick() {
  state_->OnTick();
}

void ConsensusLoop::OnPeerMessage(PeerMessage message) {
  state_->OnPeerMessage(std::move(message));
}

void ConsensusLoop::OnPeerUnreachable(raft::MemberId peer) {
  state_->OnPeerUnreachable(peer);
}

void ConsensusLoop::OnPeerReachable(raft::MemberId peer) {
  state_->OnPeerReachable(peer);
}

void ConsensusLoop::OnPeerLost(raft::MemberId peer) {
  state_->OnPeerLost(peer);
}

void ConsensusLoop::Request(uint64_t call, MembershipRequest request,
                            absl::Duration timeout) {
  state_->Request(call, std::move(request), timeout);
}

void ConsensusLoop::OnSnapshotSent(raft::MemberId to, bool delivered) {
  state_->OnSnapshotSent(to, delivered);
}

bool ConsensusLoop::OnSnapshotReceived(raft::MemberId from, raft::Term term,
                                       raft::SnapshotPosition position) {
  return state_->OnSnapshotReceived(from, term, std::move(position));
}

void ConsensusLoop::Compact(const raft::SnapshotPosition& position) {
  state_->Compact(position);
}

void ConsensusLoop::OnInstalled(raft::Index index) {
  state_->OnInstalled(index);
}

void ConsensusLoop::Propose(uint64_t sequence, raft::Payload payload,
                            absl::Duration timeout) {
  state_->Propose(sequence, std::move(payload), timeout);
}

void ConsensusLoop::Read(uint64_t read, absl::Duration timeout) {
  state_->Read(read, timeout);
}

void ConsensusLoop::OnAppended(const raft::AppendReceipt& receipt) {
  state_->OnAppended(receipt);
}

void ConsensusLoop::OnApplied(raft::Index index, raft::Term term,
                              const std::vector<uint64_t>& sequences) {
  state_->OnApplied(index, term, sequences);
}

void ConsensusLoop::SetDiskLow(bool low) {
  state_->SetDiskLow(low);
}

raft::MemberId ConsensusLoop::LowLeader() const {
  return state_->LowLeader();
}

LoopOutput ConsensusLoop::TakeOutput() {
  return state_->TakeOutput();
}

NodeStatus ConsensusLoop::Status() const {
  return state_->Status();
}

bool ConsensusLoop::Leads() const {
  return state_->Leads();
}

int64_t ConsensusLoop::ClusterMs() const {
  return state_->ClusterMs();
}

int64_t ConsensusLoop::CalendarMs() const {
  return state_->CalendarMs();
}

const raft::Raft& ConsensusLoop::raft() const {
  return state_->raft();
}

}  // namespace quorate::replication

#include "replication/raft/raft_core.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace quorate::raft {

namespace {

// Terms count elections; one beyond this comes from a damaged member, and
// taking it over would leave no room for the next.
constexpr Term kLastTerm = Term(uint64_t{1} << 62);

}  // namespace

Raft::Core::Core(const RaftOptions& options, const LogReader* log,
                 const RestoredState& restored)
    : options_(options),
      log_(log, {.commit = restored.hard_state.commit,
                 .applied = restored.applied,
                 .snapshot = restored.snapshot,
                 .max_cached_bytes = options.max_cached_bytes,
                 .max_committed_bytes = options.max_committed_bytes}),
      configurations_(restored.configurations),
      random_(options.random_seed),
      term_(restored.hard_state.term),
      vote_(restored.hard_state.vote),
      handed_out_(restored.hard_state),
      durable_(restored.hard_state) {
  QUORATE_CHECK(options_.id != kNobody);
  QUORATE_CHECK(options_.heartbeat_ticks > 0);
  QUORATE_CHECK(options_.election_ticks > options_.heartbeat_ticks);
  QUORATE_CHECK(options_.max_inflight_messages > 0);
  QUORATE_CHECK(options_.max_inflight_bytes > 0);
  QUORATE_CHECK(options_.max_committed_bytes > 0);
  if (term_ < log_.last_term()) {
    // A data directory is created with a first entry and no record. Nobody has
    // voted in that term, and nobody will.
    term_ = log_.last_term();
    vote_ = kNobody;
  }
  configurations_.ForgetBefore(log_.commit());
  committed_in_term_ = log_.TermAt(log_.commit()) == term_;
  ResetElectionTimer();
}

Raft::Core::Peer* Raft::Core::Leader::Find(MemberId id) {
  // A handful of members: a walk is the fastest search.
  for (Peer& peer : peers) {
    if (peer.id == id) return &peer;
  }
  return nullptr;
}

void Raft::Core::Tick() {
  ++election_elapsed_;
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) {
    TickFailover();
    if (election_elapsed_ >= election_timeout_) Campaign();
    return;
  }
  if (++heartbeat_elapsed_ >= options_.heartbeat_ticks) {
    BroadcastHeartbeat(*leader);
  }
  if (election_elapsed_ >= options_.election_ticks) {
    election_elapsed_ = 0;
    CheckQuorum(*leader);
  }
  if (role() == Role::kLeader) TickWriteStall();
  leader = std::get_if<Leader>(&role_);
  if (leader != nullptr) TickTransfer(*leader);
}

// This member leads. While the others commit what its own disk does not take,
// nobody is answered here, and one whose disk does take it leads better. Where
// a quorum hangs too, nobody does, so a short stall of all changes nothing.
void Raft::Core::TickWriteStall() {
  if (writes_done_ == writes_) {
    write_stalled_ticks_ = 0;
    return;
  }
  ++write_stalled_ticks_;
  if (write_stalled_ticks_ >= options_.stalled_write_ticks) {
    write_stalled_ticks_ = 0;
    BecomeFollower(term_, kNobody);
  } else if (write_stalled_ticks_ >= options_.election_ticks &&
             log_.durable_index() < log_.commit()) {
    // Where a transfer is under way, its end is waited for.
    (void)TransferLeadership(kNobody);
  }
}

void Raft::Core::Step(Message message) {
  if (message.to != options_.id || message.from == options_.id ||
      message.from == kNobody || message.term == Term(0) ||
      message.term > kLastTerm) {
    return;
  }
  if (message.term < term_) {
    AnswerStaleTerm(message);
    return;
  }
  if (message.term > term_ && !AdoptTerm(message)) return;
  std::visit([&](auto& body) { OnMessage(message, body); }, message.body);
}

// Raft, §5.1: whoever sees a higher term takes it over and follows. Returns
// false where the message is to be ignored altogether.
bool Raft::Core::AdoptTerm(const Message& message) {
  if (const auto* request = std::get_if<VoteRequest>(&message.body)) {
    // Who hears a leader disturbs it for nobody (Raft, §6, last part; thesis,
    // §4.2.3).
    if (HearsLeader() && !request->transfer) {
      if (request->pre_vote) {
        unheard_ = message;
        unheard_ticks_ = 0;
      }
      return false;
    }
    // A rehearsal changes no one's term.
    if (request->pre_vote) return true;
  }
  if (const auto* reply = std::get_if<VoteReply>(&message.body)) {
    // A pre-vote is granted in the name of the term to come.
    if (reply->pre_vote && reply->granted) return true;
  }
  const bool from_leader =
      std::holds_alternative<AppendRequest>(message.body) ||
      std::holds_alternative<Heartbeat>(message.body) ||
      std::holds_alternative<TimeoutNow>(message.body) ||
      std::holds_alternative<InstallSnapshot>(message.body);
  BecomeFollower(message.term, from_leader ? message.from : kNobody);
  return true;
}

// Raft, §5.1: a request with a stale term is refused, with the current term, so
// that the sender steps down. That also frees a member that ran ahead of the
// leader in its term, which could otherwise neither follow nor be elected.
void Raft::Core::AnswerStaleTerm(const Message& message) {
  if (const auto* vote = std::get_if<VoteRequest>(&message.body)) {
    SendWhenDurable(message.from, term_,
                    VoteReply{.pre_vote = vote->pre_vote, .granted = false});
  } else if (const auto* append = std::get_if<AppendRequest>(&message.body)) {
    SendWhenDurable(message.from, term_,
                    AppendReply{.accepted = false,
                                .match = append->previous_index,
                                .hint_index = log_.commit(),
                                .hint_term = log_.TermAt(log_.commit())});
  } else if (const auto* install =
                 std::get_if<InstallSnapshot>(&message.body)) {
    // The snapshot may be good, but its sender must learn that it does not lead
    // any more; the next leader sends one where one is needed.
    SendWhenDurable(message.from, term_,
                    AppendReply{.accepted = false,
                                .match = install->position.index,
                                .hint_index = log_.commit(),
                                .hint_term = log_.TermAt(log_.commit())});
  } else if (std::holds_alternative<Heartbeat>(message.body)) {
    Send(message.from, term_, HeartbeatReply{});
  }
}

void Raft::Core::Send(MemberId to, Term term, MessageBody body) {
  messages_.push_back({options_.id, to, term, std::move(body)});
}

void Raft::Core::SendWhenDurable(MemberId to, Term term, MessageBody body) {
  messages_when_durable_.push_back({options_.id, to, term, std::move(body)});
}

void Raft::Core::OnAppended(const AppendReceipt& receipt) {
  QUORATE_CHECK(receipt.write <= writes_);
  QUORATE_CHECK(receipt.term <= term_);
  if (receipt.write > writes_done_) {
    writes_done_ = receipt.write;
    write_stalled_ticks_ = 0;
  }
  durable_ = receipt.hard_state;
  log_.OnWritten(receipt);
  if (auto* leader = std::get_if<Leader>(&role_)) {
    MaybeCommit(*leader);
    return;
  }
  MaybeTakeOver();
  auto* candidate = std::get_if<Candidate>(&role_);
  if (candidate == nullptr || candidate->rehearsing) return;
  // The own vote counts when it is durable, like anyone's.
  if (durable_.term == term_ && durable_.vote == options_.id) {
    candidate->votes.emplace(options_.id, true);
    CountVotes();
  }
}

void Raft::Core::OnApplied(Index index) {
  log_.OnApplied(index);
}

void Raft::Core::CommitTo(Index index) {
  if (index <= log_.commit()) return;
  log_.CommitTo(index);
  configurations_.ForgetBefore(index);
  if (!committed_in_term_) committed_in_term_ = log_.TermAt(index) == term_;
}

bool Raft::Core::HasReady() const {
  if (!messages_.empty() || !messages_when_durable_.empty() ||
      !read_states_.empty() || !snapshot_orders_.empty() ||
      log_.HasUnwritten() || log_.HasReplacement() || log_.HasCommitted() ||
      handed_out_.term != term_ || handed_out_.vote != vote_) {
    return true;
  }
  const auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return false;
  return ReadRoundDue(*leader) ||
         std::any_of(
             leader->peers.begin(), leader->peers.end(),
             [this](const Peer& peer) { return WantsAppend(peer.progress); });
}

Ready Raft::Core::TakeReady() {
  if (auto* leader = std::get_if<Leader>(&role_)) {
    StartReadRound(*leader);
    for (Peer& peer : leader->peers)
      SendAppends(peer);
  }
  Ready ready;
  ready.messages = std::exchange(messages_, {});
  ready.reads = std::exchange(read_states_, {});
  ready.snapshots = std::exchange(snapshot_orders_, {});

  AppendWork& append = ready.append;
  append.install = log_.TakeInstall(writes_ + 1);
  append.compact_to = log_.TakeCompaction();
  append.entries = log_.TakeUnwritten(writes_ + 1);
  append.messages = std::exchange(messages_when_durable_, {});
  const HardState record{term_, vote_, log_.commit()};
  const bool promised =
      record.term != handed_out_.term || record.vote != handed_out_.vote;
  append.must_sync =
      promised || !append.entries.empty() || append.install.has_value();
  // The commit index is a hint, not worth a write of its own.
  if (append.must_sync && record != handed_out_) {
    append.hard_state = record;
    handed_out_ = record;
  }
  if (!append.empty()) {
    append.receipt = {.write = ++writes_,
                      .term = term_,
                      .last_index = Index(0),
                      .last_term = Term(0),
                      .hard_state = handed_out_};
    if (!append.entries.empty()) {
      append.receipt.last_index = append.entries.back().index;
      append.receipt.last_term = append.entries.back().term;
    }
  }
  ready.committed = log_.TakeCommitted();
  return ready;
}

Role Raft::Core::role() const {
  if (std::holds_alternative<Leader>(role_)) return Role::kLeader;
  if (const auto* candidate = std::get_if<Candidate>(&role_)) {
    return candidate->rehearsing ? Role::kPreCandidate : Role::kCandidate;
  }
  return Role::kFollower;
}

RaftStatus Raft::Core::Status() const {
  RaftStatus status{.id = options_.id,
                    .role = role(),
                    .term = term_,
                    .vote = vote_,
                    .leader = leader_,
                    .transferring_to = kNobody,
                    .first_index = log_.first_index(),
                    .last_index = log_.last_index(),
                    .durable_index = log_.durable_index(),
                    .commit = log_.commit(),
                    .applied = log_.applied(),
                    .membership = configurations_.membership(),
                    .peers = {}};
  if (const auto* leader = std::get_if<Leader>(&role_)) {
    status.transferring_to = leader->transfer_to;
    for (const Peer& peer : leader->peers) {
      const Progress& progress = peer.progress;
      status.peers.push_back(
          {.id = peer.id,
           .match = progress.match(),
           .next = progress.next(),
           .recently_active = progress.recently_active,
           .inflight_messages = static_cast<int>(progress.inflights().count()),
           .needs_snapshot = progress.next() < log_.first_index() ||
                             progress.state() == Progress::State::kSnapshot});
    }
  }
  return status;
}

absl::Status Raft::Core::CheckInvariants() const {
  InvariantView view{.id = options_.id,
                     .role = role(),
                     .term = term_,
                     .vote = vote_,
                     .leader = leader_,
                     .handed_out = handed_out_,
                     .durable = durable_,
                     .writes = writes_,
                     .writes_done = writes_done_,
                     .election_elapsed = election_elapsed_,
                     .election_timeout = election_timeout_,
                     .committed_in_term = committed_in_term_,
                     .failover_tries = failover_tries_,
                     .asked_to_lead = asked_to_lead_,
                     .log = log_,
                     .configurations = configurations_,
                     .messages_when_durable = messages_when_durable_,
                     .votes = {},
                     .peers = {},
                     .read_rounds = {},
                     .read_indexes = {},
                     .snapshot_orders = snapshot_orders_.size()};
  if (const auto* candidate = std::get_if<Candidate>(&role_)) {
    view.votes = candidate->votes;
  }
  if (const auto* leader = std::get_if<Leader>(&role_)) {
    for (const Peer& peer : leader->peers) {
      view.peers.push_back({peer.id, &peer.progress});
    }
    view.read_round = leader->read_round;
    view.uncommitted_bytes = leader->uncommitted_bytes;
    view.early_reads = leader->early_reads.size();
    view.transfer_to = leader->transfer_to;
    for (const PendingRead& read : leader->reads) {
      view.read_rounds.push_back(read.round);
      view.read_indexes.push_back(read.index);
    }
  }
  return raft::CheckInvariants(view, witness_);
}

}  // namespace quorate::raft

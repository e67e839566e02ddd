// Replication: Raft, §5.3 and §5.4.2.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/check.h"
#include "replication/raft/raft_core.h"

namespace quorate::raft {

namespace {

// True where the entries follow the request's previous one without a gap, in
// terms that a leader of `term` can hold, and each is whole.
bool MakesSense(const AppendRequest& request, Term term) {
  if (request.previous_index > kLastIndex) return false;
  Index index = request.previous_index;
  Term last = request.previous_term;
  for (const Entry& entry : request.entries) {
    index = index.Next();
    if (entry.index != index || entry.term < last) return false;
    last = entry.term;
    if (entry.type == EntryType::kCommand && entry.payload == nullptr) {
      return false;
    }
    if (entry.type == EntryType::kConfiguration &&
        (entry.configuration == nullptr ||
         !ValidateMembership(entry.configuration->membership).ok())) {
      return false;
    }
  }
  return last <= term;
}

}  // namespace

absl::StatusOr<Index> Raft::Core::Propose(std::vector<Proposal> proposals,
                                          Stamp stamp) {
  QUORATE_CHECK(!proposals.empty());
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) {
    return absl::FailedPreconditionError("this member is not the leader");
  }
  if (leader->transfer_to != kNobody) {
    return absl::UnavailableError("leadership is being handed over");
  }
  std::vector<Entry> entries;
  entries.reserve(proposals.size());
  size_t cost = 0;
  stamp = NotBefore(stamp, log_.last_stamp());
  for (Proposal& proposal : proposals) {
    QUORATE_CHECK(proposal.payload != nullptr);
    entries.push_back({.type = EntryType::kCommand,
                       .proposal = proposal.id,
                       .stamp = stamp,
                       .payload = std::move(proposal.payload)});
    cost += EntryCost(entries.back());
  }
  // One proposal may go over the limit, or it could never be appended.
  if (leader->uncommitted_bytes > 0 &&
      leader->uncommitted_bytes + cost > options_.max_uncommitted_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(leader->uncommitted_bytes, " bytes are uncommitted"));
  }
  const Index first = log_.last_index().Next();
  for (Entry& entry : entries)
    AppendOwn(std::move(entry));
  return first;
}

absl::StatusOr<Index> Raft::Core::ProposeStamp(Stamp stamp) {
  const auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) {
    return absl::FailedPreconditionError("this member is not the leader");
  }
  if (leader->transfer_to != kNobody) {
    return absl::UnavailableError("leadership is being handed over");
  }
  AppendOwn(Entry{.type = EntryType::kNoop,
                  .stamp = NotBefore(stamp, log_.last_stamp())});
  return log_.last_index();
}

void Raft::Core::AppendOwn(Entry entry) {
  entry.index = log_.last_index().Next();
  entry.term = term_;
  std::get<Leader>(role_).uncommitted_bytes += EntryCost(entry);
  log_.Append(std::move(entry));
}

// The sender of an AppendRequest or Heartbeat of this term leads it. Returns
// false where that cannot be, since the term has another leader: there is at
// most one (Raft, §5.2), so one of us is damaged.
bool Raft::Core::FollowSender(const Message& message) {
  if (leader_ != kNobody && leader_ != message.from) return false;
  if (!std::holds_alternative<Follower>(role_)) {
    BecomeFollower(term_, message.from);
  }
  leader_ = message.from;
  election_elapsed_ = 0;
  failover_tries_ = 0;
  return true;
}

void Raft::Core::OnMessage(const Message& message, AppendRequest& request) {
  if (!MakesSense(request, message.term) || !FollowSender(message)) return;
  if (request.previous_index.Next() < log_.first_index()) {
    // What is compacted was committed, and what is committed is the same here
    // and there.
    SendWhenDurable(message.from, term_,
                    AppendReply{.accepted = true, .match = log_.commit()});
    return;
  }
  if (!log_.Matches(request.previous_index, request.previous_term)) {
    RefuseAppend(message, request);
    return;
  }
  // The last entry that this message proves to be the same as the leader's;
  // what follows it here, nobody knows (raft.md, pitfall 7).
  const Index match = request.previous_index.Plus(request.entries.size());
  StoreEntries(std::move(request.entries));
  CommitTo(std::min(request.commit, match));
  SendWhenDurable(message.from, term_,
                  AppendReply{.accepted = true, .match = match});
}

// Raft, §5.3, last part: the refusal says where the logs may agree, so that a
// whole term is skipped at a time.
void Raft::Core::RefuseAppend(const Message& message,
                              const AppendRequest& request) {
  const LogPosition hint = log_.LastWithTermAtMost(
      std::min(request.previous_index, log_.last_index()),
      request.previous_term);
  SendWhenDurable(message.from, term_,
                  AppendReply{.accepted = false,
                              .match = request.previous_index,
                              .hint_index = hint.index,
                              .hint_term = hint.term});
}

// Appends what is not there yet. Entries that are there stay, with all that
// follows them: the message may be old. The first that contradicts the log
// takes it and everything after it away.
void Raft::Core::StoreEntries(std::vector<Entry> entries) {
  auto next = entries.begin();
  while (next != entries.end() && log_.Matches(next->index, next->term)) {
    ++next;
  }
  if (next == entries.end()) return;
  if (next->index <= log_.last_index()) {
    configurations_.TruncateFrom(next->index);
    log_.TruncateFrom(next->index);
  }
  for (; next != entries.end(); ++next) {
    if (next->type == EntryType::kConfiguration) {
      configurations_.Append(next->index, next->configuration);
    }
    log_.Append(std::move(*next));
  }
}

void Raft::Core::OnMessage(const Message& message, const AppendReply& reply) {
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return;
  Peer* peer = leader->Find(message.from);
  if (peer == nullptr) return;
  Progress& progress = peer->progress;
  progress.recently_active = true;
  if (reply.accepted) {
    if (reply.match > log_.last_index()) return;
    if (progress.OnAccepted(reply.match, log_.first_index())) {
      MaybeCommit(*leader);
    }
    leader = std::get_if<Leader>(&role_);
    if (leader != nullptr && message.from == leader->transfer_to) {
      MaybeHandOver(*leader);
    }
    return;
  }
  // The follower's log has no entry of a higher term than hint_term up to
  // hint_index; so the logs agree at most at our last entry of such a term.
  Index hint = std::min(reply.hint_index, log_.last_index());
  if (hint.Next() >= log_.first_index()) {
    hint = log_.LastWithTermAtMost(hint, reply.hint_term).index;
  }
  progress.OnRejected(reply.match, hint);
}

void Raft::Core::OnMessage(const Message& message, const Heartbeat& heartbeat) {
  if (!FollowSender(message)) return;
  // The leader says no more than what this member has acknowledged. More than
  // there is would mean that the disk has forgotten; it is not believed.
  if (heartbeat.commit <= log_.last_index()) CommitTo(heartbeat.commit);
  Send(message.from, term_, HeartbeatReply{.read_round = heartbeat.read_round});
}

void Raft::Core::OnMessage(const Message& message,
                           const HeartbeatReply& reply) {
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return;
  Peer* peer = leader->Find(message.from);
  if (peer == nullptr) return;
  Progress& progress = peer->progress;
  progress.recently_active = true;
  progress.Resume();
  if (message.from == leader->transfer_to) MaybeHandOver(*leader);
  // The member lives but has not acknowledged everything: a message may be
  // lost. An append without entries finds out, at little cost if not.
  progress.poke = progress.match() < log_.last_index() &&
                  progress.state() != Progress::State::kSnapshot;
  if (reply.read_round > progress.acknowledged_round &&
      reply.read_round <= leader->read_round) {
    progress.acknowledged_round = reply.read_round;
    ConfirmReads(*leader);
  }
}

void Raft::Core::MaybeCommit(Leader& leader) {
  const Index index =
      QuorumIndex(configurations_.membership(), [&](MemberId member) -> Index {
        // The leader's own entries count when they are durable, like anyone's.
        if (member == options_.id) return log_.durable_index();
        const Peer* peer = leader.Find(member);
        return peer == nullptr ? Index(0) : peer->progress.match();
      });
  if (index <= log_.commit() || index > log_.last_index()) return;
  // Raft, §5.4.2 and Figure 8: an entry of an earlier term is not committed by
  // counting, only by one of this term behind it.
  if (log_.TermAt(index) != term_) return;
  const size_t committed = log_.CostInMemory(log_.commit(), index, term_);
  leader.uncommitted_bytes -= std::min(leader.uncommitted_bytes, committed);
  CommitTo(index);
  ReleaseEarlyReads(leader);
  FinishChange(leader);
}

// True where a message with entries, a new commit index or a poke is due.
bool Raft::Core::WantsAppend(const Progress& progress) const {
  // A snapshot for who is not there would go to nobody; the next sign of life
  // asks again.
  if (progress.next() < log_.first_index() && !progress.recently_active) {
    return false;
  }
  if (progress.poke) return true;
  return !progress.Paused() && (progress.next() <= log_.last_index() ||
                                progress.told_commit() < log_.commit());
}

// Followers learn a new commit index at once: with entries if there are any,
// else with an empty message, so that no client waits for a heartbeat.
void Raft::Core::SendAppends(Peer& peer) {
  Progress& progress = peer.progress;
  while (!progress.Paused() && progress.next() <= log_.last_index() &&
         WantsAppend(progress)) {
    SendAppend(peer, /*with_entries=*/true);
  }
  if (WantsAppend(progress)) SendAppend(peer, /*with_entries=*/false);
}

void Raft::Core::SendAppend(Peer& peer, bool with_entries) {
  Progress& progress = peer.progress;
  const Index previous = progress.next().Previous();
  AppendRequest request{.previous_index = previous,
                        .previous_term = Term(0),
                        .commit = log_.commit(),
                        .entries = {}};
  if (progress.next() < log_.first_index()) {
    OrderSnapshot(peer);
    return;
  }
  request.previous_term = log_.TermAt(previous);
  Index last = previous;
  size_t bytes = 0;
  if (with_entries) {
    request.entries = log_.Read(progress.next(), log_.last_index().Next(),
                                options_.max_message_bytes);
    for (const Entry& entry : request.entries)
      bytes += EntryCost(entry);
    last = request.entries.back().index;
  }
  progress.OnSent(last, bytes, std::min(log_.commit(), last));
  Send(peer.id, term_, std::move(request));
}

void Raft::Core::BroadcastHeartbeat(Leader& leader) {
  heartbeat_elapsed_ = 0;
  for (const Peer& peer : leader.peers) {
    Send(peer.id, term_,
         Heartbeat{.commit = std::min(peer.progress.match(), log_.commit()),
                   .read_round = leader.reads.empty() ? 0 : leader.read_round});
  }
}

void Raft::Core::OnUnreachable(MemberId peer_id) {
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return;
  Peer* peer = leader->Find(peer_id);
  if (peer == nullptr) return;
  if (peer->progress.state() == Progress::State::kReplicate) {
    peer->progress.BecomeProbe();
  }
}

}  // namespace quorate::raft

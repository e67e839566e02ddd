// Elections: Raft, §5.2 and §5.4.1; PreVote and CheckQuorum: thesis, §9.6 and
// §6.2. The two are always on together: with CheckQuorum alone a member that
// ran ahead in its term cannot come back, with PreVote alone a leader cut off
// from its quorum goes on for ever (raft.md, pitfall 24).

#include <algorithm>
#include <tuple>

#include "base/check.h"
#include "replication/raft/raft_core.h"

namespace quorate::raft {

// The timeout is never the bare number of election ticks: members that hold a
// leader dear for just that long would refuse a candidate that is on time.
void Raft::Core::ResetElectionTimer() {
  election_elapsed_ = 0;
  const auto ticks = static_cast<uint64_t>(options_.election_ticks);
  election_timeout_ = static_cast<int>(ticks + 1 + random_.Below(ticks));
}

bool Raft::Core::HearsLeader() const {
  return leader_ != kNobody && election_elapsed_ < options_.election_ticks;
}

void Raft::Core::BecomeFollower(Term term, MemberId leader) {
  QUORATE_CHECK(term >= term_);
  if (auto* was_leader = std::get_if<Leader>(&role_)) DropReads(*was_leader);
  // What an earlier reign ordered is nobody's order any more.
  snapshot_orders_.clear();
  if (leader != kNobody) failover_tries_ = 0;
  // A member that only learns of a higher term goes on waiting for a leader:
  // candidates without a chance must not keep the others from trying.
  const bool was_follower = std::holds_alternative<Follower>(role_);
  if (!was_follower || leader != kNobody) ResetElectionTimer();
  role_ = Follower{};
  leader_ = leader;
  if (term == term_) return;  // The vote of this term stays given.
  term_ = term;
  vote_ = kNobody;
  committed_in_term_ = false;
  // Answers of the old term attest to entries that may never reach the disk,
  // and nobody waits for them.
  messages_when_durable_.clear();
}

void Raft::Core::Campaign() {
  if (role() == Role::kLeader) return;
  failover_tries_ = 0;
  asked_to_lead_ = Term(0);
  if (MayCampaign()) {
    StartRehearsal();
  } else {
    ResetElectionTimer();
  }
}

// While a snapshot is being installed nobody knows which log a crash would
// leave, so there is nothing to ask for votes with. A member that the last
// configuration leaves out goes on until that is committed: it may hold the
// longest log, and then nobody else can win (thesis, §4.2.2).
bool Raft::Core::MayCampaign() const {
  if (log_.installing()) return false;
  const auto& stack = configurations_.stack();
  return std::any_of(stack.begin(), stack.end(), [this](const auto& at) {
    return IsVoter(at.configuration->membership, options_.id);
  });
}

void Raft::Core::StartRehearsal() {
  ResetElectionTimer();
  leader_ = kNobody;
  role_ = Candidate{.rehearsing = true, .votes = {{options_.id, true}}};
  AskForVotes({.pre_vote = true}, term_.Next());
  CountVotes();
}

void Raft::Core::StartElection(bool transfer) {
  ResetElectionTimer();
  term_ = term_.Next();
  vote_ = options_.id;
  leader_ = kNobody;
  asked_to_lead_ = Term(0);
  committed_in_term_ = false;
  messages_when_durable_.clear();
  role_ = Candidate{};
  WaitForVotes();
  // The requests need not wait for the disk: without the own vote, which does
  // wait, there is no victory. So a member that forgets in a crash that it was
  // a candidate has not led, and may vote for another in the same term.
  AskForVotes({.transfer = transfer}, term_);
}

// The log is compared as far as it is durable: what a crash may take away must
// not win votes (raft.md, pitfall 4).
void Raft::Core::AskForVotes(const VoteRequest& request, Term term) {
  const LogPosition durable = log_.DurablePosition();
  for (const MemberId member :
       MembersExcept(configurations_.membership(), options_.id)) {
    if (!IsVoter(configurations_.membership(), member)) continue;
    Send(member, term,
         VoteRequest{.pre_vote = request.pre_vote,
                     .last_index = durable.index,
                     .last_term = durable.term,
                     .transfer = request.transfer});
  }
}

void Raft::Core::OnMessage(const Message& message, const VoteRequest& request) {
  AnswerVoteRequest(message, request);
}

// Returns true where the vote, or pre-vote, is given. This member votes
// whatever it believes of itself: its configuration may be out of date, and the
// cluster may need its vote to get on (raft.md, pitfall 16).
bool Raft::Core::AnswerVoteRequest(const Message& message,
                                   const VoteRequest& request) {
  // A request of a higher term gets here only with the term adopted, or as a
  // rehearsal. One vote a term, and none where the term has a leader.
  const bool free = vote_ == message.from ||
                    (vote_ == kNobody && leader_ == kNobody) ||
                    (request.pre_vote && message.term > term_);
  // Raft, §5.4.1: the later last term wins, then the longer log.
  const bool up_to_date = std::tie(request.last_term, request.last_index) >=
                          std::make_tuple(log_.last_term(), log_.last_index());
  const bool granted = free && up_to_date;
  if (granted && !request.pre_vote) {
    vote_ = message.from;
    election_elapsed_ = 0;
  }
  if (granted) LetOtherGoFirst();
  // A granted rehearsal is granted in the name of the term it is about.
  const Term term = granted && request.pre_vote ? message.term : term_;
  SendWhenDurable(message.from, term,
                  VoteReply{.pre_vote = request.pre_vote, .granted = granted});
  return granted;
}

void Raft::Core::OnMessage(const Message& message, const VoteReply& reply) {
  auto* candidate = std::get_if<Candidate>(&role_);
  if (candidate == nullptr || candidate->rehearsing != reply.pre_vote) return;
  if (!IsVoter(configurations_.membership(), message.from)) return;
  const bool ahead = reply.pre_vote && reply.granted;
  if (message.term != (ahead ? term_.Next() : term_)) return;
  candidate->votes.emplace(message.from, reply.granted);
  if (!reply.granted) OnRefused();
  CountVotes();
}

void Raft::Core::CountVotes() {
  const auto& candidate = std::get<Candidate>(role_);
  const auto vote_of = [&](MemberId member) -> std::optional<bool> {
    const auto found = candidate.votes.find(member);
    if (found == candidate.votes.end()) return std::nullopt;
    return found->second;
  };
  switch (TallyVotes(configurations_.membership(), vote_of)) {
    case VoteResult::kPending:
      return;
    case VoteResult::kLost:
      BecomeFollower(term_, kNobody);
      return;
    case VoteResult::kWon:
      if (candidate.rehearsing) {
        StartElection(/*transfer=*/false);
      } else if (vote_of(options_.id).has_value()) {
        BecomeLeader();
      }
      return;
  }
}

void Raft::Core::BecomeLeader() {
  ResetElectionTimer();
  heartbeat_elapsed_ = 0;
  leader_ = options_.id;
  failover_tries_ = 0;
  role_ = Leader{};
  auto& leader = std::get<Leader>(role_);
  UpdatePeers(leader);
  for (Peer& peer : leader.peers)
    peer.progress.recently_active = false;
  // Entries of earlier terms commit only behind one of this term (Raft,
  // §5.4.2), and until then the leader does not know what is committed (§8).
  AppendOwn(Entry{.type = EntryType::kNoop, .stamp = log_.last_stamp()});
}

// Thesis, §6.2: a leader that hears no quorum for an election timeout steps
// down, so that nobody waits for it.
void Raft::Core::CheckQuorum(Leader& leader) {
  const auto active = [&](MemberId member) -> std::optional<bool> {
    if (member == options_.id) return true;
    const Peer* peer = leader.Find(member);
    return peer != nullptr && peer->progress.recently_active;
  };
  if (TallyVotes(configurations_.membership(), active) != VoteResult::kWon) {
    BecomeFollower(term_, kNobody);
    return;
  }
  for (Peer& peer : leader.peers)
    peer.progress.recently_active = false;
}

}  // namespace quorate::raft

// Failover without waiting for the timer: when a process dies its connections
// are reset at once, and the followers that see it need not wait to believe it.
//
// Nothing here weakens a rule. A follower forgets its leader, so it may ask for
// pre-votes and grant them; who hears the leader still refuses. The followers
// take turns, so that those who see the same reset do not split the vote.

#include <algorithm>
#include <utility>

#include "replication/raft/raft_core.h"

namespace quorate::raft {

namespace {

// Rehearsals without waiting for the timer. After them the leader is either
// replaced or a majority hears it.
constexpr int kFastRehearsals = 5;

// A rehearsal that was refused, lost or split is repeated after 1 to 3 ticks.
constexpr uint64_t kRetryTicks = 3;

// A request to which this member was deaf is answered when it loses the leader
// within so many ticks; after that the other asks again anyway.
constexpr int kUnheardTicks = 3;

}  // namespace

void Raft::Core::OnPeerLost(MemberId peer) {
  if (peer == kNobody || leader_ != peer || role() == Role::kLeader) return;
  leader_ = kNobody;
  const Membership& membership = configurations_.membership();
  const bool other_goes_first = AnswerUnheard();
  if (!MayCampaign()) return;
  failover_tries_ = kFastRehearsals;
  if (other_goes_first) {
    LetOtherGoFirst();
    return;
  }
  int rank = 0;
  for (const MemberId member : MembersExcept(membership, peer)) {
    if (member < options_.id && IsVoter(membership, member)) ++rank;
  }
  if (rank == 0) {
    RehearseFast();
  } else {
    failover_ticks_ = rank + static_cast<int>(random_.Below(2));
  }
}

// Another may have lost the leader a moment before this member and asked in
// vain. Returns true where it now has this member's pre-vote.
bool Raft::Core::AnswerUnheard() {
  const std::optional<Message> unheard = std::exchange(unheard_, std::nullopt);
  if (!unheard.has_value() || unheard_ticks_ > kUnheardTicks ||
      unheard->term <= term_) {
    return false;
  }
  return AnswerVoteRequest(*unheard, std::get<VoteRequest>(unheard->body));
}

void Raft::Core::RehearseFast() {
  --failover_tries_;
  failover_ticks_ = 1 + static_cast<int>(random_.Below(kRetryTicks));
  if (MayCampaign()) StartRehearsal();
}

void Raft::Core::TickFailover() {
  ++unheard_ticks_;
  if (failover_tries_ > 0 && --failover_ticks_ <= 0) RehearseFast();
}

// Whoever has this member's vote, or may soon have, gets time to use it.
void Raft::Core::LetOtherGoFirst() {
  if (failover_tries_ == 0) return;
  const int wait = 2 + static_cast<int>(random_.Below(2));
  failover_ticks_ = std::max(failover_ticks_, wait);
}

// The votes take a write to disk on each side, which a busy disk makes long.
void Raft::Core::WaitForVotes() {
  if (failover_tries_ == 0) return;
  failover_ticks_ =
      options_.election_ticks / 2 + static_cast<int>(random_.Below(3));
}

void Raft::Core::OnRefused() {
  if (failover_tries_ == 0) return;
  const int wait = 1 + static_cast<int>(random_.Below(kRetryTicks));
  failover_ticks_ = std::min(failover_ticks_, wait);
}

}  // namespace quorate::raft

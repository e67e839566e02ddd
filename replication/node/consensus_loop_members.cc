// Changes of the members and of leadership.

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "replication/node/consensus_loop_state.h"
#include "replication/node/membership_rules.h"

namespace quorate::replication {
namespace {

// A question about members that was not answered for so long may be lost.
constexpr absl::Duration kMembershipSilence = absl::Seconds(1);

// Learners are looked at this often, in ticks.
constexpr int kPromotionTicks = 4;

// Members are told who the members are this often, in ticks: a few hundred
// bytes to each in two seconds.
constexpr int kHintTicks = 40;

}  // namespace

void ConsensusLoop::State::Request(uint64_t call, MembershipRequest request,
                                   absl::Duration timeout) {
  const auto* change = std::get_if<raft::ConfigurationChange>(&request.what);
  // Sent to another member it would be read as a transfer.
  if (change != nullptr && change->changes.empty()) {
    output_.changes.push_back(
        {.call = call,
         .status = absl::InvalidArgumentError("a change without a member")});
    return;
  }
  if (Refuses()) {
    output_.changes.push_back(
        {.call = call,
         .status = absl::UnavailableError(
             "this member knows no leader; nothing was changed")});
    return;
  }
  membership_calls_.Add(call, std::move(request), clock_->SinceBoot() + timeout,
                        &output_.changes);
}

void ConsensusLoop::State::FlushMembershipCalls() {
  const raft::MemberId leader = KnownLeader();
  if (leader == raft::kNobody || membership_calls_.empty()) return;
  std::vector<MembershipRequest> requests = membership_calls_.TakePending(
      leader, clock_->SinceBoot(), &output_.changes);
  for (MembershipRequest& request : requests) {
    if (leader == id_) {
      Decide(id_, request);
    } else {
      Send(leader, std::move(request));
    }
  }
}

template <typename Judge>
auto ConsensusLoop::State::WithMembershipView(const Judge& judge) const {
  const raft::RaftStatus status = raft_.Status();
  const absl::Duration now = clock_->SinceBoot();
  // A leader hears of every member several times in an election timeout.
  const absl::Duration limit = options_.tick * options_.election_ticks;
  const auto answers = [&](raft::MemberId id) {
    if (id == id_) return true;
    const auto it = heard_.find(id);
    return it != heard_.end() && now - it->second <= limit;
  };
  const auto match = [&](raft::MemberId id) {
    for (const raft::PeerProgress& peer : status.peers) {
      if (peer.id == id) return peer.match;
    }
    return id == id_ ? status.last_index : raft::Index(0);
  };
  return judge(MembershipView{.current = raft_.configuration(),
                              .leader = id_,
                              .commit = status.commit,
                              .answers = answers,
                              .match = match});
}

// This member leads, and `asker` (it may be this one) wants a change.
void ConsensusLoop::State::Decide(raft::MemberId asker,
                                  const MembershipRequest& request) {
  const Asker who{.member = asker, .nonce = request.nonce};
  if (const auto* leap = std::get_if<CalendarLeap>(&request.what)) {
    AcceptLeap(who, leap->up_to_ms);
  } else if (const auto* transfer =
                 std::get_if<LeadershipTransfer>(&request.what)) {
    AcceptTransfer(who, transfer->to);
  } else {
    AcceptChange(who, std::get<raft::ConfigurationChange>(request.what));
  }
}

void ConsensusLoop::State::AcceptTransfer(const Asker& asker,
                                          raft::MemberId to) {
  const absl::Status status = BeginTransfer(to);
  if (!status.ok()) {
    AnswerMembership(asker.member, asker.nonce, status);
  } else {
    transfer_ = asker;
  }
}

void ConsensusLoop::State::AcceptChange(
    const Asker& asker, const raft::ConfigurationChange& change) {
  const absl::Status status = BeginChange(change);
  if (!status.ok()) {
    AnswerMembership(asker.member, asker.nonce, status);
  } else if (change_waiters_.size() >= MembershipCalls::kMaxCalls) {
    AnswerMembership(asker.member, asker.nonce,
                     absl::AbortedError("too many changes are under way"));
  } else {
    change_waiters_.push_back(asker);
  }
}

absl::Status ConsensusLoop::State::BeginTransfer(raft::MemberId to) {
  const absl::Status status = WithMembershipView(
      [to](const MembershipView& view) { return CheckTransfer(view, to); });
  if (!status.ok()) return status;
  const absl::Status begun = raft_.TransferLeadership(to);
  // Another is under way.
  if (absl::IsFailedPrecondition(begun)) {
    return absl::AbortedError(begun.message());
  }
  return begun;
}

absl::Status ConsensusLoop::State::BeginChange(
    const raft::ConfigurationChange& change) {
  if (IsDone(raft_.configuration(), change)) return absl::OkStatus();
  const absl::Status status =
      WithMembershipView([&change](const MembershipView& view) {
        return CheckChange(view, change);
      });
  if (!status.ok()) return status;
  const absl::Status begun =
      raft_.ProposeConfiguration(change, StampNow()).status();
  if (absl::IsUnavailable(begun)) return absl::AbortedError(begun.message());
  return begun;
}

void ConsensusLoop::State::AnswerMembership(raft::MemberId asker,
                                            uint64_t nonce,
                                            const absl::Status& status) {
  if (asker == id_) {
    membership_calls_.OnReply(nonce, status, &output_.changes);
  } else {
    Send(asker, MembershipReply{.nonce = nonce, .status = status});
  }
}

// Whoever waits for a change learns that it is committed, and that a joint
// configuration on the way to it is left.
void ConsensusLoop::State::AnswerCommittedChange() {
  if (change_waiters_.empty() || raft_.commit() < raft_.configuration_index() ||
      !raft_.configuration().membership.voters_outgoing.empty()) {
    return;
  }
  for (const Asker& asker : std::exchange(change_waiters_, {})) {
    AnswerMembership(asker.member, asker.nonce, absl::OkStatus());
  }
}

void ConsensusLoop::State::TellMembers() {
  ticks_since_hint_ = 0;
  SendToOthers(MembersHint{
      .index = raft_.configuration_index(),
      .configuration =
          std::make_shared<const raft::Configuration>(raft_.configuration())});
}

void ConsensusLoop::State::Take(raft::MemberId /*from*/, MembersHint&& hint) {
  if (hint.configuration == nullptr ||
      hint.index <= raft_.configuration_index() ||
      (hint_.configuration != nullptr && hint.index <= hint_.index)) {
    return;
  }
  hint_ = std::move(hint);
  joining_ = false;
}

// With whom to speak: the members, and those of a later configuration.
void ConsensusLoop::State::EmitAcquaintances() {
  const bool known =
      joining_ ? IsMember(id_) && raft_.configuration_index() != raft::Index(0)
               : raft_.configuration_index() >= hint_.index;
  if (known) {
    hint_ = MembersHint();
    joining_ = false;
  }
  if (configuration_ != nullptr && in_force_ == raft_.configuration() &&
      hinted_ == hint_.configuration) {
    return;
  }
  in_force_ = raft_.configuration();
  hinted_ = hint_.configuration;
  raft::Configuration all = in_force_;
  if (hint_.configuration != nullptr) {
    for (const raft::MemberAddress& member : hint_.configuration->addresses) {
      if (IsMember(member.id)) continue;
      all.addresses.push_back(member);
      all.membership.learners.push_back(member.id);
    }
    std::sort(all.addresses.begin(), all.addresses.end(),
              [](const auto& a, const auto& b) { return a.id < b.id; });
    std::sort(all.membership.learners.begin(), all.membership.learners.end());
  }
  configuration_ = std::make_shared<const raft::Configuration>(std::move(all));
  output_.configuration = configuration_;
  const auto is_stranger = [this](const auto& known) {
    return !IsMember(known.first);
  };
  std::erase_if(heard_, is_stranger);
  std::erase_if(witnessed_, is_stranger);
  TellMembers();
}

void ConsensusLoop::State::TickMembership(absl::Duration now) {
  if (++ticks_since_hint_ >= kHintTicks) TellMembers();
  membership_calls_.Expire(now, &output_.changes);
  membership_calls_.AskAgain(now - kMembershipSilence);
  if (!Leads()) return;
  if (transfer_.has_value() &&
      raft_.Status().transferring_to == raft::kNobody) {
    AnswerMembership(transfer_->member, transfer_->nonce,
                     absl::FailedPreconditionError(
                         "it did not take leadership over in time"));
    transfer_.reset();
  }
  if (raft_.configuration().membership.learners.empty() ||
      ++ticks_since_promotion_ < kPromotionTicks) {
    return;
  }
  ticks_since_promotion_ = 0;
  const raft::MemberId learner = WithMembershipView(LearnerToPromote);
  if (learner == raft::kNobody) return;
  // Where another change is under way a later look finds the learner again.
  (void)raft_.ProposeConfiguration(
      {.changes = {{.kind = raft::MemberChange::Kind::kAddVoter,
                    .id = learner}},
       .addresses = {}},
      StampNow());
}

// A voter whose disk is not short of room.
raft::MemberId ConsensusLoop::State::Successor(absl::Duration now) const {
  return WithMembershipView([this, now](const MembershipView& view) {
    return SuccessorWithRoom(view, [this, now](raft::MemberId id) {
      return !disk_reports_.PeerIsLow(id, now);
    });
  });
}

void ConsensusLoop::State::Take(raft::MemberId from,
                                MembershipRequest&& request) {
  if (Leads()) {
    Decide(from, request);
    return;
  }
  Send(from,
       MembershipReply{.nonce = request.nonce,
                       .status = absl::UnavailableError("not the leader")});
}

void ConsensusLoop::State::Take(raft::MemberId /*from*/,
                                MembershipReply&& reply) {
  membership_calls_.OnReply(reply.nonce, reply.status, &output_.changes);
}

}  // namespace quorate::replication

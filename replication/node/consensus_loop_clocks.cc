// The stamps of entries: the cluster's time and its calendar.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "base/log.h"
#include "replication/node/consensus_loop_state.h"

namespace quorate::replication {
namespace {

// The members' clocks are asked for this often. A reading lives for ten of
// these (Calendar::kReadingLife), so lost messages do no harm.
constexpr absl::Duration kAskClocks = absl::Seconds(1);

// A leader whose own clock is so far off hands over: it would take clients'
// certificates for ended or not begun, and who asks it must see the alarm.
constexpr absl::Duration kUnfitToLead = absl::Minutes(5);

// It tries this long after it began to lead, and after it tried: entries wait
// while leadership is handed over.
constexpr absl::Duration kStandAside = absl::Seconds(5);

// An answer to a question of so long ago was not asked by this process.
constexpr absl::Duration kLongestRoundTrip = absl::Minutes(1);

std::string ShowTime(int64_t calendar_ms) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ",
                          absl::FromUnixMillis(calendar_ms),
                          absl::UTCTimeZone());
}

}  // namespace

// This member begins to lead.
void ConsensusLoop::State::RunClocks() {
  const raft::Stamp last = raft_.last_stamp();
  cluster_clock_.Run(last.cluster_ms);
  calendar_.Run(last.calendar_ms);
  // A member that is alone goes by its own clock at once.
  calendar_.Advance(raft_.configuration().membership, id_);
  leap_index_ = raft::Index(0);
  stood_aside_ = clock_->SinceBoot();
  AskClocks();
}

void ConsensusLoop::State::AdvanceClocks() {
  cluster_clock_.Advance();
  if (!led_) return;
  calendar_.Advance(raft_.configuration().membership, id_);
  if (clock_->SinceBoot() - clocks_asked_ < kAskClocks) return;
  MaybeStandAside();
  AskClocks();
}

// Where the clocks of two are known and differ, nobody can tell whose is right,
// so it takes a majority of the voters that agree without this member.
void ConsensusLoop::State::MaybeStandAside() {
  if (clock_->SinceBoot() - stood_aside_ < kStandAside) return;
  const std::vector<raft::MemberId>& voters =
      raft_.configuration().membership.voters;
  bool unfit = false;
  size_t agree = 0;
  raft::MemberId best = raft::kNobody;
  absl::Duration best_off = kUnfitToLead;
  for (const CalendarState::Skew& skew : calendar_.State(id_).skews) {
    const absl::Duration off = absl::AbsDuration(skew.ahead);
    if (skew.id == id_) {
      unfit = off > kUnfitToLead;
      continue;
    }
    if (off > kUnfitToLead ||
        !std::binary_search(voters.begin(), voters.end(), skew.id)) {
      continue;
    }
    ++agree;
    if (off >= best_off) continue;
    best = skew.id;
    best_off = off;
  }
  if (!unfit || best == raft::kNobody || agree <= voters.size() / 2) return;
  stood_aside_ = clock_->SinceBoot();
  LogWarn("clock", "leader_stands_aside", {{"to", absl::StrCat(best.value())}});
  // Where it cannot be now, it is tried again.
  (void)raft_.TransferLeadership(best);
}

void ConsensusLoop::State::AskClocks() {
  clocks_asked_ = clock_->SinceBoot();
  SendToOthers(
      ClockRequest{.sent_us = absl::ToInt64Microseconds(clocks_asked_)});
}

void ConsensusLoop::State::Take(raft::MemberId from, ClockRequest&& request) {
  const int64_t shown = absl::ToUnixMillis(clock_->Calendar());
  Send(from, ClockReply{
                 .sent_us = request.sent_us,
                 .calendar_ms = std::clamp<int64_t>(shown, 0, kMaxCalendarMs)});
}

void ConsensusLoop::State::Take(raft::MemberId from, ClockReply&& reply) {
  if (!led_) return;
  const absl::Duration span =
      clock_->SinceBoot() - absl::Microseconds(reply.sent_us);
  // It comes back as it was sent, by a peer of ours.
  if (latencies_ != nullptr && span >= absl::ZeroDuration() &&
      span < kLongestRoundTrip) {
    latencies_->RecordRoundTrip(from.value(), span);
  }
  calendar_.OnReading(from, reply.calendar_ms,
                      absl::Microseconds(reply.sent_us));
}

// The stamp of an entry that is appended now. The core keeps stamps from going
// back.
raft::Stamp ConsensusLoop::State::StampNow() {
  cluster_clock_.Advance();
  calendar_.Advance(raft_.configuration().membership, id_);
  return raft::Stamp{.cluster_ms = cluster_clock_.cluster_ms(),
                     .calendar_ms = calendar_.calendar_ms()};
}

int64_t ConsensusLoop::State::ClusterMs() const {
  const int64_t last = raft_.last_stamp().cluster_ms;
  return led_ ? std::max(last, cluster_clock_.cluster_ms()) : last;
}

int64_t ConsensusLoop::State::CalendarMs() const {
  const int64_t last = raft_.last_stamp().calendar_ms;
  return led_ ? std::max(last, calendar_.calendar_ms()) : last;
}

// This member leads, and a person accepts the leap that the calendar holds
// back. It is made known by an entry at once: a leader that follows goes on
// from there, and one that knows nothing of it is asked again.
void ConsensusLoop::State::AcceptLeap(const Asker& asker, int64_t up_to_ms) {
  const absl::Status begun =
      leap_waiters_.empty() ? BeginLeap(up_to_ms) : absl::OkStatus();
  if (!begun.ok() || leap_index_ <= raft_.commit()) {
    AnswerMembership(asker.member, asker.nonce, begun);
  } else if (leap_waiters_.size() >= MembershipCalls::kMaxCalls) {
    AnswerMembership(asker.member, asker.nonce,
                     absl::AbortedError("too many wait for the leap"));
  } else {
    leap_waiters_.push_back(asker);
  }
}

// OK: leap_index_ is where the leap is made, or was. UNAVAILABLE, as good as no
// leader: asked again after some silence.
absl::Status ConsensusLoop::State::BeginLeap(int64_t up_to_ms) {
  raft::Stamp stamp = StampNow();
  const int64_t from_ms = stamp.calendar_ms;
  const int64_t to_ms = calendar_.quorum_ms();
  if (to_ms == 0) {
    return absl::UnavailableError("the clocks of a majority are not known");
  }
  if (!calendar_.held()) return absl::OkStatus();
  if (to_ms > up_to_ms) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the clocks of a majority show ", ShowTime(to_ms), " already"));
  }
  stamp.calendar_ms = to_ms;
  const auto index = raft_.ProposeStamp(stamp);
  if (!index.ok()) return absl::UnavailableError(index.status().message());
  calendar_.Accept(up_to_ms);
  leap_index_ = *index;
  LogWarn("clock", "leap_accepted",
          {{"from", ShowTime(from_ms)},
           {"to", ShowTime(to_ms)},
           {"up_to", ShowTime(up_to_ms)}});
  return absl::OkStatus();
}

void ConsensusLoop::State::AnswerCommittedLeap() {
  if (leap_waiters_.empty() || raft_.commit() < leap_index_ || !Leads()) return;
  for (const Asker& asker : std::exchange(leap_waiters_, {})) {
    AnswerMembership(asker.member, asker.nonce, absl::OkStatus());
  }
}

}  // namespace quorate::replication

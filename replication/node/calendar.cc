#include "replication/node/calendar.h"

#include <algorithm>
#include <iterator>

#include "replication/node/membership_rules.h"
#include "replication/raft/quorum.h"
#include "replication/transport/transport.h"

namespace quorate::replication {
namespace {

// Of the members there are, and of as many that were replaced while a reading
// lives.
constexpr size_t kMaxReadings = 2 * kMaxClusterMembers;

}  // namespace

void Calendar::Run(int64_t last_ms) {
  calendar_ = absl::Milliseconds(last_ms);
  looked_ = clock_->SinceBoot();
  started_ = last_ms != 0;
  room_ = kFreeLeap;
  quorum_ms_ = 0;
  held_ = false;
  readings_.clear();
}

void Calendar::OnReading(raft::MemberId member, int64_t calendar_ms,
                         absl::Duration asked) {
  const absl::Duration now = clock_->SinceBoot();
  // An answer that was long under way says little, and one from the future is
  // no answer to a question of ours.
  if (asked > now || now - asked > kSlowAnswer) return;
  if (readings_.size() >= kMaxReadings) ForgetOldReadings(now);
  if (readings_.size() >= kMaxReadings && readings_.count(member) == 0) return;
  readings_[member] = {.calendar = absl::Milliseconds(calendar_ms), .at = now};
}

void Calendar::ForgetOldReadings(absl::Duration now) {
  for (auto it = readings_.begin(); it != readings_.end();) {
    it = now - it->second.at > kReadingLife ? readings_.erase(it)
                                            : std::next(it);
  }
}

int64_t Calendar::ShownMs(raft::MemberId member, raft::MemberId self) const {
  if (member == self) {
    // A clock before 1970 has reached nothing.
    return std::clamp<int64_t>(absl::ToUnixMillis(clock_->Calendar()), 0,
                               kMaxCalendarMs);
  }
  const auto it = readings_.find(member);
  if (it == readings_.end()) return 0;
  const absl::Duration age = clock_->SinceBoot() - it->second.at;
  if (age > kReadingLife) return 0;
  return absl::ToInt64Milliseconds(it->second.calendar + age);
}

void Calendar::Advance(const raft::Membership& membership,
                       raft::MemberId self) {
  const absl::Duration now = clock_->SinceBoot();
  // A clock that went back would be broken; then nothing has passed.
  const absl::Duration passed = std::max(now - looked_, absl::ZeroDuration());
  if (started_) calendar_ += std::min(passed, step_limit_);
  looked_ = now;
  room_ = std::min(room_ + passed, kFreeLeap);

  const raft::Index quorum =
      raft::QuorumIndex(membership, [&](raft::MemberId member) {
        return raft::Index(static_cast<uint64_t>(ShownMs(member, self)));
      });
  quorum_ms_ =
      quorum == raft::kEveryIndex ? 0 : static_cast<int64_t>(quorum.value());
  held_ = false;
  if (quorum_ms_ <= calendar_ms()) return;
  const absl::Duration leap = absl::Milliseconds(quorum_ms_) - calendar_;
  if (started_ && leap > room_) {
    held_ = true;
    return;
  }
  if (started_) room_ -= leap;
  calendar_ = absl::Milliseconds(quorum_ms_);
  started_ = true;
}

bool Calendar::Accept(int64_t up_to_ms) {
  if (!held_ || quorum_ms_ > up_to_ms) return false;
  calendar_ = absl::Milliseconds(quorum_ms_);
  held_ = false;
  return true;
}

CalendarState Calendar::State(raft::MemberId self) const {
  CalendarState state{
      .calendar_ms = calendar_ms(), .quorum_ms = quorum_ms_, .held = held_};
  if (quorum_ms_ == 0) return state;
  state.behind = absl::Milliseconds(quorum_ms_) + kBehindLimit < calendar_;
  const auto add = [&](raft::MemberId member) {
    const int64_t shown = ShownMs(member, self);
    if (shown == 0) return;
    state.skews.push_back(
        {.id = member, .ahead = absl::Milliseconds(shown - quorum_ms_)});
  };
  for (auto it = readings_.begin(); it != readings_.end(); ++it) {
    if (it->first != self) add(it->first);
  }
  add(self);
  std::sort(state.skews.begin(), state.skews.end(),
            [](const CalendarState::Skew& a, const CalendarState::Skew& b) {
              return a.id < b.id;
            });
  return state;
}

}  // namespace quorate::replication

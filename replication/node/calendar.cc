#include "replication/node/calendar.h"

#include <algorithm>

#include "replication/raft/quorum.h"

namespace quorate::replication {
namespace {

// More members than that are not in a cluster; the rest are left-overs.
constexpr size_t kMaxReadings = 64;

}  // namespace

void Calendar::Run(int64_t last_ms) {
  calendar_ = absl::Milliseconds(last_ms);
  looked_ = clock_->SinceBoot();
  started_ = last_ms != 0;
  accepted_ms_ = 0;
  quorum_ms_ = 0;
  held_ = false;
  readings_.clear();
}

void Calendar::OnReading(raft::MemberId member, int64_t calendar_ms,
                         absl::Duration asked) {
  const absl::Duration now = clock_->SinceBoot();
  // An answer that was long under way says little, and one from the future is
  // no answer to a question of ours.
  if (asked > now || now - asked > kReadingLife) return;
  if (readings_.size() >= kMaxReadings && readings_.count(member) == 0) return;
  readings_[member] = {.calendar = absl::Milliseconds(calendar_ms), .at = now};
}

int64_t Calendar::OwnMs() const {
  return absl::ToUnixMillis(clock_->Calendar());
}

int64_t Calendar::ReadingMs(raft::MemberId member, raft::MemberId self) const {
  if (member == self) return OwnMs();
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
  calendar_ += std::clamp(now - looked_, absl::ZeroDuration(), step_limit_);
  looked_ = now;

  // A clock before 1970 has reached nothing.
  const raft::Index quorum =
      raft::QuorumIndex(membership, [&](raft::MemberId member) {
        return raft::Index(static_cast<uint64_t>(
            std::max<int64_t>(ReadingMs(member, self), 0)));
      });
  quorum_ms_ =
      quorum == raft::kEveryIndex ? 0 : static_cast<int64_t>(quorum.value());
  held_ = false;
  if (quorum_ms_ <= calendar_ms()) return;
  const absl::Duration leap = absl::Milliseconds(quorum_ms_) - calendar_;
  if (started_ && leap > kFreeLeap && quorum_ms_ > accepted_ms_) {
    held_ = true;
    return;
  }
  calendar_ = absl::Milliseconds(quorum_ms_);
  started_ = true;
}

void Calendar::Accept(int64_t up_to_ms) {
  accepted_ms_ = std::max(accepted_ms_, up_to_ms);
}

CalendarState Calendar::State(raft::MemberId self) const {
  CalendarState state{
      .calendar_ms = calendar_ms(), .quorum_ms = quorum_ms_, .held = held_};
  state.behind = quorum_ms_ != 0 &&
                 absl::Milliseconds(quorum_ms_) + kBehindLimit < calendar_;
  for (const auto& [member, reading] : readings_) {
    const int64_t shown = ReadingMs(member, self);
    if (shown == 0 || member == self) continue;
    state.skews.push_back(
        {.id = member, .ahead = absl::Milliseconds(shown - OwnMs())});
  }
  return state;
}

}  // namespace quorate::replication

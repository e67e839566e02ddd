#include "replication/raft/progress.h"

#include <algorithm>

#include "base/check.h"

namespace quorate::raft {

void Inflights::Add(Index last, size_t bytes) {
  QUORATE_CHECK(!Full());
  if (count_ == ring_.size()) {
    std::rotate(ring_.begin(), ring_.begin() + static_cast<ptrdiff_t>(start_),
                ring_.end());
    start_ = 0;
    // Twice as large, so that a member that is always up to date costs little.
    ring_.resize(std::min(limits_.messages, std::max<size_t>(4, 2 * count_)));
  }
  ring_[(start_ + count_) % ring_.size()] = {last, bytes};
  ++count_;
  bytes_ += bytes;
}

void Inflights::FreeUpTo(Index index) {
  while (count_ > 0 && ring_[start_].last <= index) {
    bytes_ -= ring_[start_].bytes;
    start_ = (start_ + 1) % ring_.size();
    --count_;
  }
}

void Inflights::Clear() {
  start_ = 0;
  count_ = 0;
  bytes_ = 0;
}

bool Progress::Paused() const {
  switch (state_) {
    case State::kProbe:
      return probe_sent_;
    case State::kReplicate:
      return inflights_.Full();
    case State::kSnapshot:
      return true;
  }
  return true;
}

void Progress::OnSent(Index last, size_t bytes, Index told_commit) {
  told_commit_ = std::max(told_commit_, told_commit);
  poke = false;
  if (state_ == State::kProbe) {
    probe_sent_ = true;
    return;
  }
  if (last < next_) return;
  inflights_.Add(last, bytes);
  next_ = last.Next();
}

bool Progress::OnAccepted(Index match, Index first_index) {
  if (match < match_) return false;
  if (match == match_ && state_ == State::kReplicate) return false;
  if (match == match_ && state_ == State::kSnapshot) return false;
  match_ = match;
  probe_sent_ = false;
  if (state_ == State::kSnapshot) {
    // Every acknowledgement counts; but entries are of use only where the log
    // still has the next one.
    next_ = std::max(next_, match.Next());
    if (match.Next() < first_index) return true;
  }
  if (state_ != State::kReplicate) {
    state_ = State::kReplicate;
    next_ = match.Next();
    return true;
  }
  next_ = std::max(next_, match.Next());
  inflights_.FreeUpTo(match);
  return true;
}

bool Progress::OnRejected(Index rejected, Index hint) {
  // A member does not refuse what it has acknowledged. Where it does all the
  // same it has lost its disk, and answering at once would only turn in
  // circles.
  if (rejected <= match_ || state_ == State::kSnapshot) return false;
  if (state_ == State::kReplicate) {
    BecomeProbe();
    return true;
  }
  // Probes go out one at a time, so only the refusal of the last one counts.
  if (rejected != next_.Previous()) return false;
  next_ = std::max(std::min(rejected, hint.Next()), match_.Next());
  told_commit_ = std::min(told_commit_, match_);
  probe_sent_ = false;
  return true;
}

void Progress::BecomeSnapshot(Index at_least) {
  QUORATE_CHECK(at_least > match_);
  BecomeProbe();
  state_ = State::kSnapshot;
  next_ = at_least.Next();
}

void Progress::OnSnapshotEnded(bool delivered, Index at_least) {
  if (state_ != State::kSnapshot) return;
  BecomeProbe();
  if (delivered) next_ = std::max(next_, at_least.Next());
  probe_sent_ = !delivered;
}

void Progress::BecomeProbe() {
  state_ = State::kProbe;
  next_ = match_.Next();
  told_commit_ = std::min(told_commit_, match_);
  probe_sent_ = false;
  poke = false;
  inflights_.Clear();
}

}  // namespace quorate::raft

#include "replication/node/inbox.h"

#include <iterator>

#include "replication/transport/message_cost.h"

namespace quorate::replication {
namespace {

// A proposal or a read; a proposal's bytes are counted where it is kept until
// its end.
constexpr size_t kCallBytes = 256;

size_t CostOf(const OutsideEvent& event) {
  if (const auto* message = std::get_if<PeerMessage>(&event)) {
    return PeerMessageCost(*message);
  }
  return kCallBytes;
}

}  // namespace

bool Inbox::TryPush(OutsideEvent event) {
  const size_t bytes = CostOf(event);
  {
    MutexLock lock(&mu_);
    if (closed_ || outside_.size() >= max_events_ ||
        outside_bytes_ + bytes > max_bytes_) {
      return false;
    }
    outside_bytes_ += bytes;
    outside_.push_back(std::move(event));
    // Whoever found it empty wakes the thread; for the others it is awake.
    if (outside_.size() > 1) return true;
  }
  changed_.NotifyOne();
  return true;
}

void Inbox::Push(std::vector<InsideEvent> events) {
  if (events.empty()) return;
  {
    MutexLock lock(&mu_);
    if (closed_) return;
    std::move(events.begin(), events.end(), std::back_inserter(inside_));
  }
  changed_.NotifyOne();
}

void Inbox::PushLink(raft::MemberId peer, bool up) {
  {
    MutexLock lock(&mu_);
    if (closed_) return;
    LinkChange& change = links_[peer];
    change.up = up;
    if (!up) change.broke = true;
  }
  changed_.NotifyOne();
}

void Inbox::PushLost(raft::MemberId peer) {
  {
    MutexLock lock(&mu_);
    if (closed_) return;
    links_[peer].lost = true;
  }
  changed_.NotifyOne();
}

Inbox::Batch Inbox::Take(absl::Duration timeout, bool with_outside) {
  Batch batch;
  MutexLock lock(&mu_);
  const bool something = closed_ || !inside_.empty() || !links_.empty() ||
                         (with_outside && !outside_.empty());
  // One wait, not a loop: the caller looks at its clock and comes back.
  if (!something && timeout > absl::ZeroDuration()) {
    changed_.WaitFor(&mu_, timeout);
  }
  batch.closed = closed_;
  if (closed_) return batch;
  batch.inside.swap(inside_);
  batch.links.swap(links_);
  if (with_outside) {
    batch.outside.swap(outside_);
    outside_bytes_ = 0;
  }
  return batch;
}

void Inbox::Close() {
  {
    MutexLock lock(&mu_);
    closed_ = true;
    outside_.clear();
    inside_.clear();
  }
  changed_.NotifyAll();
}

}  // namespace quorate::replication

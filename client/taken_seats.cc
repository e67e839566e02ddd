// Seats that the cluster took away while the news of it was lost.
//
// News comes once, over one stream. A renewal counts what was taken, so that an
// application does not go on for ever with a seat that is somebody else's.

#include <algorithm>
#include <set>

#include "client/session_core.h"

namespace quorate {

void SessionCore::Hold(uint64_t seat) {
  MutexLock lock(&mu_);
  held_.insert(seat);
}

void SessionCore::LetGo(uint64_t seat) {
  MutexLock lock(&mu_);
  held_.erase(seat);
}

void SessionCore::OnSeatsTaken(uint64_t seats_taken) {
  {
    MutexLock lock(&mu_);
    if (seats_taken <= taken_ || asks_taken_) return;
    asks_taken_ = true;
  }
  client_->returns().Push([self = shared_from_this(), seats_taken] {
    self->FindTaken(seats_taken);
  });
}

void SessionCore::FindTaken(uint64_t seats_taken) {
  std::set<uint64_t> lost;
  {
    // Before the question: what is granted later is not missing.
    MutexLock lock(&mu_);
    lost = held_;
  }
  const auto grants = client_->ListGrants(name_, client_->Limits({}));
  if (grants.ok()) {
    for (const Seat::Grant& grant : *grants) {
      lost.erase(grant.handle);
    }
  } else {
    lost.clear();  // The next renewal says it again.
  }
  for (const uint64_t seat : lost) {
    {
      MutexLock lock(&mu_);
      if (held_.count(seat) == 0) continue;  // It was returned meanwhile.
    }
    OnSeatReleased(seat, "the cluster took it away");
  }
  MutexLock lock(&mu_);
  asks_taken_ = false;
  if (grants.ok()) taken_ = std::max(taken_, seats_taken);
}

}  // namespace quorate

#include "base/latency_book.h"

#include <algorithm>

namespace quorate {

LatencyBook::LatencyBook(const Clock* clock)
    : clock_(clock),
      checkout_(clock),
      change_(clock),
      commit_(clock),
      sync_(clock) {}

void LatencyBook::RecordRoundTrip(uint64_t peer, absl::Duration span) {
  std::shared_ptr<LatencySeries> series;
  {
    MutexLock lock(&mu_);
    if (peers_.count(peer) == 0 && peers_.size() >= kMaxPeers) {
      peers_.erase(std::min_element(
          peers_.begin(), peers_.end(), [](const auto& a, const auto& b) {
            return a.second.recorded < b.second.recorded;
          }));
    }
    Peer& found = peers_[peer];
    if (found.series == nullptr) {
      found.series = std::make_shared<LatencySeries>(clock_);
    }
    found.recorded = clock_->SinceBoot();
    series = found.series;
  }
  series->Record(span);
}

std::vector<LatencyBook::PeerSeries> LatencyBook::RoundTrips() const {
  MutexLock lock(&mu_);
  std::vector<PeerSeries> all;
  for (const auto& [peer, found] : peers_)
    all.push_back({.peer = peer, .series = found.series});
  return all;
}

}  // namespace quorate

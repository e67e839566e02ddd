// All that a member measures of how long things take.

#ifndef QUORATE_BASE_LATENCY_BOOK_H_
#define QUORATE_BASE_LATENCY_BOOK_H_

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "base/latency_series.h"
#include "base/mutex.h"

namespace quorate {

// Bounded: 1.2 MB for each series, so at most 14 MB. Thread-safe.
class LatencyBook {
 public:
  // Members have a new id each time they come back without data; a cluster has
  // five at most.
  static constexpr size_t kMaxPeers = 8;

  // `clock` is not owned.
  explicit LatencyBook(const Clock* clock);

  LatencyBook(const LatencyBook&) = delete;
  LatencyBook& operator=(const LatencyBook&) = delete;

  // A client's checkout, from its receipt to the answer.
  LatencySeries& checkout() { return checkout_; }

  // Any other single call that changes something, the same way.
  LatencySeries& change() { return change_; }

  // On the leader: a command, from its proposal to its commit.
  LatencySeries& commit() { return commit_; }

  // One synced write of the log.
  LatencySeries& sync() { return sync_; }

  // To another member's consensus thread and back. The peer that was heard
  // least lately makes room for a new one.
  void RecordRoundTrip(uint64_t peer, absl::Duration span);

  struct PeerSeries {
    uint64_t peer = 0;
    std::shared_ptr<const LatencySeries> series;
  };

  // By the peers' ids.
  std::vector<PeerSeries> RoundTrips() const;

 private:
  struct Peer {
    std::shared_ptr<LatencySeries> series;
    absl::Duration recorded;  // SinceBoot, last.
  };

  const Clock* const clock_;
  LatencySeries checkout_;
  LatencySeries change_;
  LatencySeries commit_;
  LatencySeries sync_;

  mutable Mutex mu_;
  std::map<uint64_t, Peer> peers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace quorate

#endif  // QUORATE_BASE_LATENCY_BOOK_H_

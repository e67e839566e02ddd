// Keeps what a transport delivers, and waits for it.

#ifndef QUORATE_TESTS_REPLICATION_TRANSPORT_RECORDING_SINK_H_
#define QUORATE_TESTS_REPLICATION_TRANSPORT_RECORDING_SINK_H_

#include <functional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "replication/transport/transport.h"

namespace quorate::replication {

// Thread-safe.
class RecordingSink : public PeerMessageSink {
 public:
  struct Seen {
    std::vector<PeerMessage> messages;
    std::vector<raft::MemberId> unreachable;
    std::vector<raft::MemberId> reachable;
    std::vector<raft::MemberId> lost;
    std::vector<std::pair<raft::MemberId, bool>> snapshots;
    int calls = 0;
  };

  bool OnPeerMessage(PeerMessage message) override {
    MutexLock lock(&mu_);
    ++seen_.calls;
    seen_.messages.push_back(std::move(message));
    changed_.NotifyAll();
    return true;
  }

  void OnPeerUnreachable(raft::MemberId peer) override {
    MutexLock lock(&mu_);
    ++seen_.calls;
    seen_.unreachable.push_back(peer);
    changed_.NotifyAll();
  }

  void OnPeerReachable(raft::MemberId peer) override {
    MutexLock lock(&mu_);
    ++seen_.calls;
    seen_.reachable.push_back(peer);
    changed_.NotifyAll();
  }

  void OnPeerLost(raft::MemberId peer) override {
    MutexLock lock(&mu_);
    ++seen_.calls;
    seen_.lost.push_back(peer);
    changed_.NotifyAll();
  }

  void OnSnapshotSent(raft::MemberId to, bool delivered) override {
    MutexLock lock(&mu_);
    ++seen_.calls;
    seen_.snapshots.emplace_back(to, delivered);
    changed_.NotifyAll();
  }

  Seen seen() const {
    MutexLock lock(&mu_);
    return seen_;
  }

  void Forget() {
    MutexLock lock(&mu_);
    seen_ = Seen();
  }

  // False where it did not come true within a minute.
  bool WaitFor(const std::function<bool(const Seen&)>& condition) {
    return WaitFor(condition, SystemClock().SinceBoot() + absl::Seconds(60));
  }

  bool WaitFor(const std::function<bool(const Seen&)>& condition,
               absl::Duration until) {
    MutexLock lock(&mu_);
    while (!condition(seen_)) {
      if (SystemClock().SinceBoot() >= until) return false;
      changed_.WaitFor(&mu_, absl::Milliseconds(100));
    }
    return true;
  }

  bool WaitForReachable(size_t times) {
    return WaitFor(
        [=](const Seen& seen) { return seen.reachable.size() >= times; });
  }

  bool WaitForUnreachable(size_t times) {
    return WaitFor(
        [=](const Seen& seen) { return seen.unreachable.size() >= times; });
  }

  bool WaitForLost(size_t times) {
    return WaitFor([=](const Seen& seen) { return seen.lost.size() >= times; });
  }

  bool WaitForSnapshots(size_t times) {
    return WaitFor(
        [=](const Seen& seen) { return seen.snapshots.size() >= times; });
  }

  bool WaitForMessages(size_t count) {
    return WaitFor(
        [=](const Seen& seen) { return seen.messages.size() >= count; });
  }

 private:
  mutable Mutex mu_;
  CondVar changed_;
  Seen seen_ ABSL_GUARDED_BY(mu_);
};

}  // namespace quorate::replication

#endif  // QUORATE_TESTS_REPLICATION_TRANSPORT_RECORDING_SINK_H_

// From the applier to the streams: what sessions' clients want to know at once.

#ifndef QUORATE_SERVER_RPC_SESSION_EVENT_FEED_H_
#define QUORATE_SERVER_RPC_SESSION_EVENT_FEED_H_

#include <functional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"

#include "base/mutex.h"
#include "server/licensing/ledger.h"

namespace quorate::server {

// Hands the events of each entry to one listener, on the applier thread. It
// keeps none: a client that misses one finds out by asking. Thread-safe.
class SessionEventFeed {
 public:
  using Listener = std::function<void(const licensing::LedgerEvent&)>;

  SessionEventFeed() = default;
  SessionEventFeed(const SessionEventFeed&) = delete;
  SessionEventFeed& operator=(const SessionEventFeed&) = delete;

  // Null: nobody. Once it returns, the one before is not called any more. The
  // listener must not block.
  void Listen(Listener listener) {
    MutexLock lock(&mu_);
    listener_ = std::move(listener);
  }

  void Publish(const std::vector<licensing::LedgerEvent>& events) {
    if (events.empty()) return;
    MutexLock lock(&mu_);
    if (listener_ == nullptr) return;
    for (const licensing::LedgerEvent& event : events)
      listener_(event);
  }

 private:
  Mutex mu_;
  Listener listener_ ABSL_GUARDED_BY(mu_);
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_SESSION_EVENT_FEED_H_

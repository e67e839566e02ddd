// Keeps the sessions of one process alive.

#ifndef QUORATE_CLIENT_KEEP_ALIVE_H_
#define QUORATE_CLIENT_KEEP_ALIVE_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "client/endpoint_set.h"
#include "client/keep_alive_stream.h"
#include "client/lease_book.h"

namespace quorate {

// Renews any number of sessions over one stream, which it opens when the first
// renewal is due and moves to another member as soon as it breaks, is refused
// or falls silent. One thread, begun with the first session. Thread-safe.
class KeepAlive {
 public:
  // Called on the keep-alive thread, so they must return quickly; none comes
  // after Remove has returned, nor after a loss.
  struct Listener {
    // And how many seats the cluster has taken away from the session so far.
    std::function<void(absl::Duration valid_until, uint64_t seats_taken)>
        extended;
    std::function<void(LossReason)> lost;
    // News of the session; may be lost with a stream.
    std::function<void(const checkout::v1::SessionEvent&)> news;
  };

  // Neither is owned.
  KeepAlive(EndpointSet* endpoints, const Clock* clock,
            absl::Duration answer_timeout);
  ~KeepAlive();

  KeepAlive(const KeepAlive&) = delete;
  KeepAlive& operator=(const KeepAlive&) = delete;

  // `sent` is when the call that opened the session was first sent.
  void Add(const std::string& name, absl::Duration ttl, absl::Duration sent,
           Listener listener);

  // Waits for a listener of this session that is being called, unless it is
  // called from there.
  void Remove(const std::string& name);

  // Renews a session at once, over a stream that then brings its news.
  void RenewNow(const std::string& name);

  // The session's user did something. Told with its next renewal.
  void ReportActivity(const std::string& name);

  // Ends the thread and the streams; waits for both. Nothing is called after.
  void Stop();

  // Looks at the clock again now. For tests that set the clock.
  void WakeForTest();

 private:
  struct Event {
    uint64_t stream;  // Its number.
    std::optional<checkout::v1::KeepAliveResponse> response;
    absl::Status end;  // Where there is no response.
  };

  // One change for one session, to be told to its listener.
  struct Notice {
    std::string name;
    std::optional<absl::Duration> valid_until;
    LossReason loss = LossReason::kGone;
    std::optional<checkout::v1::SessionEvent> news = std::nullopt;
    uint64_t seats_taken = 0;  // With valid_until.
  };

  void Loop();
  // Takes what has happened and decides; what must be done without the lock
  // comes back; streams that have ended are in `ended`.
  LeaseBook::Plan Step(std::vector<Notice>* notices,
                       std::vector<uint64_t>* ended)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void TakeEvent(const Event& event, absl::Duration now,
                 std::vector<Notice>* notices)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Carry(const LeaseBook::Plan& plan);
  void OpenStream();
  void DropStream();
  void Forget(uint64_t number);
  void Tell(const std::vector<Notice>& notices);
  void Push(Event event);
  void StreamEnded(Event event);

  // Constant after construction.
  EndpointSet* const endpoints_;
  const Clock* const clock_;

  // Confined to the keep-alive thread: by number, until their end is known.
  std::map<uint64_t, std::unique_ptr<KeepAliveStream>> streams_;
  KeepAliveStream* current_ = nullptr;  // Null where none is in use.

  Mutex mu_;
  CondVar changed_;
  LeaseBook book_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, Listener> listeners_ ABSL_GUARDED_BY(mu_);
  // At most one answer for each message sent, and one end for each stream.
  std::deque<Event> events_ ABSL_GUARDED_BY(mu_);
  std::string telling_ ABSL_GUARDED_BY(mu_);  // Whose listener is being called.
  uint64_t stream_number_ ABSL_GUARDED_BY(mu_) = 0;
  bool stream_open_ ABSL_GUARDED_BY(mu_) = false;
  size_t stream_endpoint_ ABSL_GUARDED_BY(mu_) = 0;
  // How often each endpoint failed since the last acknowledgement.
  std::vector<int> tries_ ABSL_GUARDED_BY(mu_);
  int streams_alive_ ABSL_GUARDED_BY(mu_) = 0;  // Until their end.
  bool woken_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool started_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // Begun under mu_, joined by Stop alone.
};

}  // namespace quorate

#endif  // QUORATE_CLIENT_KEEP_ALIVE_H_

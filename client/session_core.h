// What a session, its seats and the client share.

#ifndef QUORATE_CLIENT_SESSION_CORE_H_
#define QUORATE_CLIENT_SESSION_CORE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "client/caller.h"
#include "client/client_options.h"
#include "client/endpoint_set.h"
#include "client/keep_alive.h"
#include "client/loss_reason.h"
#include "client/seat.h"
#include "client/session.h"
#include "client/task_thread.h"

namespace quorate::checkout::v1 {
class CheckoutRequest;
class CheckoutResponse;
class SessionEvent;
}  // namespace quorate::checkout::v1

namespace quorate {

class ClientCore;

// One session. Kept alive by its Session, its Seats and the tasks in its name,
// which end in any order: hence shared pointers. Thread-safe.
class SessionCore final : public std::enable_shared_from_this<SessionCore> {
 public:
  // What the application wants to hear of.
  struct Callbacks {
    std::function<void(LossReason)> lost;
    std::function<void(uint64_t, const std::string&)> seat_released;
    std::function<void(uint64_t, absl::Duration)> seat_idle;
    std::function<void(uint64_t, absl::Duration)> seat_called_back;
  };

  // Sessions may outlive the Client: they share its core.
  SessionCore(std::shared_ptr<ClientCore> client, std::string name,
              absl::Duration ttl, Callbacks callbacks);

  SessionCore(const SessionCore&) = delete;
  SessionCore& operator=(const SessionCore&) = delete;

  const std::string& name() const { return name_; }

  absl::Duration ttl() const { return ttl_; }

  // Begins to be renewed; `sent` as KeepAlive::Add.
  void Start(absl::Duration sent);

  absl::Duration TimeLeft() const;

  // The session is valid and nobody took this seat of it away.
  bool Holds(uint64_t seat) const;

  std::string termination_reason() const;

  // See Session.
  void ReportActivity();

  absl::Status Resize(uint64_t seat, uint32_t count,
                      const CallOptions& options);

  // By Seat::Borrow; the options have a request_id (borrowing.cc).
  absl::StatusOr<Borrowed> Borrow(uint64_t seat, const BorrowEnd& end,
                                  const CallOptions& options);

  // borrowing.cc
  absl::StatusOr<std::vector<Seat>> ConfirmBooking(const std::string& booking,
                                                   const CallOptions& options);

  absl::StatusOr<std::vector<Seat>> Checkout(
      absl::Span<const SeatRequest> requests, const CallOptions& options);

  // Waits in the queue where it has to (waiting_checkout.cc).
  absl::StatusOr<std::vector<Seat>> CheckoutOrWait(
      absl::Span<const SeatRequest> requests, const WaitOptions& wait,
      const CallOptions& options);

  // Ends the waits that are under way.
  void CancelWaits();

  // One seat, by Seat::Return.
  absl::Status Checkin(uint64_t seat, const CallOptions& options);

  // Returns a seat in the background, together with others.
  void CheckinLater(uint64_t seat);

  absl::Status Close(const CallOptions& options);

  // See Session.
  void Detach();

  // Closes in the background; nothing where it is closed or lost.
  void CloseLater();

  // on_lost is not called from now on; waits for one that runs on another
  // thread.
  void Silence();

  // The client is gone: not valid any more, and nothing to return.
  void Abandon();

  // A seat of an attached session, or one that was just granted.
  void Hold(uint64_t seat);

 private:
  enum class State { kOpen, kLost, kClosed };

  // What a waiting checkout waits for, besides the time.
  struct Waiting {
    bool news = false;
    bool cancelled = false;
  };

  // Why nothing may be checked out; OK where it may.
  absl::Status CheckOpen() const;
  absl::Status Fill(absl::Span<const SeatRequest> requests,
                    const CallOptions& options,
                    checkout::v1::CheckoutRequest* request) const;
  absl::Status Ask(const checkout::v1::CheckoutRequest& request,
                   const CallOptions& options,
                   checkout::v1::CheckoutResponse* response);
  absl::StatusOr<std::vector<Seat>> Take(
      const checkout::v1::CheckoutResponse& response, size_t wanted);
  absl::StatusOr<std::vector<Seat>> AskUntilSettled(
      const checkout::v1::CheckoutRequest& request, size_t wanted,
      const WaitOptions& wait, const CallOptions& options);
  // Waits for news of the checkout, for at most so long; false where it was
  // cancelled.
  bool WaitForNews(const std::string& request_id, absl::Duration span);
  void OnNews(const checkout::v1::SessionEvent& event);
  void OnGranted(const std::string& request_id);
  void OnSeatReleased(uint64_t seat, const std::string& reason);
  void OnSeatIdle(uint64_t seat, absl::Duration left);
  void OnSeatCalledBack(uint64_t seat, absl::Duration left);
  void GiveUpLater(const std::string& request_id);

  void Lose(LossReason reason);
  // Hands `status` on, and takes the session for lost where it says so.
  absl::Status Heed(absl::Status status);
  void RunCallback(const std::function<void(const Callbacks&)>& call);
  void CloseAfterLoss();
  void FlushReturns();
  absl::Status SendClose(const CallOptions& options);
  // From kOpen to `next`; false where it was not open.
  bool Leave(State next);
  State state() const;

  // taken_seats.cc
  // A renewal says how many seats the cluster has taken away so far. Where that
  // is more than what there was news of, it is asked which.
  void OnSeatsTaken(uint64_t seats_taken);
  void FindTaken(uint64_t seats_taken);
  void LetGo(uint64_t seat);

  // Constant after construction.
  const std::shared_ptr<ClientCore> client_;
  const std::string name_;
  const absl::Duration ttl_;

  // Nanoseconds of Clock::SinceBoot; 0 where the session is lost or closed.
  std::atomic<int64_t> valid_until_ns_{0};

  // The same of the last activity that was reported; 0: none was.
  std::atomic<int64_t> active_at_ns_{0};
  // A seat is about to be taken away: activity is told at once.
  std::atomic<bool> warned_{false};

  mutable Mutex mu_;
  CondVar callback_done_;
  CondVar news_came_;
  // By the request_id of the checkout.
  std::map<std::string, Waiting> waiting_ ABSL_GUARDED_BY(mu_);
  State state_ ABSL_GUARDED_BY(mu_) = State::kOpen;
  Callbacks callbacks_ ABSL_GUARDED_BY(mu_);
  bool silent_ ABSL_GUARDED_BY(mu_) = false;
  std::string termination_reason_ ABSL_GUARDED_BY(mu_);
  // Seats that were taken away and not returned yet; at most those it holds.
  std::set<uint64_t> released_ ABSL_GUARDED_BY(mu_);
  // Of which it was told, by news or by asking.
  uint64_t taken_ ABSL_GUARDED_BY(mu_) = 0;
  bool asks_taken_ ABSL_GUARDED_BY(mu_) = false;
  // Seats that it was granted and neither returned nor lost.
  std::set<uint64_t> held_ ABSL_GUARDED_BY(mu_);
  std::atomic<bool> some_released_{false};  // Spares IsValid the lock.
  std::thread::id callback_thread_ ABSL_GUARDED_BY(mu_);  // While it runs.
  // Seats to return; at most those that the session holds.
  std::vector<uint64_t> returns_ ABSL_GUARDED_BY(mu_);
};

// What all sessions of a client share. Thread-safe.
class ClientCore final : public std::enable_shared_from_this<ClientCore> {
 public:
  // `options` must be valid; `clock` is not owned.
  ClientCore(ClientOptions options, const Clock* clock);

  ClientCore(const ClientCore&) = delete;
  ClientCore& operator=(const ClientCore&) = delete;

  absl::StatusOr<std::shared_ptr<SessionCore>> Open(SessionOptions options,
                                                    const CallOptions& call);

  // Renews a session and takes it up; `seats` are those that it holds
  // (attached_session.cc).
  absl::StatusOr<std::shared_ptr<SessionCore>> Attach(
      const std::string& session, SessionOptions options,
      const CallOptions& call, std::vector<Seat>* seats);

  // borrowing.cc
  absl::Status ReturnBorrow(const std::string& borrow,
                            const CallOptions& options);

  CallLimits Limits(const CallOptions& options) const;

  void Forget(const std::string& session);

  // See Client::CancelCalls.
  void CancelCalls();

  // See ~Client.
  void Shutdown();

  const Clock& clock() const { return *clock_; }

  Caller& caller() { return caller_; }

  KeepAlive& keep_alive() { return keep_alive_; }

  // For check-ins and closings in the background.
  TaskThread& returns() { return returns_; }

  // For on_lost, which may take its time.
  TaskThread& callbacks() { return callbacks_; }

  // What a session of this client holds, as the cluster says.
  absl::StatusOr<std::vector<Seat::Grant>> ListGrants(
      const std::string& session, const CallLimits& limits);

 private:
  // The TTL that a session has left, counted from `sent`.
  absl::StatusOr<absl::Duration> RenewOnce(const std::string& session,
                                           const CallLimits& limits,
                                           absl::Duration* sent);
  std::vector<std::shared_ptr<SessionCore>> OpenSessions();

  // Constant after construction.
  const ClientOptions options_;
  const Clock* const clock_;

  // In this order: each uses the ones above it.
  EndpointSet endpoints_;
  Caller caller_;
  KeepAlive keep_alive_;
  TaskThread returns_;
  TaskThread callbacks_;

  Mutex mu_;
  std::map<std::string, std::weak_ptr<SessionCore>> open_ ABSL_GUARDED_BY(mu_);
};

}  // namespace quorate

#endif  // QUORATE_CLIENT_SESSION_CORE_H_

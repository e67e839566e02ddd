// One running application, as the cluster sees it.

#ifndef QUORATE_CLIENT_SESSION_H_
#define QUORATE_CLIENT_SESSION_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "client/client_options.h"
#include "client/loss_reason.h"
#include "client/seat.h"

namespace quorate {

class SessionCore;

// Each field has a value where it is not named: {.application = "viewer"}.
// Thread-compatible.
struct SessionOptions {
  // Shown to administrators; at most 256 bytes each, no control characters.
  // Login name, machine and process are filled in where they are empty.
  std::string user = {};
  std::string host = {};
  std::string display = {};
  std::string application = {};
  std::string version = {};
  std::string project = {};
  int64_t process_id = 0;

  // How long the seats are held without a renewal, so how long an outage may
  // be before they must be given up, and how long the seats of a program that
  // crashed stay out: 10 s to 1 h.
  absl::Duration ttl = absl::Seconds(120);

  // Called once, when the session is lost: its seats must not be used any
  // more, and another session has to be opened for new ones. Comes on a thread
  // of the library; may take its time and may call this library, but must not
  // destroy the Client. Not called after ~Session has returned.
  std::function<void(LossReason)> on_lost = {};

  // Called when one seat was taken away, with its handle and the reason that
  // an administrator gave, "idle", or "called back": it is not valid any more.
  // As on_lost otherwise.
  std::function<void(uint64_t seat, const std::string& reason)>
      on_seat_released = {};

  // Called when a seat is about to be taken away since its user does nothing,
  // with its handle and how long that will take. Ask him: Session::
  // ReportActivity keeps it. As on_lost otherwise.
  std::function<void(uint64_t seat, absl::Duration left)> on_seat_idle = {};

  // Called when a seat was lent to this session and is wanted back, with its
  // handle and how long it is until it is taken away, whatever the user does:
  // let him save, then return it. Again with absl::InfiniteDuration() where it
  // is not wanted any more. As on_lost otherwise.
  std::function<void(uint64_t seat, absl::Duration left)> on_seat_called_back =
      {};
};

// One thing to check out. Thread-compatible.
struct SeatRequest {
  std::string feature = {};
  uint32_t count = 1;

  // The version that the licence must cover; where empty, that of the session.
  std::string version = {};

  // When that version was released; needed where a licence's maintenance ends.
  absl::Time released = absl::InfinitePast();

  // What the seats must have, like {"region", "eu"}; at most 8.
  std::map<std::string, std::string> attributes = {};

  // Where the licence lets seats be shared by a key: seats with one key count
  // as one, the largest.
  std::string share_key = {};
};

// Where a checkout stands that waits.
struct QueuePlace {
  uint64_t number = 0;    // As administrators see it; stays the same.
  uint64_t position = 0;  // 1 is next. It may grow: see docs/licensing.md.
  absl::Duration expected_wait = absl::ZeroDuration();  // 0: not known.
};

// How to wait for a seat that is not free.
struct WaitOptions {
  // For how long: up to 7 days. Counted by the cluster, and not while no
  // member leads.
  absl::Duration wait = absl::ZeroDuration();

  uint32_t priority = 5;  // 0 to 9, higher is served first.

  // Called on the waiting thread whenever the cluster was asked.
  std::function<void(const QueuePlace&)> on_place = {};
};

// Renewed by its Client for as long as it lives. Thread-safe.
class Session {
 public:
  // Made by Client::OpenSession.
  explicit Session(std::shared_ptr<SessionCore> core);

  // Closes the session in the background, which returns all its seats. Waits
  // for an on_lost that is running, unless it is called from there.
  ~Session();

  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // "sessions/" and a number, as administrators see it.
  const std::string& name() const;

  // The TTL in force.
  absl::Duration ttl() const;

  // True while the seats of the session may be used; see Seat::IsValid.
  bool IsValid() const;

  // How long it stays valid if no further renewal is acknowledged; 0 where it
  // is not.
  absl::Duration TimeLeft() const;

  // The user did something. Where the cluster's policy takes idle seats back,
  // it counts from here. From the first call on the cluster hears how long ago
  // the last one was; of a session that never calls it nothing is taken. Costs
  // little: it may be called for each key stroke.
  void ReportActivity();

  // What the administrator said who terminated it; empty where none did.
  std::string termination_reason() const;

  // Takes one seat of `count` units. Waits through a failover of the cluster,
  // for at most the deadline. Errors: FEATURE_UNKNOWN, POOL_EXHAUSTED,
  // COUNT_OVER_TOTAL, LICENSE_EXPIRED, LICENSE_NOT_STARTED, VERSION_NOT_COVERED
  // and the others of a licence's conditions, SESSION_NOT_FOUND (the session is
  // lost then), BAD_REQUEST, LIMIT_REACHED, NO_QUORUM and the other UNAVAILABLE
  // ones of docs/errors.md where the deadline passed.
  absl::StatusOr<Seat> Checkout(absl::string_view feature, uint32_t count = 1,
                                const CallOptions& options = {});
  absl::StatusOr<Seat> Checkout(const SeatRequest& request,
                                const CallOptions& options = {});

  // Takes seats for all requests (1 to 64) or for none; the answer is in their
  // order. Errors as Checkout.
  absl::StatusOr<std::vector<Seat>> CheckoutAll(
      absl::Span<const SeatRequest> requests, const CallOptions& options = {});

  // As the three above; where too few are free it takes a place in the
  // cluster's queue, and waits until seats are granted, the wait is over
  // (WAIT_TIMED_OUT), the session ends, or Client::CancelCalls is called
  // (CANCELLED; the place is then given up). The place survives failovers of
  // the cluster. `options.deadline` bounds each call to the cluster, not the
  // wait.
  absl::StatusOr<Seat> CheckoutOrWait(absl::string_view feature, uint32_t count,
                                      const WaitOptions& wait,
                                      const CallOptions& options = {});
  absl::StatusOr<Seat> CheckoutOrWait(const SeatRequest& request,
                                      const WaitOptions& wait,
                                      const CallOptions& options = {});
  absl::StatusOr<std::vector<Seat>> CheckoutAllOrWait(
      absl::Span<const SeatRequest> requests, const WaitOptions& wait,
      const CallOptions& options = {});

  // Takes all seats of a booking over that was made with the same certificate,
  // in the order of its items. Errors: BOOKING_NOT_FOUND, and as Checkout; the
  // booking is then as it was.
  absl::StatusOr<std::vector<Seat>> ConfirmBooking(
      const std::string& booking, const CallOptions& options = {});

  // As seat.Return().
  absl::Status Checkin(Seat seat, const CallOptions& options = {});

  // Leaves the session to another process, which Client::Attach takes it up
  // with before its lease ends: it is not renewed any more, and neither it nor
  // its seats are valid or go back from here.
  void Detach();

  // Ends the session, which returns all its seats, and waits for the answer.
  // OK also where the cluster had ended it before. After UNAVAILABLE or
  // DEADLINE_EXCEEDED the cluster ends it when its lease is over; it is
  // closed on this side in every case.
  absl::Status Close(const CallOptions& options = {});

 private:
  // Shared with the seats: the application destroys them in any order.
  const std::shared_ptr<SessionCore> core_;
};

}  // namespace quorate

#endif  // QUORATE_CLIENT_SESSION_H_

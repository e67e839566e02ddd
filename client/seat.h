// A seat that is held.

#ifndef QUORATE_CLIENT_SEAT_H_
#define QUORATE_CLIENT_SEAT_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "client/client_options.h"

namespace quorate {

class SessionCore;

// How long to borrow a seat: one of the two.
struct BorrowEnd {
  absl::Duration span = absl::ZeroDuration();  // From now.
  absl::Time until = absl::InfinitePast();
};

// A seat that is away.
struct Borrowed {
  std::string name = {};  // For Client::ReturnBorrow, and administrators.
  absl::Time until = absl::InfinitePast();  // So long it may be used.
  absl::Time free = absl::InfinitePast();   // When others may have it.
};

// One grant of some units of a feature. Owns the grant: when it is destroyed,
// or assigned over, the seat is returned in the background, once; Return does
// the same and tells how it went. May outlive its Session and its Client (the
// seat has then gone back with them). Moved-from seats are empty.
//
// Thread-compatible; IsValid may be called from any thread while no other one
// moves or returns the seat.
class Seat {
 public:
  // What was granted.
  struct Grant {
    uint64_t handle = 0;
    std::string feature;
    uint32_t count = 0;
    absl::Time grant_time;
  };

  // An empty seat: not valid, nothing to return.
  Seat() = default;
  Seat(std::shared_ptr<SessionCore> session, Grant grant);
  ~Seat();

  Seat(Seat&& other) noexcept;
  Seat& operator=(Seat&& other) noexcept;
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

  // The cluster's number for it, the same for as long as the seat is held.
  uint64_t handle() const { return grant_.handle; }

  const std::string& feature() const { return grant_.feature; }

  // Units.
  uint32_t count() const { return grant_.count; }

  // By the cluster's calendar. To be shown, not to be reckoned with.
  absl::Time grant_time() const { return grant_.grant_time; }

  // True while the seat may be used: it was not returned, the session was not
  // lost, and its last acknowledged renewal was sent less than a TTL ago by a
  // clock that also runs while the machine sleeps. Cheap: reads a clock and an
  // atomic, never the network.
  bool IsValid() const;

  // Makes it a seat of `count` units, at least 1. Where more are not free it
  // stays as it is; errors as Session::Checkout. After UNAVAILABLE or
  // DEADLINE_EXCEEDED it has one size or the other: resize again.
  absl::Status Resize(uint32_t count, const CallOptions& options = {});

  // Takes the seat away from the session, for a machine that will not reach the
  // cluster: it is out until then, whatever happens to this program. This Seat
  // is empty afterwards. Errors: BORROW_NOT_ALLOWED, BORROW_TOO_LONG,
  // BORROW_LIMIT, and as Session::Checkout; the seat is then held as before.
  // After UNAVAILABLE, DEADLINE_EXCEEDED or CANCELLED it may be borrowed or
  // not: borrow again, which is the same request.
  absl::StatusOr<Borrowed> Borrow(const BorrowEnd& end,
                                  const CallOptions& options = {});

  // Gives the seat back and waits for the answer. OK also where the session
  // was closed, or nothing is held. NOT_FOUND (SEAT_NOT_FOUND or
  // SESSION_NOT_FOUND) where it had been lost. Where the cluster cannot be
  // reached in time (UNAVAILABLE, DEADLINE_EXCEEDED) the seat is still held:
  // Return can be called again, the destructor tries once more.
  absl::Status Return(const CallOptions& options = {});

 private:
  // Shared with the session and other seats: the application destroys them in
  // any order. Null where nothing is held.
  std::shared_ptr<SessionCore> session_;
  Grant grant_;
  std::string return_id_;  // The request_id of a Return that failed,
  std::string borrow_id_;  // and of a Borrow.
};

}  // namespace quorate

#endif  // QUORATE_CLIENT_SEAT_H_

// A seat that is held.

#ifndef QUORATE_CLIENT_SEAT_H_
#define QUORATE_CLIENT_SEAT_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "client/client_options.h"

namespace quorate {

class SessionCore;

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
  std::string return_id_;  // The request_id of a Return that failed.
};

}  // namespace quorate

#endif  // QUORATE_CLIENT_SEAT_H_

// Gets a seat for a command and holds it.

#ifndef QUORATE_TOOLS_QUORATE_SEAT_HOLDING_H_
#define QUORATE_TOOLS_QUORATE_SEAT_HOLDING_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "client/client.h"
#include "tools/quorate/invocation.h"
#include "tools/quorate/signals.h"

namespace quorate::cli {

// What is asked for.
struct SeatWish {
  std::string feature = {};
  std::string booking = {};  // To be taken over, in place of a feature.
  uint32_t count = 1;
  std::string application = {};  // What administrators see.
  std::string ttl = "2m";
  std::string wait = {};  // Empty: not at all.
  uint32_t priority = 5;
  std::string version = {};
  std::string released = {};                 // "2026-01-31"; empty: not said.
  std::vector<std::string> attributes = {};  // "name=value" each.
  std::string share_key = {};
};

// Adds the flags that every way to get a seat has. `wish` outlives the parsing.
void AddWaitFlags(CLI::App* command, SeatWish* wish);
void AddItemFlags(CLI::App* command, SeatWish* wish);

// One session with one seat, or those of a booking, returned when this is
// destroyed. Thread-compatible.
class SeatHolding {
 public:
  struct Acquired {
    absl::StatusOr<std::unique_ptr<SeatHolding>> holding;
    int interrupted_by = 0;  // The signal that ended the wait.
  };

  // Waits for the answer, or for a signal that asks to end: then the status is
  // CANCELLED. `on_lost` is called on another thread.
  static Acquired Acquire(const ClientOptions& options, const SeatWish& wish,
                          Signals* signals,
                          std::function<void(LossReason)> on_lost);

  const Seat& seat() const { return seat_; }

  const std::string& session() const { return session_->name(); }

  // Takes the seat away and closes the session; where it cannot be borrowed it
  // is given back.
  absl::StatusOr<Borrowed> Borrow(const BorrowEnd& end);

  // Gives the seat back and closes the session; tells how the former went.
  absl::Status Return();

 private:
  // What the texts of a wish mean.
  struct Terms {
    SeatRequest request;
    absl::Duration ttl;
    absl::Duration wait = absl::ZeroDuration();
  };

  SeatHolding() = default;

  static absl::StatusOr<Terms> ReadTerms(const SeatWish& wish);
  absl::Status Take(const SeatWish& wish, const Terms& terms,
                    std::function<void(LossReason)> on_lost,
                    const std::atomic<bool>& interrupted);

  std::unique_ptr<Client> client_;
  std::unique_ptr<Session> session_;
  Seat seat_;
  std::vector<Seat> rest_;  // Of a booking.
};

// For SessionOptions::on_seat_called_back.
void SayCalledBack(uint64_t seat, absl::Duration left);

// As Fail; where no seat is free, also who holds them.
int FailCheckout(const Invocation& invocation, const ClientOptions& options,
                 const std::string& feature, const absl::Status& status);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_SEAT_HOLDING_H_

#include "client/session.h"

#include <utility>

#include "base/status.h"
#include "client/session_core.h"

namespace quorate {

Session::Session(std::shared_ptr<SessionCore> core) : core_(std::move(core)) {}

Session::~Session() {
  core_->Silence();
  core_->CloseLater();
}

const std::string& Session::name() const {
  return core_->name();
}

absl::Duration Session::ttl() const {
  return core_->ttl();
}

void Session::ReportActivity() {
  core_->ReportActivity();
}

std::string Session::termination_reason() const {
  return core_->termination_reason();
}

bool Session::IsValid() const {
  return TimeLeft() > absl::ZeroDuration();
}

absl::Duration Session::TimeLeft() const {
  return core_->TimeLeft();
}

absl::StatusOr<Seat> Session::Checkout(absl::string_view feature,
                                       uint32_t count,
                                       const CallOptions& options) {
  return Checkout({.feature = std::string(feature), .count = count}, options);
}

absl::StatusOr<Seat> Session::Checkout(const SeatRequest& request,
                                       const CallOptions& options) {
  QUORATE_ASSIGN_OR_RETURN(
      std::vector<Seat> seats,
      CheckoutAll(absl::MakeConstSpan(&request, 1), options));
  return std::move(seats.front());
}

absl::StatusOr<std::vector<Seat>> Session::CheckoutAll(
    absl::Span<const SeatRequest> requests, const CallOptions& options) {
  return core_->Checkout(requests, options);
}

absl::StatusOr<Seat> Session::CheckoutOrWait(absl::string_view feature,
                                             uint32_t count,
                                             const WaitOptions& wait,
                                             const CallOptions& options) {
  return CheckoutOrWait({.feature = std::string(feature), .count = count}, wait,
                        options);
}

absl::StatusOr<Seat> Session::CheckoutOrWait(const SeatRequest& request,
                                             const WaitOptions& wait,
                                             const CallOptions& options) {
  QUORATE_ASSIGN_OR_RETURN(
      std::vector<Seat> seats,
      CheckoutAllOrWait(absl::MakeConstSpan(&request, 1), wait, options));
  return std::move(seats.front());
}

absl::StatusOr<std::vector<Seat>> Session::CheckoutAllOrWait(
    absl::Span<const SeatRequest> requests, const WaitOptions& wait,
    const CallOptions& options) {
  return core_->CheckoutOrWait(requests, wait, options);
}

absl::StatusOr<std::vector<Seat>> Session::ConfirmBooking(
    const std::string& booking, const CallOptions& options) {
  return core_->ConfirmBooking(booking, options);
}

absl::Status Session::Checkin(Seat seat, const CallOptions& options) {
  return seat.Return(options);
}

void Session::Detach() {
  core_->Detach();
}

absl::Status Session::Close(const CallOptions& options) {
  return core_->Close(options);
}

}  // namespace quorate

#include "client/seat.h"

#include <utility>

#include "client/caller.h"
#include "client/session_core.h"

namespace quorate {
namespace {

// Whether it had an effect is not known.
bool IsOpen(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsCancelled(status);
}

}  // namespace

Seat::Seat(std::shared_ptr<SessionCore> session, Grant grant)
    : session_(std::move(session)), grant_(std::move(grant)) {}

Seat::~Seat() {
  if (session_ != nullptr) session_->CheckinLater(grant_.handle);
}

Seat::Seat(Seat&& other) noexcept
    : session_(std::move(other.session_)),
      grant_(std::exchange(other.grant_, Grant())),
      return_id_(std::exchange(other.return_id_, std::string())),
      borrow_id_(std::exchange(other.borrow_id_, std::string())) {
  other.session_ = nullptr;
}

Seat& Seat::operator=(Seat&& other) noexcept {
  if (this == &other) return *this;
  if (session_ != nullptr) session_->CheckinLater(grant_.handle);
  session_ = std::exchange(other.session_, nullptr);
  grant_ = std::exchange(other.grant_, Grant());
  return_id_ = std::exchange(other.return_id_, std::string());
  borrow_id_ = std::exchange(other.borrow_id_, std::string());
  return *this;
}

bool Seat::IsValid() const {
  return session_ != nullptr && session_->Holds(grant_.handle);
}

absl::Status Seat::Resize(uint32_t count, const CallOptions& options) {
  if (session_ == nullptr) {
    return absl::FailedPreconditionError("the seat is empty");
  }
  absl::Status status = session_->Resize(grant_.handle, count, options);
  if (status.ok()) grant_.count = count;
  return status;
}

absl::StatusOr<Borrowed> Seat::Borrow(const BorrowEnd& end,
                                      const CallOptions& options) {
  if (session_ == nullptr) {
    return absl::FailedPreconditionError("the seat is empty");
  }
  CallOptions call = options;
  // A second try must not be a second request.
  if (!borrow_id_.empty()) call.request_id = borrow_id_;
  if (call.request_id.empty()) call.request_id = DrawRequestId();
  absl::StatusOr<Borrowed> borrowed =
      session_->Borrow(grant_.handle, end, call);
  borrow_id_.clear();
  if (IsOpen(borrowed.status())) {
    borrow_id_ = call.request_id;
  } else if (borrowed.ok()) {
    session_ = nullptr;
  }
  return borrowed;
}

absl::Status Seat::Return(const CallOptions& options) {
  if (session_ == nullptr) return absl::OkStatus();
  CallOptions call = options;
  // A second try must not be a second request.
  if (!return_id_.empty()) call.request_id = return_id_;
  if (call.request_id.empty()) call.request_id = DrawRequestId();
  absl::Status status = session_->Checkin(grant_.handle, call);
  if (IsOpen(status)) {
    return_id_ = call.request_id;
    return status;
  }
  session_ = nullptr;
  return status;
}

}  // namespace quorate

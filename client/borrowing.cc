// Seats that are taken away from the cluster and come back early, and seats
// that were kept for a job.

#include <utility>

#include "quorate/checkout/v1/checkout.pb.h"

#include "base/status.h"
#include "client/error.h"
#include "client/session_core.h"

namespace quorate {
namespace {

absl::Time TimeOf(const google::protobuf::Timestamp& from) {
  return absl::FromUnixSeconds(from.seconds()) +
         absl::Nanoseconds(from.nanos());
}

}  // namespace

absl::StatusOr<Borrowed> SessionCore::Borrow(uint64_t seat,
                                             const BorrowEnd& end,
                                             const CallOptions& options) {
  QUORATE_RETURN_IF_ERROR(CheckOpen());
  checkout::v1::BorrowRequest request;
  request.set_request_id(options.request_id);
  request.set_session(name_);
  request.add_seats(seat);
  if (end.until != absl::InfinitePast()) {
    request.mutable_until()->set_seconds(absl::ToUnixSeconds(end.until));
  } else {
    request.mutable_span()->set_seconds(absl::ToInt64Seconds(end.span));
  }
  checkout::v1::BorrowResponse response;
  QUORATE_RETURN_IF_ERROR(Heed(client_->caller().Run(
      client_->Limits(options),
      [&](const Connection& connection, grpc::ClientContext* context) {
        response.Clear();
        return connection.checkout->Borrow(context, request, &response);
      })));
  const checkout::v1::Borrow& borrow = response.borrow();
  return Borrowed{.name = borrow.name(),
                  .until = TimeOf(borrow.until_time()),
                  .free = TimeOf(borrow.free_time())};
}

absl::StatusOr<std::vector<Seat>> SessionCore::ConfirmBooking(
    const std::string& booking, const CallOptions& options) {
  QUORATE_RETURN_IF_ERROR(CheckOpen());
  checkout::v1::ConfirmBookingRequest request;
  request.set_request_id(options.request_id.empty() ? DrawRequestId()
                                                    : options.request_id);
  request.set_session(name_);
  request.set_booking(booking);
  checkout::v1::ConfirmBookingResponse response;
  QUORATE_RETURN_IF_ERROR(Heed(client_->caller().Run(
      client_->Limits(options),
      [&](const Connection& connection, grpc::ClientContext* context) {
        response.Clear();
        return connection.checkout->ConfirmBooking(context, request, &response);
      })));
  std::vector<Seat> seats;
  for (const checkout::v1::Seat& seat : response.seats()) {
    seats.emplace_back(shared_from_this(),
                       Seat::Grant{.handle = seat.handle(),
                                   .feature = seat.feature(),
                                   .count = seat.count(),
                                   .grant_time = TimeOf(seat.grant_time())});
  }
  return seats;
}

absl::Status ClientCore::ReturnBorrow(const std::string& borrow,
                                      const CallOptions& options) {
  checkout::v1::ReturnBorrowRequest request;
  request.set_request_id(options.request_id.empty() ? DrawRequestId()
                                                    : options.request_id);
  request.set_borrow(borrow);
  checkout::v1::ReturnBorrowResponse response;
  return caller_.Run(Limits(options), [&](const Connection& connection,
                                          grpc::ClientContext* context) {
    return connection.checkout->ReturnBorrow(context, request, &response);
  });
}

}  // namespace quorate

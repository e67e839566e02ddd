// Sessions and seats for applications.

#ifndef QUORATE_SERVER_RPC_CHECKOUT_SERVICE_H_
#define QUORATE_SERVER_RPC_CHECKOUT_SERVICE_H_

#include "quorate/checkout/v1/checkout.grpc.pb.h"

#include "server/rpc/keep_alive.h"
#include "server/rpc/member_calls.h"

namespace quorate::server {

// Authenticates, validates, proposes, translates (design §6); see
// checkout.proto for what is promised. Thread-safe.
class CheckoutService final
    : public checkout::v1::CheckoutService::CallbackService {
 public:
  // Neither is owned.
  CheckoutService(MemberCalls* calls, KeepAliveStreams* streams)
      : calls_(calls), streams_(streams) {}

  grpc::ServerUnaryReactor* OpenSession(
      grpc::CallbackServerContext* context,
      const checkout::v1::OpenSessionRequest* request,
      checkout::v1::OpenSessionResponse* response) override;

  grpc::ServerUnaryReactor* CloseSession(
      grpc::CallbackServerContext* context,
      const checkout::v1::CloseSessionRequest* request,
      checkout::v1::CloseSessionResponse* response) override;

  grpc::ServerBidiReactor<checkout::v1::KeepAliveRequest,
                          checkout::v1::KeepAliveResponse>*
  KeepAlive(grpc::CallbackServerContext* context) override;

  grpc::ServerUnaryReactor* Checkout(
      grpc::CallbackServerContext* context,
      const checkout::v1::CheckoutRequest* request,
      checkout::v1::CheckoutResponse* response) override;

  grpc::ServerUnaryReactor* CancelCheckout(
      grpc::CallbackServerContext* context,
      const checkout::v1::CancelCheckoutRequest* request,
      checkout::v1::CancelCheckoutResponse* response) override;

  grpc::ServerUnaryReactor* ResizeSeat(
      grpc::CallbackServerContext* context,
      const checkout::v1::ResizeSeatRequest* request,
      checkout::v1::ResizeSeatResponse* response) override;

  grpc::ServerUnaryReactor* ListSeats(
      grpc::CallbackServerContext* context,
      const checkout::v1::ListSeatsRequest* request,
      checkout::v1::ListSeatsResponse* response) override;

  // checkout_borrow.cc
  grpc::ServerUnaryReactor* Borrow(
      grpc::CallbackServerContext* context,
      const checkout::v1::BorrowRequest* request,
      checkout::v1::BorrowResponse* response) override;

  grpc::ServerUnaryReactor* ReturnBorrow(
      grpc::CallbackServerContext* context,
      const checkout::v1::ReturnBorrowRequest* request,
      checkout::v1::ReturnBorrowResponse* response) override;

  // checkout_booking.cc
  grpc::ServerUnaryReactor* Book(grpc::CallbackServerContext* context,
                                 const checkout::v1::BookRequest* request,
                                 checkout::v1::BookResponse* response) override;

  grpc::ServerUnaryReactor* ConfirmBooking(
      grpc::CallbackServerContext* context,
      const checkout::v1::ConfirmBookingRequest* request,
      checkout::v1::ConfirmBookingResponse* response) override;

  grpc::ServerUnaryReactor* CancelBooking(
      grpc::CallbackServerContext* context,
      const checkout::v1::CancelBookingRequest* request,
      checkout::v1::CancelBookingResponse* response) override;

  grpc::ServerUnaryReactor* Checkin(
      grpc::CallbackServerContext* context,
      const checkout::v1::CheckinRequest* request,
      checkout::v1::CheckinResponse* response) override;

 private:
  MemberCalls* const calls_;
  KeepAliveStreams* const streams_;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_CHECKOUT_SERVICE_H_

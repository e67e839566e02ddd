#include "server/rpc/checkout_service.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "server/rpc/checkout_commands.h"
#include "server/rpc/peer_address.h"
#include "server/rpc/queue_place.h"
#include "server/rpc/validation.h"

namespace quorate::server {

using internal::v1::Command;

grpc::ServerUnaryReactor* CheckoutService::OpenSession(
    grpc::CallbackServerContext* context,
    const checkout::v1::OpenSessionRequest* request,
    checkout::v1::OpenSessionResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls_->BeginNewWork(context, reactor, *request);
  if (!call.has_value()) return reactor;
  FieldFaults faults;
  CheckRequestId(request->request_id(), &faults);
  CheckClient(request->client(), &faults);
  const int64_t ttl_ms = CheckTtl(*request, &faults);
  if (!faults.empty()) {
    calls_->Refuse(*call, std::move(faults).ToRefusal());
    return reactor;
  }
  Command command;
  WriteDescription(request->client(),
                   command.mutable_open_session()->mutable_description());
  command.mutable_open_session()->set_ttl_ms(ttl_ms);
  command.mutable_open_session()->set_peer_address(
      PeerAddressOf(context->peer()));
  calls_->Propose(*call, request->request_id(), &command, response,
                  [response](const licensing::LedgerAnswer& answer) {
                    response->set_session(SessionName(answer.session_id));
                    SetDuration(absl::Milliseconds(answer.ttl_ms),
                                response->mutable_ttl());
                  });
  return reactor;
}

grpc::ServerUnaryReactor* CheckoutService::CloseSession(
    grpc::CallbackServerContext* context,
    const checkout::v1::CloseSessionRequest* request,
    checkout::v1::CloseSessionResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls_->Begin(context, reactor, *request);
  if (!call.has_value()) return reactor;
  FieldFaults faults;
  CheckRequestId(request->request_id(), &faults);
  const uint64_t session_id =
      CheckSessionName(request->session(), "session", &faults);
  if (!faults.empty()) {
    calls_->Refuse(*call, std::move(faults).ToRefusal());
    return reactor;
  }
  Command command;
  command.mutable_close_session()->set_session_id(session_id);
  calls_->Propose(*call, request->request_id(), &command, response,
                  [](const licensing::LedgerAnswer&) {});
  return reactor;
}

grpc::ServerBidiReactor<checkout::v1::KeepAliveRequest,
                        checkout::v1::KeepAliveResponse>*
CheckoutService::KeepAlive(grpc::CallbackServerContext* context) {
  return streams_->Open(context);
}

grpc::ServerUnaryReactor* CheckoutService::Checkout(
    grpc::CallbackServerContext* context,
    const checkout::v1::CheckoutRequest* request,
    checkout::v1::CheckoutResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls_->BeginNewWork(context, reactor, *request);
  if (!call.has_value()) return reactor;
  FieldFaults faults;
  CheckRequestId(request->request_id(), &faults);
  const uint64_t session_id =
      CheckSessionName(request->session(), "session", &faults);
  CheckItems(request->items(), &faults);
  const int64_t wait_ms = CheckWait(*request, &faults);
  const uint32_t priority = CheckPriority(*request, &faults);
  if (!faults.empty()) {
    calls_->Refuse(*call, std::move(faults).ToRefusal());
    return reactor;
  }
  Command command;
  internal::v1::Checkout* body = command.mutable_checkout();
  body->set_session_id(session_id);
  if (wait_ms > 0) {
    body->set_wait_ms(wait_ms);
    body->set_priority(priority);
  }
  for (const checkout::v1::CheckoutItem& item : request->items()) {
    WriteItem(item, body->add_items());
  }
  calls_->Propose(*call, request->request_id(), &command, response,
                  [request, response](const licensing::LedgerAnswer& answer) {
                    if (answer.queue_position.number > 0) {
                      DescribePlace(answer.queue_place, answer.queue_position,
                                    response->mutable_queue_place());
                    }
                    const int granted =
                        std::min(request->items_size(),
                                 static_cast<int>(answer.seat_handles.size()));
                    response->mutable_seats()->Reserve(granted);
                    for (int i = 0; i < granted; ++i) {
                      checkout::v1::Seat* seat = response->add_seats();
                      seat->set_handle(answer.seat_handles[i]);
                      seat->set_feature(request->items(i).feature());
                      seat->set_count(UnitsOf(request->items(i)));
                      SetTimestamp(answer.granted_calendar_ms,
                                   seat->mutable_grant_time());
                    }
                  });
  return reactor;
}

grpc::ServerUnaryReactor* CheckoutService::CancelCheckout(
    grpc::CallbackServerContext* context,
    const checkout::v1::CancelCheckoutRequest* request,
    checkout::v1::CancelCheckoutResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls_->Begin(context, reactor, *request);
  if (!call.has_value()) return reactor;
  FieldFaults faults;
  CheckRequestId(request->request_id(), &faults);
  const uint64_t session_id =
      CheckSessionName(request->session(), "session", &faults);
  CheckRequestId(request->checkout_request_id(), &faults,
                 "checkout_request_id");
  if (!faults.empty()) {
    calls_->Refuse(*call, std::move(faults).ToRefusal());
    return reactor;
  }
  Command command;
  internal::v1::CancelCheckout* body = command.mutable_cancel_checkout();
  body->set_session_id(session_id);
  body->set_checkout_request_id(request->checkout_request_id());
  calls_->Propose(*call, request->request_id(), &command, response,
                  [](const licensing::LedgerAnswer&) {});
  return reactor;
}

grpc::ServerUnaryReactor* CheckoutService::ResizeSeat(
    grpc::CallbackServerContext* context,
    const checkout::v1::ResizeSeatRequest* request,
    checkout::v1::ResizeSeatResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls_->BeginNewWork(context, reactor, *request);
  if (!call.has_value()) return reactor;
  FieldFaults faults;
  CheckRequestId(request->request_id(), &faults);
  const uint64_t session_id =
      CheckSessionName(request->session(), "session", &faults);
  if (request->count() == 0) faults.Add("count", "must be at least 1");
  if (!faults.empty()) {
    calls_->Refuse(*call, std::move(faults).ToRefusal());
    return reactor;
  }
  Command command;
  internal::v1::ResizeSeat* body = command.mutable_resize_seat();
  body->set_session_id(session_id);
  body->set_seat_handle(request->seat());
  body->set_count(request->count());
  calls_->Propose(*call, request->request_id(), &command, response,
                  [](const licensing::LedgerAnswer&) {});
  return reactor;
}

grpc::ServerUnaryReactor* CheckoutService::Checkin(
    grpc::CallbackServerContext* context,
    const checkout::v1::CheckinRequest* request,
    checkout::v1::CheckinResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls_->Begin(context, reactor, *request);
  if (!call.has_value()) return reactor;
  FieldFaults faults;
  CheckRequestId(request->request_id(), &faults);
  const uint64_t session_id =
      CheckSessionName(request->session(), "session", &faults);
  CheckSeats(request->seats(), &faults);
  if (!faults.empty()) {
    calls_->Refuse(*call, std::move(faults).ToRefusal());
    return reactor;
  }
  Command command;
  internal::v1::Checkin* body = command.mutable_checkin();
  body->set_session_id(session_id);
  *body->mutable_seat_handles() = request->seats();
  calls_->Propose(*call, request->request_id(), &command, response,
                  [](const licensing::LedgerAnswer&) {});
  return reactor;
}

}  // namespace quorate::server

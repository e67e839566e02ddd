// CheckoutService: seats that are kept for a job.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "server/rpc/checkout_commands.h"
#include "server/rpc/checkout_service.h"
#include "server/rpc/peer_address.h"
#include "server/rpc/queue_place.h"
#include "server/rpc/validation.h"

namespace quorate::server {
namespace {

using internal::v1::Command;
using internal::v1::SeatRecord;
using internal::v1::SessionRecord;

void DescribeBooking(const licensing::Ledger& ledger, uint64_t id,
                     checkout::v1::Booking* booking) {
  booking->set_name(SessionName(id));
  // A repeat may come after its end.
  const SessionRecord* session = ledger.FindSession(id);
  if (session == nullptr) return;
  booking->set_job(session->booking().job());
  SetDuration(
      absl::Milliseconds(std::max<int64_t>(
          session->lease_end_cluster_ms() - ledger.time().cluster_ms, 0)),
      booking->mutable_left());
  ledger.VisitSeatsOfSession(id, 0, [booking](const SeatRecord& seat) {
    DescribeSeat(seat, booking->add_seats());
    return true;
  });
}

}  // namespace

grpc::ServerUnaryReactor* CheckoutService::Book(
    grpc::CallbackServerContext* context,
    const checkout::v1::BookRequest* request,
    checkout::v1::BookResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls_->BeginNewWork(context, reactor, *request);
  if (!call.has_value()) return reactor;
  FieldFaults faults;
  CheckRequestId(request->request_id(), &faults);
  CheckClient(request->client(), &faults);
  CheckItems(request->items(), &faults);
  CheckText(request->job(), "job", &faults);
  const int64_t hold_ms =
      CheckSpan(request->hold(), licensing::kMaxBookingMs, "hold", &faults);
  if (hold_ms == 0) faults.Add("hold", "must be over 0");
  if (!faults.empty()) {
    calls_->Refuse(*call, std::move(faults).ToRefusal());
    return reactor;
  }
  Command command;
  internal::v1::Book* body = command.mutable_book();
  WriteDescription(request->client(), body->mutable_description());
  body->set_peer_address(PeerAddressOf(context->peer()));
  for (const checkout::v1::CheckoutItem& item : request->items()) {
    WriteItem(item, body->add_items());
  }
  body->set_hold_ms(hold_ms);
  body->set_job(request->job());
  calls_->Propose(*call, request->request_id(), &command, response,
                  [this, response](const licensing::LedgerAnswer& answer) {
                    DescribeBooking(*calls_->deps().view->ledger,
                                    answer.session_id,
                                    response->mutable_booking());
                  });
  return reactor;
}

grpc::ServerUnaryReactor* CheckoutService::ConfirmBooking(
    grpc::CallbackServerContext* context,
    const checkout::v1::ConfirmBookingRequest* request,
    checkout::v1::ConfirmBookingResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls_->BeginNewWork(context, reactor, *request);
  if (!call.has_value()) return reactor;
  Command command;
  internal::v1::ConfirmBooking* body = command.mutable_confirm_booking();
  FieldFaults faults;
  CheckRequestId(request->request_id(), &faults);
  body->set_booking_id(
      CheckSessionName(request->booking(), "booking", &faults));
  body->set_session_id(
      CheckSessionName(request->session(), "session", &faults));
  if (!faults.empty()) {
    calls_->Refuse(*call, std::move(faults).ToRefusal());
    return reactor;
  }
  calls_->Propose(*call, request->request_id(), &command, response,
                  [this, response](const licensing::LedgerAnswer& answer) {
                    const auto& ledger = *calls_->deps().view->ledger;
                    for (const uint64_t handle : answer.seat_handles) {
                      const SeatRecord* seat = ledger.FindSeat(handle);
                      if (seat == nullptr) continue;
                      DescribeSeat(*seat, response->add_seats());
                    }
                  });
  return reactor;
}

grpc::ServerUnaryReactor* CheckoutService::CancelBooking(
    grpc::CallbackServerContext* context,
    const checkout::v1::CancelBookingRequest* request,
    checkout::v1::CancelBookingResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls_->Begin(context, reactor, *request);
  if (!call.has_value()) return reactor;
  FieldFaults faults;
  CheckRequestId(request->request_id(), &faults);
  const uint64_t booking_id =
      CheckSessionName(request->booking(), "booking", &faults);
  if (!faults.empty()) {
    calls_->Refuse(*call, std::move(faults).ToRefusal());
    return reactor;
  }
  Command command;
  command.mutable_cancel_booking()->set_booking_id(booking_id);
  calls_->Propose(*call, request->request_id(), &command, response,
                  [](const licensing::LedgerAnswer&) {});
  return reactor;
}

}  // namespace quorate::server

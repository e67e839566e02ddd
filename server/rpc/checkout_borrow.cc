// CheckoutService: seats that are taken away, and come back early.

#include <cstdint>
#include <optional>
#include <utility>

#include "server/rpc/borrow_view.h"
#include "server/rpc/checkout_service.h"
#include "server/rpc/queue_place.h"
#include "server/rpc/response_header.h"
#include "server/rpc/validation.h"

namespace quorate::server {
namespace {

using internal::v1::Command;
using internal::v1::SeatRecord;

void WriteEnd(const checkout::v1::BorrowRequest& request,
              internal::v1::Borrow* body, FieldFaults* faults) {
  if (request.has_until()) {
    if (!IsTime(request.until()) || MsOf(request.until()) == 0) {
      faults->Add("until", "must be after 1970 and before 10000");
      return;
    }
    body->set_until_ms(MsOf(request.until()));
    return;
  }
  body->set_span_ms(
      CheckSpan(request.span(), licensing::kMaxBorrowMs, "span", faults));
  if (body->span_ms() <= 0) faults->Add("span", "or until must be given");
}

}  // namespace

grpc::ServerUnaryReactor* CheckoutService::Borrow(
    grpc::CallbackServerContext* context,
    const checkout::v1::BorrowRequest* request,
    checkout::v1::BorrowResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls_->BeginNewWork(context, reactor, *request);
  if (!call.has_value()) return reactor;
  Command command;
  internal::v1::Borrow* body = command.mutable_borrow();
  FieldFaults faults;
  CheckRequestId(request->request_id(), &faults);
  body->set_session_id(
      CheckSessionName(request->session(), "session", &faults));
  CheckSeats(request->seats(), &faults);
  *body->mutable_seat_handles() = request->seats();
  WriteEnd(*request, body, &faults);
  if (!faults.empty()) {
    calls_->Refuse(*call, std::move(faults).ToRefusal());
    return reactor;
  }
  calls_->Propose(*call, request->request_id(), &command, response,
                  [this, response](const licensing::LedgerAnswer& answer) {
                    const licensing::Ledger& ledger =
                        *calls_->deps().view->ledger;
                    checkout::v1::Borrow* borrow = response->mutable_borrow();
                    borrow->set_name(SessionName(answer.session_id));
                    // A repeat may come after its end.
                    const auto* session = ledger.FindSession(answer.session_id);
                    if (session == nullptr) return;
                    DescribeBorrow(*session, borrow);
                    ledger.VisitSeatsOfSession(
                        answer.session_id, 0, [borrow](const SeatRecord& seat) {
                          DescribeSeat(seat, borrow->add_seats());
                          return true;
                        });
                  });
  return reactor;
}

grpc::ServerUnaryReactor* CheckoutService::ReturnBorrow(
    grpc::CallbackServerContext* context,
    const checkout::v1::ReturnBorrowRequest* request,
    checkout::v1::ReturnBorrowResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls_->Begin(context, reactor, *request);
  if (!call.has_value()) return reactor;
  FieldFaults faults;
  CheckRequestId(request->request_id(), &faults);
  const uint64_t session_id =
      CheckSessionName(request->borrow(), "borrow", &faults);
  if (!faults.empty()) {
    calls_->Refuse(*call, std::move(faults).ToRefusal());
    return reactor;
  }
  Command command;
  command.mutable_return_borrow()->set_session_id(session_id);
  calls_->Propose(*call, request->request_id(), &command, response,
                  [](const licensing::LedgerAnswer&) {});
  return reactor;
}

}  // namespace quorate::server

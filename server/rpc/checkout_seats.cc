// CheckoutService::ListSeats.

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "server/rpc/checkout_service.h"
#include "server/rpc/list_page.h"
#include "server/rpc/queue_place.h"
#include "server/rpc/validation.h"

namespace quorate::server {
namespace {

using licensing::Ledger;

constexpr absl::string_view kFields[] = {"session"};
constexpr ListShape kOwnSeats = {.name = "own seats",
                                 .order = "handle",
                                 .fields = kFields,
                                 .numbered = true};

std::optional<Refusal> RefuseForeign(const Ledger& ledger, uint64_t session_id,
                                     absl::string_view principal) {
  const auto* const session = ledger.FindSession(session_id);
  if (session != nullptr && session->principal() == principal) {
    return std::nullopt;
  }
  return Refusal{.reason = session == nullptr
                               ? type::v1::ERROR_REASON_SESSION_NOT_FOUND
                               : type::v1::ERROR_REASON_SESSION_NOT_YOURS,
                 .metadata = {{"session", absl::StrCat(session_id)}}};
}

void WriteSeats(const Ledger& ledger, const ListPage& page,
                const checkout::v1::ListSeatsRequest& request,
                checkout::v1::ListSeatsResponse* response) {
  uint64_t last = 0;
  bool more = false;
  ledger.VisitSeatsOfSession(ParseSessionName(page.filter.value).value_or(0),
                             page.after_number,
                             [&](const internal::v1::SeatRecord& record) {
                               more = response->seats_size() >= page.size;
                               if (more) return false;
                               last = record.handle();
                               DescribeSeat(record, response->add_seats());
                               return true;
                             });
  if (more) {
    response->set_next_page_token(
        TokenAfter(kOwnSeats, request.filter(), last));
  }
}

}  // namespace

grpc::ServerUnaryReactor* CheckoutService::ListSeats(
    grpc::CallbackServerContext* context,
    const checkout::v1::ListSeatsRequest* request,
    checkout::v1::ListSeatsResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls_->Begin(context, reactor, *request);
  if (!call.has_value()) return reactor;
  FieldFaults faults;
  ListPage page = ReadListPage(kOwnSeats, *request, &faults);
  if (page.filter.field.empty() && faults.empty()) {
    faults.Add("filter", "must name a session: session=\"sessions/7\"");
  }
  if (!faults.empty()) {
    calls_->Refuse(*call, std::move(faults).ToRefusal());
    return reactor;
  }
  calls_->Read(*call, request->consistency(), response,
               [page = std::move(page), principal = call->principal, request,
                response](const Ledger& ledger) -> std::optional<Refusal> {
                 const uint64_t id =
                     ParseSessionName(page.filter.value).value_or(0);
                 if (auto refusal = RefuseForeign(ledger, id, principal))
                   return refusal;
                 WriteSeats(ledger, page, *request, response);
                 return std::nullopt;
               });
  return reactor;
}

}  // namespace quorate::server

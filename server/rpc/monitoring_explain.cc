// MonitoringService::ExplainCheckout.

#include <algorithm>
#include <optional>

#include "server/policy/ip_address.h"
#include "server/rpc/checkout_explanation.h"
#include "server/rpc/monitoring_service.h"
#include "server/rpc/read_call.h"
#include "server/rpc/response_header.h"
#include "server/rpc/validation.h"

namespace quorate::server {
namespace {

ImaginedCheckout ReadCheckout(
    const monitoring::v1::ExplainCheckoutRequest& request,
    FieldFaults* faults) {
  CheckClient(request.client(), faults);
  CheckFeature(request.feature(), "feature", faults);
  CheckConsistency(request.consistency(), faults);
  const checkout::v1::ClientDescription& client = request.client();
  ImaginedCheckout checkout = {
      .subject = {.user = client.user(),
                  .host = client.host(),
                  .display = client.display(),
                  .application = client.application(),
                  .version = client.version(),
                  .project = client.project(),
                  .address = policy::ParseIpAddress(request.address())},
      .feature = request.feature(),
      .count = std::max<uint64_t>(request.count(), 1)};
  if (!request.address().empty() && !checkout.subject.address.has_value()) {
    faults->Add("address", "must be an address of IPv4 or IPv6");
  }
  if (request.has_time()) {
    // 0 ms would be now.
    if (!IsTime(request.time()) || MsOf(request.time()) == 0) {
      faults->Add("time", "must be after 1970 and before 10000");
    } else {
      checkout.calendar_ms = MsOf(request.time());
    }
  }
  return checkout;
}

}  // namespace

grpc::ServerUnaryReactor* MonitoringService::ExplainCheckout(
    grpc::CallbackServerContext* context,
    const monitoring::v1::ExplainCheckoutRequest* request,
    monitoring::v1::ExplainCheckoutResponse* response) {
  return AnswerRead(
      calls_, context, request, response,
      [request](FieldFaults* faults) { return ReadCheckout(*request, faults); },
      [response](const licensing::Ledger& ledger,
                 const ImaginedCheckout& checkout) -> std::optional<Refusal> {
        WriteExplanation(ledger, checkout, response);
        return std::nullopt;
      });
}

}  // namespace quorate::server

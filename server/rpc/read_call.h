// The way of every read of the ledger through a member.

#ifndef QUORATE_SERVER_RPC_READ_CALL_H_
#define QUORATE_SERVER_RPC_READ_CALL_H_

#include <optional>
#include <utility>

#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"

#include "server/licensing/ledger.h"
#include "server/rpc/member_calls.h"
#include "server/rpc/validation.h"

namespace quorate::server {

// Lets the call in, and refuses it where `check` (faults) finds one in the
// fields of the request. What `check` returns is given to `answer` (ledger,
// checked), which fills the response on the applier thread, or refuses.
// `request` and `response` live until the call is finished.
template <typename Request, typename Response, typename Check, typename Answer>
grpc::ServerUnaryReactor* AnswerRead(MemberCalls* calls,
                                     grpc::CallbackServerContext* context,
                                     const Request* request, Response* response,
                                     Check check, Answer answer) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls->Begin(context, reactor, *request);
  if (!call.has_value()) return reactor;
  FieldFaults faults;
  auto checked = check(&faults);
  if (!faults.empty()) {
    calls->Refuse(*call, std::move(faults).ToRefusal());
    return reactor;
  }
  calls->Read(*call, request->consistency(), response,
              [checked = std::move(checked), answer = std::move(answer)](
                  const licensing::Ledger& ledger) -> std::optional<Refusal> {
                return answer(ledger, checked);
              });
  return reactor;
}

// The same where nothing can be wrong but how fresh it is to be; `answer`
// (ledger).
template <typename Request, typename Response, typename Answer>
grpc::ServerUnaryReactor* AnswerRead(MemberCalls* calls,
                                     grpc::CallbackServerContext* context,
                                     const Request* request, Response* response,
                                     Answer answer) {
  return AnswerRead(
      calls, context, request, response,
      [request](FieldFaults* faults) {
        CheckConsistency(request->consistency(), faults);
        return true;
      },
      [answer = std::move(answer)](const licensing::Ledger& ledger,
                                   bool /*checked*/) {
        return answer(ledger);
      });
}

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_READ_CALL_H_

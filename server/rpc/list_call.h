// The way of every list through a member.

#ifndef QUORATE_SERVER_RPC_LIST_CALL_H_
#define QUORATE_SERVER_RPC_LIST_CALL_H_

#include <optional>
#include <utility>

#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"

#include "server/licensing/ledger.h"
#include "server/rpc/list_page.h"
#include "server/rpc/member_calls.h"

namespace quorate::server {

// Reads the page that is asked for; `write` (ledger, page, request, response)
// fills the answer on the applier thread. `request` and `response` live until
// the call is finished.
template <typename Request, typename Response, typename Write>
grpc::ServerUnaryReactor* AnswerList(MemberCalls* calls, const ListShape& shape,
                                     grpc::CallbackServerContext* context,
                                     const Request* request, Response* response,
                                     Write write) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls->Begin(context, reactor, *request);
  if (!call.has_value()) return reactor;
  FieldFaults faults;
  ListPage page = ReadListPage(shape, *request, &faults);
  if (!faults.empty()) {
    calls->Refuse(*call, std::move(faults).ToRefusal());
    return reactor;
  }
  calls->Read(*call, request->consistency(), response,
              [page = std::move(page), request, response, write](
                  const licensing::Ledger& ledger) -> std::optional<Refusal> {
                write(ledger, page, *request, response);
                return std::nullopt;
              });
  return reactor;
}

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_LIST_CALL_H_

// The way of every list through a member.

#ifndef QUORATE_SERVER_RPC_LIST_CALL_H_
#define QUORATE_SERVER_RPC_LIST_CALL_H_

#include <optional>

#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"

#include "server/licensing/ledger.h"
#include "server/rpc/list_page.h"
#include "server/rpc/member_calls.h"
#include "server/rpc/read_call.h"

namespace quorate::server {

// Reads the page that is asked for; `write` (ledger, page, request, response)
// fills the answer on the applier thread. `request` and `response` live until
// the call is finished.
template <typename Request, typename Response, typename Write>
grpc::ServerUnaryReactor* AnswerList(MemberCalls* calls, const ListShape& shape,
                                     grpc::CallbackServerContext* context,
                                     const Request* request, Response* response,
                                     Write write) {
  return AnswerRead(
      calls, context, request, response,
      [&shape, request](FieldFaults* faults) {
        return ReadListPage(shape, *request, faults);
      },
      [request, response, write](
          const licensing::Ledger& ledger,
          const ListPage& page) -> std::optional<Refusal> {
        write(ledger, page, *request, response);
        return std::nullopt;
      });
}

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_LIST_CALL_H_

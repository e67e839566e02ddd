// How a Cluster calls its members; the methods of Cluster each name one call.

#ifndef QUORATE_TOOLS_QUORATE_CLUSTER_CALLS_H_
#define QUORATE_TOOLS_QUORATE_CLUSTER_CALLS_H_

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"

#include "base/clock.h"
#include "base/status.h"
#include "client/caller.h"
#include "client/endpoint_set.h"
#include "tools/quorate/cluster.h"

namespace quorate::cli {

inline type::v1::Consistency::Kind KindFor(bool local) {
  return local ? type::v1::Consistency::KIND_LOCAL
               : type::v1::Consistency::KIND_LINEARIZABLE;
}

// Thread-safe. Fails as Caller::Run does.
struct Cluster::Calls {
  static constexpr int kPageSize = 1000;

  // A million rows; a cluster has no more, and a member that never ends its
  // list must not fill our memory.
  static constexpr int kMaxPages = 1000;

  explicit Calls(const ClientOptions& options)
      : endpoints(options, &SystemClock()),
        caller(&endpoints, &SystemClock()),
        limits{.deadline = options.deadline,
               .first_attempt = options.first_attempt} {}

  // A method of a service's stub, and where the stub stands in a connection.
  template <typename Stub, typename Request, typename Response>
  using Method = grpc::Status (Stub::*)(grpc::ClientContext*, const Request&,
                                        Response*);
  template <typename Stub>
  using Place = std::unique_ptr<Stub> Connection::*;

  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Ask(Place<Stub> stub,
                               Method<Stub, Request, Response> method,
                               const Request& request) {
    Response response;
    QUORATE_RETURN_IF_ERROR(caller.Run(
        limits,
        [&](const Connection& connection, grpc::ClientContext* context) {
          response.Clear();
          return ((connection.*stub).get()->*method)(context, request,
                                                     &response);
        }));
    return response;
  }

  // Fetches page after page and joins their rows, which `rows` finds in a
  // response.
  template <typename Stub, typename Request, typename Response, typename Row>
  absl::StatusOr<Response> List(
      Place<Stub> stub, Method<Stub, Request, Response> method,
      google::protobuf::RepeatedPtrField<Row>* (Response::*rows)(),
      const ListQuery& query) {
    Request request;
    request.set_filter(query.filter);
    request.mutable_consistency()->set_kind(KindFor(query.local));
    return ListAll(stub, method, rows, std::move(request));
  }

  // The same where `request` says all but the pages.
  template <typename Stub, typename Request, typename Response, typename Row>
  absl::StatusOr<Response> ListAll(
      Place<Stub> stub, Method<Stub, Request, Response> method,
      google::protobuf::RepeatedPtrField<Row>* (Response::*rows)(),
      Request request) {
    request.set_page_size(kPageSize);
    Response all;
    google::protobuf::RepeatedPtrField<Row> joined;
    for (int page = 0; page < kMaxPages; ++page) {
      QUORATE_ASSIGN_OR_RETURN(all, Ask(stub, method, request));
      joined.MergeFrom(*(all.*rows)());
      if (all.next_page_token().empty()) {
        // What else a page says is the same in all, or about the last.
        (all.*rows)()->Swap(&joined);
        return all;
      }
      request.set_page_token(all.next_page_token());
    }
    return absl::InternalError("the list does not end");
  }

  // One call that changes something, with a request_id of its own.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Change(Place<Stub> stub,
                                  Method<Stub, Request, Response> method,
                                  Request request) {
    request.set_request_id(DrawRequestId());
    return Ask(stub, method, request);
  }

  EndpointSet endpoints;
  Caller caller;
  const CallLimits limits;
};

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_CLUSTER_CALLS_H_

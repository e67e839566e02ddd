// Sessions of another process that are taken up again.

#include <utility>

#include "absl/strings/str_cat.h"

#include "quorate/checkout/v1/checkout.pb.h"

#include "base/status.h"
#include "base/utf8.h"
#include "client/error.h"
#include "client/messages.h"
#include "client/rpc_status.h"
#include "client/session_core.h"

namespace quorate {
namespace {

using checkout::v1::KeepAliveRequest;
using checkout::v1::KeepAliveResponse;

constexpr int kPageSize = 1000;

// One renewal over a stream of its own; the first answer that is no news.
grpc::Status Renew(checkout::v1::CheckoutService::Stub* stub,
                   grpc::ClientContext* context, const std::string& session,
                   KeepAliveResponse* answer) {
  const auto stream = stub->KeepAlive(context);
  KeepAliveRequest request;
  request.add_sessions(session);
  stream->Write(request);
  stream->WritesDone();
  KeepAliveResponse response;
  while (stream->Read(&response)) {
    if (!response.has_event()) *answer = response;
  }
  grpc::Status status = stream->Finish();
  if (status.ok() && answer->has_retry()) {
    return {grpc::StatusCode::UNAVAILABLE, "too few members agree"};
  }
  return status;
}

absl::Status Gone(checkout::v1::SessionState state) {
  if (state == checkout::v1::SESSION_STATE_TERMINATED) {
    return Refusal(absl::StatusCode::kNotFound, ErrorReason::kSessionTerminated,
                   "an administrator has ended the session");
  }
  return Refusal(absl::StatusCode::kNotFound, ErrorReason::kSessionNotFound,
                 "there is no such session of this certificate: its lease has "
                 "ended, or it was closed");
}

}  // namespace

absl::StatusOr<absl::Duration> ClientCore::RenewOnce(const std::string& session,
                                                     const CallLimits& limits,
                                                     absl::Duration* sent) {
  KeepAliveResponse answer;
  QUORATE_RETURN_IF_ERROR(caller_.Run(
      limits, [&](const Connection& connection, grpc::ClientContext* context) {
        answer.Clear();
        *sent = clock_->SinceBoot();
        return Renew(connection.checkout.get(), context, session, &answer);
      }));
  if (answer.renewals_size() != 1) {
    return absl::InternalError("the member answered without the session");
  }
  const checkout::v1::SessionRenewal& renewal = answer.renewals(0);
  if (renewal.state() != checkout::v1::SESSION_STATE_ALIVE) {
    return Gone(renewal.state());
  }
  return FromProto(renewal.ttl());
}

absl::StatusOr<std::vector<Seat::Grant>> ClientCore::ListGrants(
    const std::string& session, const CallLimits& limits) {
  std::vector<Seat::Grant> grants;
  checkout::v1::ListSeatsRequest request;
  request.set_filter(absl::StrCat("session=\"", session, "\""));
  request.set_page_size(kPageSize);
  checkout::v1::ListSeatsResponse response;
  do {
    QUORATE_RETURN_IF_ERROR(caller_.Run(
        limits,
        [&](const Connection& connection, grpc::ClientContext* context) {
          response.Clear();
          return connection.checkout->ListSeats(context, request, &response);
        }));
    for (const checkout::v1::Seat& seat : response.seats()) {
      grants.push_back({.handle = seat.handle(),
                        .feature = seat.feature(),
                        .count = seat.count(),
                        .grant_time = FromProto(seat.grant_time())});
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return grants;
}

absl::StatusOr<std::shared_ptr<SessionCore>> ClientCore::Attach(
    const std::string& session, SessionOptions options, const CallOptions& call,
    std::vector<Seat>* seats) {
  if (session.empty() || !IsUtf8(session)) {
    return absl::InvalidArgumentError(
        "the session must be \"sessions/\" and a number");
  }
  const CallLimits limits = Limits(call);
  absl::Duration sent;
  // It says whose the session is; the renewal, that it is still there.
  QUORATE_ASSIGN_OR_RETURN(const auto grants, ListGrants(session, limits));
  QUORATE_ASSIGN_OR_RETURN(const absl::Duration ttl,
                           RenewOnce(session, limits, &sent));
  auto core = std::make_shared<SessionCore>(
      shared_from_this(), session, ttl,
      SessionCore::Callbacks{
          .lost = std::move(options.on_lost),
          .seat_released = std::move(options.on_seat_released),
          .seat_idle = std::move(options.on_seat_idle),
          .seat_called_back = std::move(options.on_seat_called_back)});
  {
    MutexLock lock(&mu_);
    std::weak_ptr<SessionCore>& open = open_[session];
    if (!open.expired()) {
      return absl::FailedPreconditionError(
          absl::StrCat("this client has ", session, " already"));
    }
    open = core;
  }
  core->Start(sent);
  // Over the stream that brings its news.
  keep_alive_.RenewNow(session);
  for (const Seat::Grant& grant : grants) {
    seats->emplace_back(core, grant);
    core->Hold(grant.handle);
  }
  return core;
}

}  // namespace quorate

// What all sessions of a client share.

#include <algorithm>
#include <utility>

#include "quorate/checkout/v1/checkout.pb.h"

#include "base/status.h"
#include "client/messages.h"
#include "client/process_identity.h"
#include "client/session_core.h"

namespace quorate {
namespace {

// How long ~Client may take for closing what is open.
constexpr absl::Duration kShutdownTime = absl::Seconds(2);

}  // namespace

ClientCore::ClientCore(ClientOptions options, const Clock* clock)
    : options_(std::move(options)),
      clock_(clock),
      endpoints_(options_, clock),
      caller_(&endpoints_, clock),
      keep_alive_(&endpoints_, clock, options_.keep_alive_answer),
      returns_(clock),
      callbacks_(clock) {}

CallLimits ClientCore::Limits(const CallOptions& options) const {
  const absl::Duration deadline = options.deadline > absl::ZeroDuration()
                                      ? options.deadline
                                      : options_.deadline;
  return {.deadline = std::min(deadline, ClientOptions::kMaxDeadline),
          .first_attempt = options_.first_attempt};
}

absl::StatusOr<std::shared_ptr<SessionCore>> ClientCore::Open(
    SessionOptions options, const CallOptions& call) {
  checkout::v1::OpenSessionRequest request;
  request.set_request_id(RequestIdOf(call));
  checkout::v1::ClientDescription* client = request.mutable_client();
  client->set_user(options.user.empty() ? LoginName() : options.user);
  client->set_host(options.host.empty() ? HostName() : options.host);
  client->set_display(options.display);
  client->set_application(options.application);
  client->set_version(options.version);
  client->set_project(options.project);
  client->set_process_id(options.process_id != 0 ? options.process_id
                                                 : ProcessId());
  *request.mutable_ttl() = ToProto(options.ttl);
  for (const auto& [field, text] :
       {std::pair("request_id", &request.request_id()),
        std::pair("user", &client->user()), std::pair("host", &client->host()),
        std::pair("display", &client->display()),
        std::pair("application", &client->application()),
        std::pair("version", &client->version()),
        std::pair("project", &client->project())}) {
    QUORATE_RETURN_IF_ERROR(CheckText(field, *text));
  }
  checkout::v1::OpenSessionResponse response;
  // Before the first attempt: the lease may have begun with any of them.
  const absl::Duration sent = clock_->SinceBoot();
  QUORATE_RETURN_IF_ERROR(caller_.Run(
      Limits(call),
      [&](const Connection& connection, grpc::ClientContext* context) {
        response.Clear();
        return connection.checkout->OpenSession(context, request, &response);
      }));
  const absl::Duration ttl = FromProto(response.ttl());
  if (response.session().empty() || ttl <= absl::ZeroDuration()) {
    return absl::InternalError("the member answered without a session");
  }
  auto session = std::make_shared<SessionCore>(
      shared_from_this(), response.session(), ttl,
      SessionCore::Callbacks{
          .lost = std::move(options.on_lost),
          .seat_released = std::move(options.on_seat_released),
          .seat_idle = std::move(options.on_seat_idle),
          .seat_called_back = std::move(options.on_seat_called_back)});
  {
    MutexLock lock(&mu_);
    open_[session->name()] = session;
  }
  session->Start(sent);
  return session;
}

void ClientCore::Forget(const std::string& session) {
  MutexLock lock(&mu_);
  open_.erase(session);
}

std::vector<std::shared_ptr<SessionCore>> ClientCore::OpenSessions() {
  std::vector<std::shared_ptr<SessionCore>> open;
  MutexLock lock(&mu_);
  for (const auto& [name, weak] : open_) {
    if (auto session = weak.lock()) open.push_back(std::move(session));
  }
  return open;
}

void ClientCore::CancelCalls() {
  caller_.Cancel();
  for (const auto& session : OpenSessions()) {
    session->CancelWaits();
  }
}

void ClientCore::Shutdown() {
  CancelCalls();
  const std::vector<std::shared_ptr<SessionCore>> open = OpenSessions();
  for (const auto& session : open) {
    session->CloseLater();
  }
  returns_.Drain(kShutdownTime);
  caller_.Stop();
  returns_.Stop();
  keep_alive_.Stop();
  callbacks_.Stop();
  for (const auto& session : open) {
    session->Abandon();
  }
}

}  // namespace quorate

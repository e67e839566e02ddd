#include "client/client.h"

#include <utility>

#include "base/status.h"
#include "client/session_core.h"

namespace quorate {

absl::StatusOr<std::unique_ptr<Client>> Client::Create(ClientOptions options) {
  return CreateForTest(std::move(options), &SystemClock());
}

absl::StatusOr<std::unique_ptr<Client>> Client::CreateForTest(
    ClientOptions options, const Clock* clock) {
  QUORATE_RETURN_IF_ERROR(options.Validate());
  return std::unique_ptr<Client>(
      new Client(std::make_shared<ClientCore>(std::move(options), clock)));
}

Client::Client(std::shared_ptr<ClientCore> core) : core_(std::move(core)) {}

Client::~Client() {
  core_->Shutdown();
}

absl::StatusOr<std::unique_ptr<Session>> Client::OpenSession(
    SessionOptions options, const CallOptions& call) {
  QUORATE_ASSIGN_OR_RETURN(std::shared_ptr<SessionCore> session,
                           core_->Open(std::move(options), call));
  return std::make_unique<Session>(std::move(session));
}

absl::StatusOr<AttachedSession> Client::Attach(const std::string& session,
                                               SessionOptions options,
                                               const CallOptions& call) {
  AttachedSession attached;
  QUORATE_ASSIGN_OR_RETURN(auto core, core_->Attach(session, std::move(options),
                                                    call, &attached.seats));
  attached.session = std::make_unique<Session>(std::move(core));
  return attached;
}

absl::Status Client::ReturnBorrow(const std::string& borrow,
                                  const CallOptions& call) {
  return core_->ReturnBorrow(borrow, call);
}

void Client::CancelCalls() {
  core_->CancelCalls();
}

}  // namespace quorate

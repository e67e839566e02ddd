// What administrators do to sessions and seats of others.

#ifndef QUORATE_SERVER_RPC_SESSION_SERVICE_H_
#define QUORATE_SERVER_RPC_SESSION_SERVICE_H_

#include "quorate/admin/v1/session.grpc.pb.h"

#include "server/rpc/member_calls.h"

namespace quorate::server {

// Authenticates, validates, proposes, translates (design §6), and logs who did
// what to whom. Thread-safe.
class SessionService final : public admin::v1::SessionService::CallbackService {
 public:
  // Not owned.
  explicit SessionService(MemberCalls* calls) : calls_(calls) {}

  grpc::ServerUnaryReactor* TerminateSession(
      grpc::CallbackServerContext* context,
      const admin::v1::TerminateSessionRequest* request,
      admin::v1::TerminateSessionResponse* response) override;

  grpc::ServerUnaryReactor* ReleaseSeat(
      grpc::CallbackServerContext* context,
      const admin::v1::ReleaseSeatRequest* request,
      admin::v1::ReleaseSeatResponse* response) override;

  grpc::ServerUnaryReactor* ReleaseNamedUser(
      grpc::CallbackServerContext* context,
      const admin::v1::ReleaseNamedUserRequest* request,
      admin::v1::ReleaseNamedUserResponse* response) override;

  grpc::ServerUnaryReactor* WriteOffBorrow(
      grpc::CallbackServerContext* context,
      const admin::v1::WriteOffBorrowRequest* request,
      admin::v1::WriteOffBorrowResponse* response) override;

 private:
  MemberCalls* const calls_;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_SESSION_SERVICE_H_

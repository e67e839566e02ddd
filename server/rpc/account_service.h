// Accounts: who may do what, shown and changed.

#ifndef QUORATE_SERVER_RPC_ACCOUNT_SERVICE_H_
#define QUORATE_SERVER_RPC_ACCOUNT_SERVICE_H_

#include <string>

#include "quorate/admin/v1/account.grpc.pb.h"

#include "server/rpc/member_calls.h"
#include "server/rpc/validation.h"

namespace quorate::server {

// Authenticates, validates, proposes, translates (design §6), and logs who did
// what to whose account. Thread-safe.
class AccountService final : public admin::v1::AccountService::CallbackService {
 public:
  // Not owned.
  explicit AccountService(MemberCalls* calls) : calls_(calls) {}

  grpc::ServerUnaryReactor* ListAccounts(
      grpc::CallbackServerContext* context,
      const admin::v1::ListAccountsRequest* request,
      admin::v1::ListAccountsResponse* response) override;

  grpc::ServerUnaryReactor* GetAccount(
      grpc::CallbackServerContext* context,
      const admin::v1::GetAccountRequest* request,
      admin::v1::GetAccountResponse* response) override;

  grpc::ServerUnaryReactor* SetAccount(
      grpc::CallbackServerContext* context,
      const admin::v1::SetAccountRequest* request,
      admin::v1::SetAccountResponse* response) override;

  grpc::ServerUnaryReactor* DeleteAccount(
      grpc::CallbackServerContext* context,
      const admin::v1::DeleteAccountRequest* request,
      admin::v1::DeleteAccountResponse* response) override;

  grpc::ServerUnaryReactor* TestPermissions(
      grpc::CallbackServerContext* context,
      const admin::v1::TestPermissionsRequest* request,
      admin::v1::TestPermissionsResponse* response) override;

  grpc::ServerUnaryReactor* TestAccountPermissions(
      grpc::CallbackServerContext* context,
      const admin::v1::TestAccountPermissionsRequest* request,
      admin::v1::TestAccountPermissionsResponse* response) override;

 private:
  std::string CheckAccount(const std::string& given, FieldFaults* faults) const;

  MemberCalls* const calls_;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_ACCOUNT_SERVICE_H_

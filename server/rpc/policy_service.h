// The policy of a cluster.

#ifndef QUORATE_SERVER_RPC_POLICY_SERVICE_H_
#define QUORATE_SERVER_RPC_POLICY_SERVICE_H_

#include "quorate/admin/v1/policy.grpc.pb.h"

#include "server/rpc/member_calls.h"

namespace quorate::server {

// Shows, plans and changes the policy, and reads and writes its files; see
// policy.proto for what is promised. Files are read on the caller's thread, and
// no more than they say goes to the log. Thread-safe.
class PolicyService final : public admin::v1::PolicyService::CallbackService {
 public:
  // Not owned.
  explicit PolicyService(MemberCalls* calls) : calls_(calls) {}

  grpc::ServerUnaryReactor* GetPolicy(
      grpc::CallbackServerContext* context,
      const admin::v1::GetPolicyRequest* request,
      admin::v1::GetPolicyResponse* response) override;

  grpc::ServerUnaryReactor* PlanPolicy(
      grpc::CallbackServerContext* context,
      const admin::v1::PlanPolicyRequest* request,
      admin::v1::PlanPolicyResponse* response) override;

  grpc::ServerUnaryReactor* ApplyPolicy(
      grpc::CallbackServerContext* context,
      const admin::v1::ApplyPolicyRequest* request,
      admin::v1::ApplyPolicyResponse* response) override;

  grpc::ServerUnaryReactor* ListPolicyVersions(
      grpc::CallbackServerContext* context,
      const admin::v1::ListPolicyVersionsRequest* request,
      admin::v1::ListPolicyVersionsResponse* response) override;

  grpc::ServerUnaryReactor* RollBackPolicy(
      grpc::CallbackServerContext* context,
      const admin::v1::RollBackPolicyRequest* request,
      admin::v1::RollBackPolicyResponse* response) override;

  grpc::ServerUnaryReactor* ExportPolicy(
      grpc::CallbackServerContext* context,
      const admin::v1::ExportPolicyRequest* request,
      admin::v1::ExportPolicyResponse* response) override;

  grpc::ServerUnaryReactor* ImportPolicy(
      grpc::CallbackServerContext* context,
      const admin::v1::ImportPolicyRequest* request,
      admin::v1::ImportPolicyResponse* response) override;

 private:
  MemberCalls* const calls_;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_POLICY_SERVICE_H_

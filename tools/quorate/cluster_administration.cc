// The calls with which a cluster is administered.

#include <utility>

#include "base/status.h"
#include "tools/quorate/cluster.h"
#include "tools/quorate/cluster_calls.h"

namespace quorate::cli {
namespace {

// A member gives a mail server 20 s, one test after another.
constexpr absl::Duration kMailTime = absl::Seconds(30);

}  // namespace

absl::StatusOr<admin::v1::ListMembersResponse> Cluster::ListMembers(
    const ListQuery& query) {
  return calls_->List(&Connection::cluster,
                      &admin::v1::ClusterService::Stub::ListMembers,
                      &admin::v1::ListMembersResponse::mutable_members, query);
}

absl::StatusOr<admin::v1::AddMemberResponse> Cluster::AddMember(
    admin::v1::AddMemberRequest request) {
  return calls_->Change(&Connection::cluster,
                        &admin::v1::ClusterService::Stub::AddMember,
                        std::move(request));
}

absl::StatusOr<admin::v1::PromoteMemberResponse> Cluster::PromoteMember(
    admin::v1::PromoteMemberRequest request) {
  return calls_->Change(&Connection::cluster,
                        &admin::v1::ClusterService::Stub::PromoteMember,
                        std::move(request));
}

absl::StatusOr<admin::v1::RemoveMemberResponse> Cluster::RemoveMember(
    admin::v1::RemoveMemberRequest request) {
  return calls_->Change(&Connection::cluster,
                        &admin::v1::ClusterService::Stub::RemoveMember,
                        std::move(request));
}

absl::StatusOr<admin::v1::TransferLeadershipResponse>
Cluster::TransferLeadership(admin::v1::TransferLeadershipRequest request) {
  return calls_->Change(&Connection::cluster,
                        &admin::v1::ClusterService::Stub::TransferLeadership,
                        std::move(request));
}

absl::StatusOr<admin::v1::CreateJoinTokenResponse> Cluster::CreateJoinToken(
    admin::v1::CreateJoinTokenRequest request) {
  return calls_->Change(&Connection::cluster,
                        &admin::v1::ClusterService::Stub::CreateJoinToken,
                        std::move(request));
}

absl::StatusOr<admin::v1::ReplaceMemberResponse> Cluster::ReplaceMember(
    admin::v1::ReplaceMemberRequest request) {
  return calls_->Change(&Connection::cluster,
                        &admin::v1::ClusterService::Stub::ReplaceMember,
                        std::move(request));
}

absl::StatusOr<admin::v1::AcceptCalendarResponse> Cluster::AcceptCalendar(
    admin::v1::AcceptCalendarRequest request) {
  return calls_->Change(&Connection::cluster,
                        &admin::v1::ClusterService::Stub::AcceptCalendar,
                        std::move(request));
}

absl::StatusOr<admin::v1::ListAccountsResponse> Cluster::ListAccounts(
    const ListQuery& query) {
  return calls_->List(
      &Connection::accounts, &admin::v1::AccountService::Stub::ListAccounts,
      &admin::v1::ListAccountsResponse::mutable_accounts, query);
}

absl::StatusOr<admin::v1::GetAccountResponse> Cluster::GetAccount(
    const std::string& account) {
  admin::v1::GetAccountRequest request;
  request.set_account(account);
  return calls_->Ask(&Connection::accounts,
                     &admin::v1::AccountService::Stub::GetAccount, request);
}

absl::StatusOr<admin::v1::SetAccountResponse> Cluster::SetAccount(
    admin::v1::SetAccountRequest request) {
  return calls_->Change(&Connection::accounts,
                        &admin::v1::AccountService::Stub::SetAccount,
                        std::move(request));
}

absl::StatusOr<admin::v1::DeleteAccountResponse> Cluster::DeleteAccount(
    admin::v1::DeleteAccountRequest request) {
  return calls_->Change(&Connection::accounts,
                        &admin::v1::AccountService::Stub::DeleteAccount,
                        std::move(request));
}

absl::StatusOr<admin::v1::TestPermissionsResponse> Cluster::TestPermissions(
    bool local) {
  admin::v1::TestPermissionsRequest request;
  request.mutable_consistency()->set_kind(KindFor(local));
  return calls_->Ask(&Connection::accounts,
                     &admin::v1::AccountService::Stub::TestPermissions,
                     request);
}

absl::StatusOr<admin::v1::TestAccountPermissionsResponse>
Cluster::TestAccountPermissions(const std::string& account, bool local) {
  admin::v1::TestAccountPermissionsRequest request;
  request.set_account(account);
  request.mutable_consistency()->set_kind(KindFor(local));
  return calls_->Ask(&Connection::accounts,
                     &admin::v1::AccountService::Stub::TestAccountPermissions,
                     request);
}

absl::StatusOr<admin::v1::GetPolicyResponse> Cluster::GetPolicy() {
  return calls_->Ask(&Connection::policies,
                     &admin::v1::PolicyService::Stub::GetPolicy,
                     admin::v1::GetPolicyRequest());
}

absl::StatusOr<admin::v1::PlanPolicyResponse> Cluster::PlanPolicy(
    const admin::v1::PlanPolicyRequest& request) {
  return calls_->Ask(&Connection::policies,
                     &admin::v1::PolicyService::Stub::PlanPolicy, request);
}

absl::StatusOr<admin::v1::ApplyPolicyResponse> Cluster::ApplyPolicy(
    admin::v1::ApplyPolicyRequest request) {
  return calls_->Change(&Connection::policies,
                        &admin::v1::PolicyService::Stub::ApplyPolicy,
                        std::move(request));
}

absl::StatusOr<admin::v1::RollBackPolicyResponse> Cluster::RollBackPolicy(
    admin::v1::RollBackPolicyRequest request) {
  return calls_->Change(&Connection::policies,
                        &admin::v1::PolicyService::Stub::RollBackPolicy,
                        std::move(request));
}

absl::StatusOr<admin::v1::ListPolicyVersionsResponse>
Cluster::ListPolicyVersions(const ListQuery& query) {
  return calls_->List(&Connection::policies,
                      &admin::v1::PolicyService::Stub::ListPolicyVersions,
                      &admin::v1::ListPolicyVersionsResponse::mutable_versions,
                      query);
}

absl::StatusOr<admin::v1::ExportPolicyResponse> Cluster::ExportPolicy(
    const admin::v1::ExportPolicyRequest& request) {
  return calls_->Ask(&Connection::policies,
                     &admin::v1::PolicyService::Stub::ExportPolicy, request);
}

absl::StatusOr<admin::v1::ImportPolicyResponse> Cluster::ImportPolicy(
    const admin::v1::ImportPolicyRequest& request) {
  return calls_->Ask(&Connection::policies,
                     &admin::v1::PolicyService::Stub::ImportPolicy, request);
}

absl::StatusOr<admin::v1::GetAlertSettingsResponse>
Cluster::GetAlertSettings() {
  return calls_->Ask(&Connection::alerts,
                     &admin::v1::AlertService::Stub::GetAlertSettings,
                     admin::v1::GetAlertSettingsRequest());
}

absl::StatusOr<admin::v1::UpdateAlertSettingsResponse>
Cluster::UpdateAlertSettings(admin::v1::UpdateAlertSettingsRequest request) {
  return calls_->Change(&Connection::alerts,
                        &admin::v1::AlertService::Stub::UpdateAlertSettings,
                        std::move(request));
}

absl::StatusOr<admin::v1::SendTestAlertResponse> Cluster::SendTestAlert(
    admin::v1::SendTestAlertRequest request) {
  request.set_request_id(DrawRequestId());
  admin::v1::SendTestAlertResponse response;
  QUORATE_RETURN_IF_ERROR(calls_->caller.Run(
      {.deadline = kMailTime, .first_attempt = kMailTime},
      [&](const Connection& connection, grpc::ClientContext* context) {
        response.Clear();
        return connection.alerts->SendTestAlert(context, request, &response);
      }));
  return response;
}

absl::StatusOr<admin::v1::ListSentAlertsResponse> Cluster::ListSentAlerts(
    const ListQuery& query) {
  return calls_->List(
      &Connection::alerts, &admin::v1::AlertService::Stub::ListSentAlerts,
      &admin::v1::ListSentAlertsResponse::mutable_alerts, query);
}

absl::StatusOr<admin::v1::GetRestorationResponse> Cluster::GetRestoration(
    bool local) {
  admin::v1::GetRestorationRequest request;
  request.mutable_consistency()->set_kind(KindFor(local));
  return calls_->Ask(&Connection::backups,
                     &admin::v1::BackupService::Stub::GetRestoration, request);
}

absl::StatusOr<admin::v1::ReleaseRestoredResponse> Cluster::ReleaseRestored(
    admin::v1::ReleaseRestoredRequest request) {
  return calls_->Change(&Connection::backups,
                        &admin::v1::BackupService::Stub::ReleaseRestored,
                        std::move(request));
}

absl::StatusOr<admin::v1::RetireClusterResponse> Cluster::RetireCluster(
    admin::v1::RetireClusterRequest request) {
  return calls_->Change(&Connection::backups,
                        &admin::v1::BackupService::Stub::RetireCluster,
                        std::move(request));
}

}  // namespace quorate::cli

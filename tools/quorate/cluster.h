// The calls that show and administer a cluster: what the SDK does not have.

#ifndef QUORATE_TOOLS_QUORATE_CLUSTER_H_
#define QUORATE_TOOLS_QUORATE_CLUSTER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "quorate/admin/v1/account.pb.h"
#include "quorate/admin/v1/alert.pb.h"
#include "quorate/admin/v1/backup.pb.h"
#include "quorate/admin/v1/cluster.pb.h"
#include "quorate/admin/v1/license.pb.h"
#include "quorate/admin/v1/policy.pb.h"
#include "quorate/admin/v1/session.pb.h"
#include "quorate/checkout/v1/checkout.pb.h"
#include "quorate/monitoring/v1/monitoring.pb.h"

#include "client/client_options.h"

namespace quorate::cli {

// What a list shows, and how fresh.
struct ListQuery {
  std::string filter = {};
  bool local = false;  // What the answering member has; works alone.
};

// Blocking calls with the SDK's failover. Lists come whole, all pages in one
// response. Errors are the cluster's, or those of Caller::Run. Thread-safe.
class Cluster {
 public:
  // `options` must be valid.
  explicit Cluster(const ClientOptions& options);
  ~Cluster();

  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  absl::StatusOr<monitoring::v1::ListPoolsResponse> ListPools(
      const ListQuery& query);
  absl::StatusOr<monitoring::v1::ListSessionsResponse> ListSessions(
      const ListQuery& query);
  absl::StatusOr<monitoring::v1::ListSeatsResponse> ListSeats(
      const ListQuery& query);
  absl::StatusOr<monitoring::v1::ListQueueResponse> ListQueue(
      const ListQuery& query);
  absl::StatusOr<monitoring::v1::ListCasualUsersResponse> ListCasualUsers(
      const ListQuery& query);
  absl::StatusOr<monitoring::v1::ListNamedUsersResponse> ListNamedUsers(
      const ListQuery& query);
  absl::StatusOr<admin::v1::ReleaseNamedUserResponse> ReleaseNamedUser(
      admin::v1::ReleaseNamedUserRequest request);
  absl::StatusOr<monitoring::v1::ListReservationsResponse> ListReservations(
      const ListQuery& query);
  // `request` says all but the pages and how fresh.
  absl::StatusOr<monitoring::v1::QueryUsageResponse> QueryUsage(
      monitoring::v1::QueryUsageRequest request, bool local);
  absl::StatusOr<monitoring::v1::ListDenialsResponse> ListDenials(
      monitoring::v1::ListDenialsRequest request, bool local);
  absl::StatusOr<monitoring::v1::ReplayUsageResponse> ReplayUsage(
      monitoring::v1::ReplayUsageRequest request, bool local);
  absl::StatusOr<monitoring::v1::AdviseSeatsResponse> AdviseSeats(
      monitoring::v1::AdviseSeatsRequest request, bool local);
  absl::StatusOr<admin::v1::TerminateSessionResponse> TerminateSession(
      admin::v1::TerminateSessionRequest request);
  absl::StatusOr<admin::v1::ReleaseSeatResponse> ReleaseSeat(
      admin::v1::ReleaseSeatRequest request);
  absl::StatusOr<monitoring::v1::ListBorrowsResponse> ListBorrows(
      const ListQuery& query);
  absl::StatusOr<monitoring::v1::ListWriteOffsResponse> ListWriteOffs(
      const ListQuery& query);
  absl::StatusOr<admin::v1::WriteOffBorrowResponse> WriteOffBorrow(
      admin::v1::WriteOffBorrowRequest request);
  absl::StatusOr<checkout::v1::BookResponse> Book(
      checkout::v1::BookRequest request);
  absl::StatusOr<checkout::v1::CancelBookingResponse> CancelBooking(
      checkout::v1::CancelBookingRequest request);
  absl::StatusOr<admin::v1::ListLicensesResponse> ListLicenses(
      const ListQuery& query);
  absl::StatusOr<admin::v1::InstallLicenseResponse> InstallLicense(
      const std::string& file);

  absl::StatusOr<admin::v1::ListMembersResponse> ListMembers(
      const ListQuery& query);

  // Each gives the request its request_id.
  absl::StatusOr<admin::v1::AddMemberResponse> AddMember(
      admin::v1::AddMemberRequest request);
  absl::StatusOr<admin::v1::PromoteMemberResponse> PromoteMember(
      admin::v1::PromoteMemberRequest request);
  absl::StatusOr<admin::v1::RemoveMemberResponse> RemoveMember(
      admin::v1::RemoveMemberRequest request);
  absl::StatusOr<admin::v1::TransferLeadershipResponse> TransferLeadership(
      admin::v1::TransferLeadershipRequest request);
  absl::StatusOr<admin::v1::CreateJoinTokenResponse> CreateJoinToken(
      admin::v1::CreateJoinTokenRequest request);
  absl::StatusOr<admin::v1::ReplaceMemberResponse> ReplaceMember(
      admin::v1::ReplaceMemberRequest request);
  absl::StatusOr<admin::v1::AcceptCalendarResponse> AcceptCalendar(
      admin::v1::AcceptCalendarRequest request);

  absl::StatusOr<admin::v1::ListAccountsResponse> ListAccounts(
      const ListQuery& query);
  absl::StatusOr<admin::v1::GetAccountResponse> GetAccount(
      const std::string& account);
  absl::StatusOr<admin::v1::SetAccountResponse> SetAccount(
      admin::v1::SetAccountRequest request);
  absl::StatusOr<admin::v1::DeleteAccountResponse> DeleteAccount(
      admin::v1::DeleteAccountRequest request);
  absl::StatusOr<admin::v1::TestPermissionsResponse> TestPermissions(
      bool local);
  absl::StatusOr<admin::v1::TestAccountPermissionsResponse>
  TestAccountPermissions(const std::string& account, bool local);

  absl::StatusOr<admin::v1::GetPolicyResponse> GetPolicy();
  absl::StatusOr<admin::v1::PlanPolicyResponse> PlanPolicy(
      const admin::v1::PlanPolicyRequest& request);
  absl::StatusOr<admin::v1::ApplyPolicyResponse> ApplyPolicy(
      admin::v1::ApplyPolicyRequest request);
  absl::StatusOr<admin::v1::RollBackPolicyResponse> RollBackPolicy(
      admin::v1::RollBackPolicyRequest request);
  absl::StatusOr<admin::v1::ListPolicyVersionsResponse> ListPolicyVersions(
      const ListQuery& query);
  absl::StatusOr<admin::v1::ExportPolicyResponse> ExportPolicy(
      const admin::v1::ExportPolicyRequest& request);
  absl::StatusOr<admin::v1::ImportPolicyResponse> ImportPolicy(
      const admin::v1::ImportPolicyRequest& request);
  absl::StatusOr<monitoring::v1::ExplainCheckoutResponse> ExplainCheckout(
      const monitoring::v1::ExplainCheckoutRequest& request);

  absl::StatusOr<admin::v1::GetAlertSettingsResponse> GetAlertSettings();
  absl::StatusOr<admin::v1::UpdateAlertSettingsResponse> UpdateAlertSettings(
      admin::v1::UpdateAlertSettingsRequest request);
  // One member is asked, for as long as a mail may take.
  absl::StatusOr<admin::v1::SendTestAlertResponse> SendTestAlert(
      admin::v1::SendTestAlertRequest request);
  absl::StatusOr<admin::v1::ListSentAlertsResponse> ListSentAlerts(
      const ListQuery& query);

  absl::StatusOr<admin::v1::GetRestorationResponse> GetRestoration(bool local);
  absl::StatusOr<admin::v1::ReleaseRestoredResponse> ReleaseRestored(
      admin::v1::ReleaseRestoredRequest request);
  absl::StatusOr<admin::v1::RetireClusterResponse> RetireCluster(
      admin::v1::RetireClusterRequest request);

 private:
  struct Calls;

  const std::unique_ptr<Calls> calls_;
};

// "sessions/7", also where only the number was given.
std::string SessionNameOf(const std::string& given);

// `field="value"`, as the lists' filters are written.
std::string FilterFor(absl::string_view field, absl::string_view value);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_CLUSTER_H_

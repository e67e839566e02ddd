#include "tools/quorate/cluster.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "base/clock.h"
#include "base/status.h"
#include "client/caller.h"
#include "client/endpoint_set.h"

namespace quorate::cli {
namespace {

constexpr int kPageSize = 1000;

// A member gives a mail server 20 s, one test after another.
constexpr absl::Duration kMailTime = absl::Seconds(30);

// A million rows; a cluster has no more, and a member that never ends its
// list must not fill our memory.
constexpr int kMaxPages = 1000;

type::v1::Consistency::Kind KindFor(bool local) {
  return local ? type::v1::Consistency::KIND_LOCAL
               : type::v1::Consistency::KIND_LINEARIZABLE;
}

template <typename Request>
Request ListRequest(const ListQuery& query) {
  Request request;
  request.set_page_size(kPageSize);
  request.set_filter(query.filter);
  request.mutable_consistency()->set_kind(KindFor(query.local));
  return request;
}

}  // namespace

struct Cluster::Calls {
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
    return ListAll(stub, method, rows, ListRequest<Request>(query));
  }

  // The same from the first page that `request` asks for.
  template <typename Stub, typename Request, typename Response, typename Row>
  absl::StatusOr<Response> ListAll(
      Place<Stub> stub, Method<Stub, Request, Response> method,
      google::protobuf::RepeatedPtrField<Row>* (Response::*rows)(),
      Request request) {
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

Cluster::Cluster(const ClientOptions& options)
    : calls_(std::make_unique<Calls>(options)) {}

Cluster::~Cluster() = default;

absl::StatusOr<monitoring::v1::ListPoolsResponse> Cluster::ListPools(
    const ListQuery& query) {
  return calls_->List(&Connection::monitoring,
                      &monitoring::v1::MonitoringService::Stub::ListPools,
                      &monitoring::v1::ListPoolsResponse::mutable_pools, query);
}

absl::StatusOr<monitoring::v1::ListSessionsResponse> Cluster::ListSessions(
    const ListQuery& query) {
  return calls_->List(&Connection::monitoring,
                      &monitoring::v1::MonitoringService::Stub::ListSessions,
                      &monitoring::v1::ListSessionsResponse::mutable_sessions,
                      query);
}

absl::StatusOr<monitoring::v1::ListSeatsResponse> Cluster::ListSeats(
    const ListQuery& query) {
  return calls_->List(&Connection::monitoring,
                      &monitoring::v1::MonitoringService::Stub::ListSeats,
                      &monitoring::v1::ListSeatsResponse::mutable_seats, query);
}

absl::StatusOr<monitoring::v1::ListQueueResponse> Cluster::ListQueue(
    const ListQuery& query) {
  return calls_->List(&Connection::monitoring,
                      &monitoring::v1::MonitoringService::Stub::ListQueue,
                      &monitoring::v1::ListQueueResponse::mutable_checkouts,
                      query);
}

absl::StatusOr<monitoring::v1::ListCasualUsersResponse>
Cluster::ListCasualUsers(const ListQuery& query) {
  return calls_->List(&Connection::monitoring,
                      &monitoring::v1::MonitoringService::Stub::ListCasualUsers,
                      &monitoring::v1::ListCasualUsersResponse::mutable_users,
                      query);
}

absl::StatusOr<monitoring::v1::ListNamedUsersResponse> Cluster::ListNamedUsers(
    const ListQuery& query) {
  return calls_->List(&Connection::monitoring,
                      &monitoring::v1::MonitoringService::Stub::ListNamedUsers,
                      &monitoring::v1::ListNamedUsersResponse::mutable_users,
                      query);
}

absl::StatusOr<admin::v1::ReleaseNamedUserResponse> Cluster::ReleaseNamedUser(
    admin::v1::ReleaseNamedUserRequest request) {
  return calls_->Change(&Connection::sessions,
                        &admin::v1::SessionService::Stub::ReleaseNamedUser,
                        std::move(request));
}

absl::StatusOr<monitoring::v1::ListReservationsResponse>
Cluster::ListReservations(const ListQuery& query) {
  return calls_->List(
      &Connection::monitoring,
      &monitoring::v1::MonitoringService::Stub::ListReservations,
      &monitoring::v1::ListReservationsResponse::mutable_reservations, query);
}

absl::StatusOr<monitoring::v1::QueryUsageResponse> Cluster::QueryUsage(
    monitoring::v1::QueryUsageRequest request, bool local) {
  request.set_page_size(kPageSize);
  request.mutable_consistency()->set_kind(KindFor(local));
  return calls_->ListAll(&Connection::monitoring,
                         &monitoring::v1::MonitoringService::Stub::QueryUsage,
                         &monitoring::v1::QueryUsageResponse::mutable_rows,
                         std::move(request));
}

absl::StatusOr<monitoring::v1::ListDenialsResponse> Cluster::ListDenials(
    monitoring::v1::ListDenialsRequest request, bool local) {
  request.set_page_size(kPageSize);
  request.mutable_consistency()->set_kind(KindFor(local));
  return calls_->ListAll(&Connection::monitoring,
                         &monitoring::v1::MonitoringService::Stub::ListDenials,
                         &monitoring::v1::ListDenialsResponse::mutable_denials,
                         std::move(request));
}

absl::StatusOr<monitoring::v1::ReplayUsageResponse> Cluster::ReplayUsage(
    monitoring::v1::ReplayUsageRequest request, bool local) {
  request.mutable_consistency()->set_kind(KindFor(local));
  return calls_->Ask(&Connection::monitoring,
                     &monitoring::v1::MonitoringService::Stub::ReplayUsage,
                     request);
}

absl::StatusOr<monitoring::v1::AdviseSeatsResponse> Cluster::AdviseSeats(
    monitoring::v1::AdviseSeatsRequest request, bool local) {
  request.mutable_consistency()->set_kind(KindFor(local));
  return calls_->Ask(&Connection::monitoring,
                     &monitoring::v1::MonitoringService::Stub::AdviseSeats,
                     request);
}

absl::StatusOr<admin::v1::TerminateSessionResponse> Cluster::TerminateSession(
    admin::v1::TerminateSessionRequest request) {
  return calls_->Change(&Connection::sessions,
                        &admin::v1::SessionService::Stub::TerminateSession,
                        std::move(request));
}

absl::StatusOr<admin::v1::ReleaseSeatResponse> Cluster::ReleaseSeat(
    admin::v1::ReleaseSeatRequest request) {
  return calls_->Change(&Connection::sessions,
                        &admin::v1::SessionService::Stub::ReleaseSeat,
                        std::move(request));
}

absl::StatusOr<monitoring::v1::ListBorrowsResponse> Cluster::ListBorrows(
    const ListQuery& query) {
  return calls_->List(&Connection::monitoring,
                      &monitoring::v1::MonitoringService::Stub::ListBorrows,
                      &monitoring::v1::ListBorrowsResponse::mutable_borrows,
                      query);
}

absl::StatusOr<monitoring::v1::ListWriteOffsResponse> Cluster::ListWriteOffs(
    const ListQuery& query) {
  return calls_->List(
      &Connection::monitoring,
      &monitoring::v1::MonitoringService::Stub::ListWriteOffs,
      &monitoring::v1::ListWriteOffsResponse::mutable_write_offs, query);
}

absl::StatusOr<admin::v1::WriteOffBorrowResponse> Cluster::WriteOffBorrow(
    admin::v1::WriteOffBorrowRequest request) {
  return calls_->Change(&Connection::sessions,
                        &admin::v1::SessionService::Stub::WriteOffBorrow,
                        std::move(request));
}

absl::StatusOr<checkout::v1::BookResponse> Cluster::Book(
    checkout::v1::BookRequest request) {
  return calls_->Change(&Connection::checkout,
                        &checkout::v1::CheckoutService::Stub::Book,
                        std::move(request));
}

absl::StatusOr<checkout::v1::CancelBookingResponse> Cluster::CancelBooking(
    checkout::v1::CancelBookingRequest request) {
  return calls_->Change(&Connection::checkout,
                        &checkout::v1::CheckoutService::Stub::CancelBooking,
                        std::move(request));
}

absl::StatusOr<admin::v1::ListLicensesResponse> Cluster::ListLicenses(
    const ListQuery& query) {
  return calls_->List(
      &Connection::licenses, &admin::v1::LicenseService::Stub::ListLicenses,
      &admin::v1::ListLicensesResponse::mutable_licenses, query);
}

absl::StatusOr<admin::v1::InstallLicenseResponse> Cluster::InstallLicense(
    const std::string& file) {
  admin::v1::InstallLicenseRequest request;
  request.set_license_file(file);
  return calls_->Change(&Connection::licenses,
                        &admin::v1::LicenseService::Stub::InstallLicense,
                        std::move(request));
}

absl::StatusOr<admin::v1::ListMembersResponse> Cluster::ListMembers(
    const ListQuery& query) {
  return calls_->List(&Connection::cluster,
                      &admin::v1::ClusterService::Stub::ListMembers,
                      &admin::v1::ListMembersResponse::mutable_members, query);
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

absl::StatusOr<monitoring::v1::ExplainCheckoutResponse>
Cluster::ExplainCheckout(
    const monitoring::v1::ExplainCheckoutRequest& request) {
  return calls_->Ask(&Connection::monitoring,
                     &monitoring::v1::MonitoringService::Stub::ExplainCheckout,
                     request);
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

std::string SessionNameOf(const std::string& given) {
  return absl::StartsWith(given, "sessions/")
             ? given
             : absl::StrCat("sessions/", given);
}

std::string FilterFor(absl::string_view field, absl::string_view value) {
  std::string quoted;
  for (const char letter : value) {
    if (letter == '"' || letter == '\\') quoted.push_back('\\');
    quoted.push_back(letter);
  }
  return absl::StrCat(field, "=\"", quoted, "\"");
}

}  // namespace quorate::cli

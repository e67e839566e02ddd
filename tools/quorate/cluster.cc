#include "tools/quorate/cluster.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "tools/quorate/cluster_calls.h"

namespace quorate::cli {

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
  request.mutable_consistency()->set_kind(KindFor(local));
  return calls_->ListAll(&Connection::monitoring,
                         &monitoring::v1::MonitoringService::Stub::QueryUsage,
                         &monitoring::v1::QueryUsageResponse::mutable_rows,
                         std::move(request));
}

absl::StatusOr<monitoring::v1::ListDenialsResponse> Cluster::ListDenials(
    monitoring::v1::ListDenialsRequest request, bool local) {
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

absl::StatusOr<monitoring::v1::ExplainCheckoutResponse>
Cluster::ExplainCheckout(
    const monitoring::v1::ExplainCheckoutRequest& request) {
  return calls_->Ask(&Connection::monitoring,
                     &monitoring::v1::MonitoringService::Stub::ExplainCheckout,
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

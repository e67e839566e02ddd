// What administrators ask for.

#include <iterator>

#include "absl/strings/match.h"

#include "tests/client/fake_member.h"

namespace quorate {

grpc::Status FakeMember::GetClusterStatus(
    grpc::ServerContext* context,
    const monitoring::v1::GetClusterStatusRequest*,
    monitoring::v1::GetClusterStatusResponse* response) {
  const Conduct conduct = cluster_->Arrive(number_, "GetClusterStatus", "");
  if (conduct == Conduct::kHang) {
    cluster_->WaitForEnd(context);
    return grpc::Status::CANCELLED;
  }
  response->mutable_header()->set_member(absl::StrCat("m", number_ + 1));
  response->set_serving(conduct == Conduct::kServe);
  if (conduct == Conduct::kServe) response->set_leader("m1");
  for (size_t i = 0; i < cluster_->addresses_.size(); ++i) {
    monitoring::v1::Member* member = response->add_members();
    member->set_name(absl::StrCat("m", i + 1));
    member->set_role(i == 0 ? monitoring::v1::MEMBER_ROLE_LEADER
                            : monitoring::v1::MEMBER_ROLE_FOLLOWER);
    member->set_reachable(true);
    member->set_client_endpoint(cluster_->addresses_[i]);
  }
  return grpc::Status::OK;
}

grpc::Status FakeMember::ListPools(
    grpc::ServerContext* context,
    const monitoring::v1::ListPoolsRequest* request,
    monitoring::v1::ListPoolsResponse* response) {
  return Answer(context, "ListPools", "", response,
                [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(cluster_->mu_) {
                  auto pool =
                      cluster_->pools_.upper_bound(request->page_token());
                  if (pool == cluster_->pools_.end()) return grpc::Status::OK;
                  monitoring::v1::Pool* row = response->add_pools();
                  row->set_feature(pool->first);
                  row->set_total(pool->second);
                  row->set_out(OutLocked(pool->first));
                  row->set_free(row->total() - row->out());
                  if (std::next(pool) != cluster_->pools_.end()) {
                    response->set_next_page_token(pool->first);
                  }
                  return grpc::Status::OK;
                });
}

grpc::Status FakeMember::ListSessions(
    grpc::ServerContext* context, const monitoring::v1::ListSessionsRequest*,
    monitoring::v1::ListSessionsResponse* response) {
  return Answer(context, "ListSessions", "", response,
                [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(cluster_->mu_) {
                  for (const auto& [name, client] : cluster_->sessions_) {
                    monitoring::v1::Session* row = response->add_sessions();
                    row->set_name(name);
                    *row->mutable_client() = client;
                  }
                  return grpc::Status::OK;
                });
}

grpc::Status FakeMember::ListSeats(
    grpc::ServerContext* context,
    const monitoring::v1::ListSeatsRequest* request,
    monitoring::v1::ListSeatsResponse* response) {
  return Answer(
      context, "ListSeats", "", response,
      [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(cluster_->mu_) {
        for (const auto& [handle, held] : cluster_->seats_) {
          const std::string filter =
              absl::StrCat("feature=\"", held.feature, "\"");
          if (!request->filter().empty() && request->filter() != filter) {
            continue;
          }
          monitoring::v1::HeldSeat* row = response->add_seats();
          row->mutable_seat()->set_handle(handle);
          row->mutable_seat()->set_feature(held.feature);
          row->mutable_seat()->set_count(held.count);
          row->set_session(held.session);
          *row->mutable_client() = cluster_->sessions_[held.session];
        }
        return grpc::Status::OK;
      });
}

grpc::Status FakeMember::InstallLicense(
    grpc::ServerContext* context,
    const admin::v1::InstallLicenseRequest* request,
    admin::v1::InstallLicenseResponse* response) {
  return Answer(context, "InstallLicense", request->request_id(), response,
                [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(cluster_->mu_) {
                  if (!absl::StartsWith(request->license_file(), "good")) {
                    return FakeRefusal(grpc::StatusCode::INVALID_ARGUMENT,
                                       "LICENSE_INVALID",
                                       "the signature does not hold");
                  }
                  response->mutable_license()->set_name("licenses/good");
                  return grpc::Status::OK;
                });
}

grpc::Status FakeMember::ListQueue(
    grpc::ServerContext* context, const monitoring::v1::ListQueueRequest*,
    monitoring::v1::ListQueueResponse* response) {
  return Answer(context, "ListQueue", "", response,
                [] { return grpc::Status::OK; });
}

grpc::Status FakeMember::ListReservations(
    grpc::ServerContext* context,
    const monitoring::v1::ListReservationsRequest*,
    monitoring::v1::ListReservationsResponse* response) {
  return Answer(context, "ListReservations", "", response,
                [] { return grpc::Status::OK; });
}

grpc::Status FakeMember::ListLicenses(
    grpc::ServerContext* context, const admin::v1::ListLicensesRequest* request,
    admin::v1::ListLicensesResponse* response) {
  if (request->consistency().kind() == type::v1::Consistency::KIND_LOCAL) {
    MutexLock lock(&cluster_->mu_);
    *response = cluster_->licenses_;
    return grpc::Status::OK;
  }
  return Answer(context, "ListLicenses", "", response,
                [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(cluster_->mu_) {
                  *response = cluster_->licenses_;
                  return grpc::Status::OK;
                });
}

}  // namespace quorate

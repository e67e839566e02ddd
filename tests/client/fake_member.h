// One member of a FakeCluster: a gRPC server over its state.

#ifndef QUORATE_TESTS_CLIENT_FAKE_MEMBER_H_
#define QUORATE_TESTS_CLIENT_FAKE_MEMBER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "grpcpp/server.h"

#include "base/check.h"
#include "base/mutex.h"
#include "tests/client/fake_cluster.h"

namespace quorate {

// Serves as FakeCluster's conduct says. Not owned by its cluster's clients, who
// only see its port. Thread-safe.
class FakeMember final : public checkout::v1::CheckoutService::Service,
                         public monitoring::v1::MonitoringService::Service,
                         public admin::v1::LicenseService::Service {
 public:
  FakeMember(FakeCluster* cluster, size_t number)
      : cluster_(cluster),
        number_(number),
        members_(&cluster->membership_, absl::StrCat("m", number + 1)) {}

  std::string Start(const TestCertificates& certificates);

  void Stop();

  grpc::Status OpenSession(
      grpc::ServerContext* context,
      const checkout::v1::OpenSessionRequest* request,
      checkout::v1::OpenSessionResponse* response) override;

  grpc::Status CloseSession(
      grpc::ServerContext* context,
      const checkout::v1::CloseSessionRequest* request,
      checkout::v1::CloseSessionResponse* response) override;

  grpc::Status Checkout(grpc::ServerContext* context,
                        const checkout::v1::CheckoutRequest* request,
                        checkout::v1::CheckoutResponse* response) override;

  grpc::Status CancelCheckout(
      grpc::ServerContext* context,
      const checkout::v1::CancelCheckoutRequest* request,
      checkout::v1::CancelCheckoutResponse* response) override;

  grpc::Status Checkin(grpc::ServerContext* context,
                       const checkout::v1::CheckinRequest* request,
                       checkout::v1::CheckinResponse* response) override;

  // One a page, so that clients must turn pages.
  grpc::Status ListSeats(grpc::ServerContext* context,
                         const checkout::v1::ListSeatsRequest* request,
                         checkout::v1::ListSeatsResponse* response) override;

  grpc::Status KeepAlive(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<checkout::v1::KeepAliveResponse,
                               checkout::v1::KeepAliveRequest>* stream)
      override;

  grpc::Status GetClusterStatus(
      grpc::ServerContext* context,
      const monitoring::v1::GetClusterStatusRequest*,
      monitoring::v1::GetClusterStatusResponse* response) override;

  // One row a page, so that clients must turn pages.
  grpc::Status ListPools(grpc::ServerContext* context,
                         const monitoring::v1::ListPoolsRequest* request,
                         monitoring::v1::ListPoolsResponse* response) override;

  grpc::Status ListSessions(
      grpc::ServerContext* context, const monitoring::v1::ListSessionsRequest*,
      monitoring::v1::ListSessionsResponse* response) override;

  grpc::Status ListSeats(grpc::ServerContext* context,
                         const monitoring::v1::ListSeatsRequest* request,
                         monitoring::v1::ListSeatsResponse* response) override;

  grpc::Status InstallLicense(
      grpc::ServerContext* context,
      const admin::v1::InstallLicenseRequest* request,
      admin::v1::InstallLicenseResponse* response) override;

  // Nobody waits.
  grpc::Status ListQueue(grpc::ServerContext* context,
                         const monitoring::v1::ListQueueRequest*,
                         monitoring::v1::ListQueueResponse* response) override;

  // There are none.
  grpc::Status ListReservations(
      grpc::ServerContext* context,
      const monitoring::v1::ListReservationsRequest*,
      monitoring::v1::ListReservationsResponse* response) override;

  // A local read needs no quorum.
  grpc::Status ListLicenses(grpc::ServerContext* context,
                            const admin::v1::ListLicensesRequest* request,
                            admin::v1::ListLicensesResponse* response) override;

 private:
  // Does `act` under the lock, once for a request_id, as the conduct says.
  template <typename Response, typename Act>
  grpc::Status Answer(grpc::ServerContext* context, const std::string& method,
                      const std::string& request_id, Response* response,
                      Act act) {
    const Conduct conduct = cluster_->Arrive(number_, method, request_id);
    if (conduct == Conduct::kHang) {
      cluster_->WaitForEnd(context);
      return grpc::Status::CANCELLED;
    }
    if (conduct == Conduct::kNoQuorum) {
      return FakeRefusal(grpc::StatusCode::UNAVAILABLE, "NO_QUORUM",
                         "too few members agree");
    }
    MutexLock lock(&cluster_->mu_);
    const auto known = cluster_->answers_.find(request_id);
    grpc::Status status;
    if (!request_id.empty() && known != cluster_->answers_.end()) {
      QUORATE_CHECK(response->ParseFromString(known->second));
    } else {
      status = act();
      if (status.ok()) {
        cluster_->answers_[request_id] = response->SerializeAsString();
      }
    }
    cluster_->changed_.NotifyAll();
    if (conduct == Conduct::kLose) {
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "broken off");
    }
    return status;
  }

  void SetTtl(google::protobuf::Duration* ttl) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(cluster_->mu_);

  uint32_t OutLocked(const std::string& feature) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(cluster_->mu_);

  grpc::Status Grant(const checkout::v1::CheckoutRequest& request,
                     checkout::v1::CheckoutResponse* response)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(cluster_->mu_);

  grpc::Status End(const std::string& session)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(cluster_->mu_);

  void Renew(const checkout::v1::KeepAliveRequest& request,
             checkout::v1::KeepAliveResponse* response);

  void WriteNews(
      grpc::ServerReaderWriter<checkout::v1::KeepAliveResponse,
                               checkout::v1::KeepAliveRequest>* stream);

  FakeCluster* const cluster_;
  const size_t number_;
  FakeClusterService members_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace quorate

#endif  // QUORATE_TESTS_CLIENT_FAKE_MEMBER_H_

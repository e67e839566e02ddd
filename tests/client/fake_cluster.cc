#include "tests/client/fake_cluster.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "grpc/support/time.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"

#include "base/check.h"

namespace quorate {
namespace {

grpc::Status NoQuorum() {
  return FakeRefusal(grpc::StatusCode::UNAVAILABLE, "NO_QUORUM",
                     "too few members agree");
}

}  // namespace

class FakeMember final : public checkout::v1::CheckoutService::Service,
                         public monitoring::v1::MonitoringService::Service,
                         public admin::v1::LicenseService::Service {
 public:
  FakeMember(FakeCluster* cluster, size_t number)
      : cluster_(cluster),
        number_(number),
        members_(&cluster->membership_, absl::StrCat("m", number + 1)) {}

  std::string Start(const TestCertificates& certificates) {
    grpc::SslServerCredentialsOptions tls(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    tls.pem_root_certs = certificates.Read("ca.pem");
    tls.pem_key_cert_pairs.push_back(
        {certificates.Read("server.key"), certificates.Read("server.pem")});
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls),
                             &port);
    builder.RegisterService(
        static_cast<checkout::v1::CheckoutService::Service*>(this));
    builder.RegisterService(
        static_cast<monitoring::v1::MonitoringService::Service*>(this));
    builder.RegisterService(
        static_cast<admin::v1::LicenseService::Service*>(this));
    builder.RegisterService(&members_);
    server_ = builder.BuildAndStart();
    QUORATE_CHECK(server_ != nullptr && port != 0);
    return absl::StrCat("127.0.0.1:", port);
  }

  void Stop() {
    if (server_ == nullptr) return;
    server_->Shutdown(gpr_inf_past(GPR_CLOCK_MONOTONIC));
    server_->Wait();
    server_.reset();
  }

  grpc::Status OpenSession(
      grpc::ServerContext* context,
      const checkout::v1::OpenSessionRequest* request,
      checkout::v1::OpenSessionResponse* response) override {
    return Answer(context, "OpenSession", request->request_id(), response,
                  [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(cluster_->mu_) {
                    const std::string name =
                        absl::StrCat("sessions/", ++cluster_->last_number_);
                    cluster_->sessions_[name] = request->client();
                    response->set_session(name);
                    SetTtl(response->mutable_ttl());
                    return grpc::Status::OK;
                  });
  }

  grpc::Status CloseSession(
      grpc::ServerContext* context,
      const checkout::v1::CloseSessionRequest* request,
      checkout::v1::CloseSessionResponse* response) override {
    return Answer(context, "CloseSession", request->request_id(), response,
                  [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(cluster_->mu_) {
                    return End(request->session());
                  });
  }

  grpc::Status Checkout(grpc::ServerContext* context,
                        const checkout::v1::CheckoutRequest* request,
                        checkout::v1::CheckoutResponse* response) override {
    const grpc::Status answered = Answer(
        context, "Checkout", request->request_id(), response,
        [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(cluster_->mu_) {
          const grpc::Status status = Grant(*request, response);
          if (status.error_code() != grpc::StatusCode::RESOURCE_EXHAUSTED ||
              !request->has_wait()) {
            return status;
          }
          // Nothing is kept: it is tried anew when asked again.
          response->mutable_queue_place()->set_number(1);
          response->mutable_queue_place()->set_position(1);
          return grpc::Status::OK;
        });
    if (response->has_queue_place()) {
      MutexLock lock(&cluster_->mu_);
      cluster_->answers_.erase(request->request_id());
    }
    return answered;
  }

  grpc::Status CancelCheckout(
      grpc::ServerContext* context,
      const checkout::v1::CancelCheckoutRequest* request,
      checkout::v1::CancelCheckoutResponse* response) override {
    return Answer(context, "CancelCheckout", request->request_id(), response,
                  [] { return grpc::Status::OK; });
  }

  grpc::Status Checkin(grpc::ServerContext* context,
                       const checkout::v1::CheckinRequest* request,
                       checkout::v1::CheckinResponse* response) override {
    return Answer(context, "Checkin", request->request_id(), response,
                  [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(cluster_->mu_) {
                    for (const uint64_t seat : request->seats()) {
                      if (cluster_->seats_.count(seat) == 0) {
                        return FakeRefusal(grpc::StatusCode::NOT_FOUND,
                                           "SEAT_NOT_FOUND", "no such seat");
                      }
                    }
                    for (const uint64_t seat : request->seats()) {
                      cluster_->seats_.erase(seat);
                    }
                    return grpc::Status::OK;
                  });
  }

  // One a page, so that clients must turn pages.
  grpc::Status ListSeats(grpc::ServerContext* context,
                         const checkout::v1::ListSeatsRequest* request,
                         checkout::v1::ListSeatsResponse* response) override {
    return Answer(
        context, "ListSeats", "", response,
        [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(cluster_->mu_) {
          uint64_t after = 0;
          (void)absl::SimpleAtoi(request->page_token(), &after);
          for (const auto& [name, client] : cluster_->sessions_) {
            if (request->filter() != absl::StrCat("session=\"", name, "\"")) {
              continue;
            }
            for (auto it = cluster_->seats_.upper_bound(after);
                 it != cluster_->seats_.end(); ++it) {
              if (it->second.session != name) continue;
              if (response->seats_size() > 0) {
                response->set_next_page_token(
                    absl::StrCat(response->seats(0).handle()));
                break;
              }
              checkout::v1::Seat* seat = response->add_seats();
              seat->set_handle(it->first);
              seat->set_feature(it->second.feature);
              seat->set_count(it->second.count);
              seat->mutable_grant_time()->set_seconds(
                  it->second.granted_seconds);
            }
            return grpc::Status::OK;
          }
          return FakeRefusal(grpc::StatusCode::NOT_FOUND, "SESSION_NOT_FOUND",
                             "no such session");
        });
  }

  grpc::Status KeepAlive(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<checkout::v1::KeepAliveResponse,
                               checkout::v1::KeepAliveRequest>* stream)
      override {
    checkout::v1::KeepAliveRequest request;
    while (stream->Read(&request)) {
      const Conduct conduct = cluster_->Arrive(
          number_, "KeepAlive", absl::StrCat(request.sessions_size()));
      checkout::v1::KeepAliveResponse response;
      response.set_sequence(request.sequence());
      switch (conduct) {
        case Conduct::kHang:
          cluster_->WaitForEnd(context);
          return grpc::Status::CANCELLED;
        case Conduct::kLose:
          return grpc::Status(grpc::StatusCode::UNAVAILABLE, "broken off");
        case Conduct::kNoQuorum:
          response.mutable_retry()->set_nanos(10'000'000);
          break;
        case Conduct::kServe:
          Renew(request, &response);
          break;
      }
      stream->Write(response);
      WriteNews(stream);
    }
    return grpc::Status::OK;
  }

  grpc::Status GetClusterStatus(
      grpc::ServerContext* context,
      const monitoring::v1::GetClusterStatusRequest*,
      monitoring::v1::GetClusterStatusResponse* response) override {
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

  // One row a page, so that clients must turn pages.
  grpc::Status ListPools(grpc::ServerContext* context,
                         const monitoring::v1::ListPoolsRequest* request,
                         monitoring::v1::ListPoolsResponse* response) override {
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

  grpc::Status ListSessions(
      grpc::ServerContext* context, const monitoring::v1::ListSessionsRequest*,
      monitoring::v1::ListSessionsResponse* response) override {
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

  grpc::Status ListSeats(grpc::ServerContext* context,
                         const monitoring::v1::ListSeatsRequest* request,
                         monitoring::v1::ListSeatsResponse* response) override {
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

  grpc::Status InstallLicense(
      grpc::ServerContext* context,
      const admin::v1::InstallLicenseRequest* request,
      admin::v1::InstallLicenseResponse* response) override {
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

  // Nobody waits.
  grpc::Status ListQueue(grpc::ServerContext* context,
                         const monitoring::v1::ListQueueRequest*,
                         monitoring::v1::ListQueueResponse* response) override {
    return Answer(context, "ListQueue", "", response,
                  [] { return grpc::Status::OK; });
  }

  // There are none.
  grpc::Status ListReservations(
      grpc::ServerContext* context,
      const monitoring::v1::ListReservationsRequest*,
      monitoring::v1::ListReservationsResponse* response) override {
    return Answer(context, "ListReservations", "", response,
                  [] { return grpc::Status::OK; });
  }

  // A local read needs no quorum.
  grpc::Status ListLicenses(
      grpc::ServerContext* context,
      const admin::v1::ListLicensesRequest* request,
      admin::v1::ListLicensesResponse* response) override {
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
    if (conduct == Conduct::kNoQuorum) return NoQuorum();
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
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(cluster_->mu_) {
    const int64_t nanos = absl::ToInt64Nanoseconds(cluster_->ttl_);
    ttl->set_seconds(nanos / 1'000'000'000);
    ttl->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
  }

  uint32_t OutLocked(const std::string& feature) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(cluster_->mu_) {
    uint32_t out = 0;
    for (const auto& [handle, held] : cluster_->seats_) {
      if (held.feature == feature) out += held.count;
    }
    return out;
  }

  grpc::Status Grant(const checkout::v1::CheckoutRequest& request,
                     checkout::v1::CheckoutResponse* response)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(cluster_->mu_) {
    if (cluster_->sessions_.count(request.session()) == 0) {
      return FakeRefusal(grpc::StatusCode::NOT_FOUND, "SESSION_NOT_FOUND",
                         "no such session");
    }
    for (const auto& item : request.items()) {
      const auto pool = cluster_->pools_.find(item.feature());
      if (pool == cluster_->pools_.end()) {
        return FakeRefusal(grpc::StatusCode::NOT_FOUND, "FEATURE_UNKNOWN",
                           "no licence has it");
      }
      if (OutLocked(item.feature()) + item.count() > pool->second) {
        return FakeRefusal(grpc::StatusCode::RESOURCE_EXHAUSTED,
                           "POOL_EXHAUSTED", "all seats are in use");
      }
    }
    cluster_->last_items_ = {request.items().begin(), request.items().end()};
    for (const auto& item : request.items()) {
      const uint64_t handle = ++cluster_->last_number_;
      cluster_->seats_[handle] = {request.session(), item.feature(),
                                  item.count(),
                                  static_cast<int64_t>(handle) * 1000};
      checkout::v1::Seat* seat = response->add_seats();
      seat->set_handle(handle);
      seat->set_feature(item.feature());
      seat->set_count(item.count());
      seat->mutable_grant_time()->set_seconds(
          cluster_->seats_[handle].granted_seconds);
    }
    return grpc::Status::OK;
  }

  grpc::Status End(const std::string& session)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(cluster_->mu_) {
    if (cluster_->sessions_.erase(session) == 0) {
      return FakeRefusal(grpc::StatusCode::NOT_FOUND, "SESSION_NOT_FOUND",
                         "no such session");
    }
    for (auto it = cluster_->seats_.begin(); it != cluster_->seats_.end();) {
      it = it->second.session == session ? cluster_->seats_.erase(it)
                                         : std::next(it);
    }
    return grpc::Status::OK;
  }

  void Renew(const checkout::v1::KeepAliveRequest& request,
             checkout::v1::KeepAliveResponse* response) {
    MutexLock lock(&cluster_->mu_);
    for (const auto& activity : request.activities()) {
      cluster_->idle_seconds_.push_back(activity.idle().seconds());
    }
    for (const std::string& session : request.sessions()) {
      checkout::v1::SessionRenewal* renewal = response->add_renewals();
      renewal->set_session(session);
      if (cluster_->sessions_.count(session) == 0) {
        renewal->set_state(checkout::v1::SESSION_STATE_GONE);
        continue;
      }
      renewal->set_state(checkout::v1::SESSION_STATE_ALIVE);
      SetTtl(renewal->mutable_ttl());
      renewal->set_seats_taken(cluster_->taken_[session]);
    }
  }

  void WriteNews(
      grpc::ServerReaderWriter<checkout::v1::KeepAliveResponse,
                               checkout::v1::KeepAliveRequest>* stream) {
    checkout::v1::KeepAliveResponse response;
    {
      MutexLock lock(&cluster_->mu_);
      if (!cluster_->news_.has_value()) return;
      *response.mutable_event() = *std::exchange(cluster_->news_, {});
    }
    stream->Write(response);
  }

  FakeCluster* const cluster_;
  const size_t number_;
  FakeClusterService members_;
  std::unique_ptr<grpc::Server> server_;
};

FakeCluster::FakeCluster(const TestCertificates* certificates, size_t members)
    : certificates_(certificates), conduct_(members, Conduct::kServe) {
  for (size_t i = 0; i < members; ++i) {
    members_.push_back(std::make_unique<FakeMember>(this, i));
    addresses_.push_back(members_.back()->Start(*certificates));
    admin::v1::Member member;
    member.set_name(absl::StrCat("m", i + 1));
    member.set_member_id(absl::StrCat(i + 101));
    member.set_part(admin::v1::MEMBER_PART_VOTER);
    member.set_client_endpoint(addresses_.back());
    member.set_reachable(true);
    membership_.Add(member);
  }
}

FakeCluster::~FakeCluster() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
  }
  for (auto& member : members_) {
    member->Stop();
  }
}

ClientOptions FakeCluster::Options() const {
  ClientOptions options;
  options.endpoints = addresses_;
  options.endpoint_order = EndpointOrder::kGiven;
  options.ca_pem = certificates_->Read("ca.pem");
  options.cert_pem = certificates_->Read("client.pem");
  options.key_pem = certificates_->Read("client.key");
  return options;
}

void FakeCluster::SetConduct(size_t member, Conduct conduct) {
  MutexLock lock(&mu_);
  conduct_[member] = conduct;
}

void FakeCluster::SetPool(const std::string& feature, uint32_t total) {
  MutexLock lock(&mu_);
  pools_[feature] = total;
}

void FakeCluster::SetLicense(const std::string& name, const std::string& vendor,
                             const std::map<std::string, uint32_t>& features) {
  MutexLock lock(&mu_);
  admin::v1::License* license = licenses_.add_licenses();
  license->set_name(absl::StrCat("licenses/", name));
  license->set_vendor_id(vendor);
  for (const auto& [feature, count] : features) {
    license->add_features()->set_name(feature);
    license->mutable_features()->rbegin()->set_count(count);
  }
}

void FakeCluster::SetTtl(absl::Duration ttl) {
  MutexLock lock(&mu_);
  ttl_ = ttl;
}

void FakeCluster::EndSession(const std::string& name) {
  MutexLock lock(&mu_);
  sessions_.erase(name);
}

void FakeCluster::EndSeat(uint64_t handle) {
  MutexLock lock(&mu_);
  const auto seat = seats_.find(handle);
  if (seat == seats_.end()) return;
  ++taken_[seat->second.session];
  seats_.erase(seat);
}

void FakeCluster::Kill(size_t member) {
  members_[member]->Stop();
}

std::vector<Arrival> FakeCluster::Arrivals(const std::string& method) const {
  std::vector<Arrival> result;
  MutexLock lock(&mu_);
  for (const Arrival& arrival : arrivals_) {
    if (arrival.method == method) result.push_back(arrival);
  }
  return result;
}

void FakeCluster::SetNews(const checkout::v1::SessionEvent& news) {
  MutexLock lock(&mu_);
  news_ = news;
}

std::vector<int64_t> FakeCluster::IdleSeconds() const {
  MutexLock lock(&mu_);
  return idle_seconds_;
}

std::vector<checkout::v1::CheckoutItem> FakeCluster::LastItems() const {
  MutexLock lock(&mu_);
  return last_items_;
}

size_t FakeCluster::SeatsOut(const std::string& feature) const {
  size_t out = 0;
  MutexLock lock(&mu_);
  for (const auto& [handle, held] : seats_) {
    if (held.feature == feature) out += held.count;
  }
  return out;
}

size_t FakeCluster::SessionsOpen() const {
  MutexLock lock(&mu_);
  return sessions_.size();
}

bool FakeCluster::Await(const std::function<bool()>& condition) {
  const absl::Duration end = SystemClock().SinceBoot() + absl::Seconds(20);
  while (!condition()) {
    if (SystemClock().SinceBoot() > end) return false;
    MutexLock lock(&mu_);
    changed_.WaitFor(&mu_, absl::Milliseconds(10));
  }
  return true;
}

Conduct FakeCluster::Arrive(size_t member, const std::string& method,
                            const std::string& request_id) {
  MutexLock lock(&mu_);
  arrivals_.push_back({member, method, request_id});
  changed_.NotifyAll();
  return conduct_[member];
}

void FakeCluster::WaitForEnd(grpc::ServerContext* context) {
  MutexLock lock(&mu_);
  while (!stopping_ && !context->IsCancelled()) {
    changed_.WaitFor(&mu_, absl::Milliseconds(10));
  }
}

}  // namespace quorate

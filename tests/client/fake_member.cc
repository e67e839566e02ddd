// Sessions and seats.

#include "tests/client/fake_member.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "grpc/support/time.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"

#include "base/check.h"

namespace quorate {

std::string FakeMember::Start(const TestCertificates& certificates) {
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

void FakeMember::Stop() {
  if (server_ == nullptr) return;
  server_->Shutdown(gpr_inf_past(GPR_CLOCK_MONOTONIC));
  server_->Wait();
  server_.reset();
}

grpc::Status FakeMember::OpenSession(
    grpc::ServerContext* context,
    const checkout::v1::OpenSessionRequest* request,
    checkout::v1::OpenSessionResponse* response) {
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

grpc::Status FakeMember::CloseSession(
    grpc::ServerContext* context,
    const checkout::v1::CloseSessionRequest* request,
    checkout::v1::CloseSessionResponse* response) {
  return Answer(context, "CloseSession", request->request_id(), response,
                [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(cluster_->mu_) {
                  return End(request->session());
                });
}

grpc::Status FakeMember::Checkout(grpc::ServerContext* context,
                                  const checkout::v1::CheckoutRequest* request,
                                  checkout::v1::CheckoutResponse* response) {
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

grpc::Status FakeMember::CancelCheckout(
    grpc::ServerContext* context,
    const checkout::v1::CancelCheckoutRequest* request,
    checkout::v1::CancelCheckoutResponse* response) {
  return Answer(context, "CancelCheckout", request->request_id(), response,
                [] { return grpc::Status::OK; });
}

grpc::Status FakeMember::Checkin(grpc::ServerContext* context,
                                 const checkout::v1::CheckinRequest* request,
                                 checkout::v1::CheckinResponse* response) {
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

grpc::Status FakeMember::ListSeats(
    grpc::ServerContext* context, const checkout::v1::ListSeatsRequest* request,
    checkout::v1::ListSeatsResponse* response) {
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
            seat->mutable_grant_time()->set_seconds(it->second.granted_seconds);
          }
          return grpc::Status::OK;
        }
        return FakeRefusal(grpc::StatusCode::NOT_FOUND, "SESSION_NOT_FOUND",
                           "no such session");
      });
}

grpc::Status FakeMember::KeepAlive(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<checkout::v1::KeepAliveResponse,
                             checkout::v1::KeepAliveRequest>* stream) {
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

void FakeMember::SetTtl(google::protobuf::Duration* ttl) const {
  const int64_t nanos = absl::ToInt64Nanoseconds(cluster_->ttl_);
  ttl->set_seconds(nanos / 1'000'000'000);
  ttl->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
}

uint32_t FakeMember::OutLocked(const std::string& feature) const {
  uint32_t out = 0;
  for (const auto& [handle, held] : cluster_->seats_) {
    if (held.feature == feature) out += held.count;
  }
  return out;
}

grpc::Status FakeMember::Grant(const checkout::v1::CheckoutRequest& request,
                               checkout::v1::CheckoutResponse* response) {
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
      return FakeRefusal(grpc::StatusCode::RESOURCE_EXHAUSTED, "POOL_EXHAUSTED",
                         "all seats are in use");
    }
  }
  cluster_->last_items_ = {request.items().begin(), request.items().end()};
  for (const auto& item : request.items()) {
    const uint64_t handle = ++cluster_->last_number_;
    cluster_->seats_[handle] = {request.session(), item.feature(), item.count(),
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

grpc::Status FakeMember::End(const std::string& session) {
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

void FakeMember::Renew(const checkout::v1::KeepAliveRequest& request,
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

void FakeMember::WriteNews(
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

}  // namespace quorate

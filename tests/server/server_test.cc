// A whole member starts, serves, stops in order under load, and finds its state
// again. One member is its own cluster here; databases, ports and TLS are real.

#include "server/server.h"

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"

#include "quorate/checkout/v1/checkout.grpc.pb.h"
#include "quorate/monitoring/v1/monitoring.grpc.pb.h"

#include "tests/replication/transport/test_authority.h"
#include "tests/trust/demo_vendor.h"

namespace quorate::server {
namespace {

constexpr char kClusterId[] = "0123456789abcdef0123456789abcdef";

class ServerTest : public testing::Test {
 protected:
  ServerTest() : authority_("ca") {
    config_.cluster_id = kClusterId;
    config_.members = {{raft::MemberId(7), "m1", "127.0.0.1:1", "127.0.0.1:2"}};
    config_.self = config_.members[0];
    config_.data_dir =
        absl::StrCat(testing::TempDir(), "server_test_", getpid());
    std::filesystem::remove_all(config_.data_dir);
    config_.client_listen = "127.0.0.1:0";
    config_.peer_listen = "127.0.0.1:0";
    config_.tick = absl::Milliseconds(5);
    EXPECT_TRUE(InitMember(config_).ok());
  }

  void Start() {
    MemberFiles files;
    const auto client = authority_.Issue("IP:127.0.0.1");
    files.client_tls = {.ca = authority_.ca_pem(),
                        .cert = client.cert_pem,
                        .key = client.key_pem};
    const auto peer = authority_.Member(kClusterId, "m1");
    files.peer_tls = {
        .ca = peer.ca_pem, .cert = peer.cert_pem, .key = peer.key_pem};
    files.verifier =
        *trust::LicenseVerifier::Create(trust::DemoVendor().RootFile());
    auto stores = OpenMember(config_);
    ASSERT_TRUE(stores.ok()) << stores.status();
    auto server = Server::Start(config_, std::move(files), *std::move(stores));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    const auto certificate = authority_.Issue(
        absl::StrCat("URI:quorate://", kClusterId, "/client/alice"));
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = authority_.ca_pem();
    tls.pem_cert_chain = certificate.cert_pem;
    tls.pem_private_key = certificate.key_pem;
    channel_ =
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->client_port()),
                            grpc::SslCredentials(tls));
    checkout_ = checkout::v1::CheckoutService::NewStub(channel_);
  }

  static std::unique_ptr<grpc::ClientContext> NewCall() {
    auto call = std::make_unique<grpc::ClientContext>();
    call->set_deadline(
        absl::ToChronoTime(SystemClock().Calendar() + absl::Minutes(1)));
    return call;
  }

  grpc::Status Open(const std::string& request_id, std::string* session) {
    checkout::v1::OpenSessionRequest request;
    request.set_request_id(request_id);
    request.mutable_client()->set_user("ann");
    request.mutable_client()->set_host("ws1");
    checkout::v1::OpenSessionResponse response;
    grpc::Status status =
        checkout_->OpenSession(NewCall().get(), request, &response);
    *session = response.session();
    return status;
  }

  int CountSessions() {
    const auto stub = monitoring::v1::MonitoringService::NewStub(channel_);
    monitoring::v1::ListSessionsResponse response;
    const grpc::Status status = stub->ListSessions(
        NewCall().get(), monitoring::v1::ListSessionsRequest(), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.sessions_size();
  }

  ~ServerTest() override {
    server_.reset();
    std::filesystem::remove_all(config_.data_dir);
  }

  replication::TestAuthority authority_;
  Config config_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;  // gRPC hands it out so.
  std::unique_ptr<checkout::v1::CheckoutService::Stub> checkout_;
};

TEST_F(ServerTest, FindsItsStateAfterARestart) {
  Start();
  std::string session;
  ASSERT_TRUE(Open("r1", &session).ok());
  EXPECT_EQ(session, "sessions/1");
  server_.reset();
  Start();
  EXPECT_EQ(CountSessions(), 1);
  // A repeat of a request from before gets its answer.
  ASSERT_TRUE(Open("r1", &session).ok());
  EXPECT_EQ(session, "sessions/1");
  ASSERT_TRUE(Open("r2", &session).ok());
  EXPECT_EQ(session, "sessions/2");
}

TEST_F(ServerTest, StopsInOrderUnderLoad) {
  Start();
  std::string first;
  ASSERT_TRUE(Open("first", &first).ok());
  const auto stream_call = NewCall();
  const auto stream = checkout_->KeepAlive(stream_call.get());
  checkout::v1::KeepAliveRequest renewal;
  renewal.add_sessions(first);
  ASSERT_TRUE(stream->Write(renewal));
  checkout::v1::KeepAliveResponse renewed;
  ASSERT_TRUE(stream->Read(&renewed));
  EXPECT_EQ(renewed.renewals(0).state(), checkout::v1::SESSION_STATE_ALIVE);
  // Each caller goes on until it is refused.
  std::vector<std::thread> callers;
  std::atomic<int> opened = 1;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([this, caller, &opened] {
      std::string session;
      for (int i = 0; Open(absl::StrCat(caller, "-", i), &session).ok(); ++i) {
        ++opened;
      }
    });
  }
  while (opened < 20)
    std::this_thread::yield();
  server_->Stop();
  for (std::thread& caller : callers)
    caller.join();
  EXPECT_FALSE(stream->Read(&renewed));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  server_.reset();
  // What was acknowledged is there, and at most one call of each caller more.
  Start();
  EXPECT_GE(CountSessions(), opened);
  EXPECT_LE(CountSessions(), opened + 4);
}

}  // namespace
}  // namespace quorate::server

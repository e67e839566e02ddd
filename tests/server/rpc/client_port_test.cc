// The port keeps its limits, tells its health, and describes itself. Each is
// tried from outside, over TLS on loopback.

#include "server/rpc/client_port.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpc/health/v1/health.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"

#include "tests/server/rpc/service_world.h"

namespace quorate::server {
namespace {

using grpc::StatusCode;

namespace health = grpc::health::v1;

// A unary call by its name, as a program without our stubs makes it.
grpc::Status Call(const std::shared_ptr<grpc::Channel>& channel,
                  const std::string& method, const std::string& request,
                  std::string* response) {
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  const auto context = NewCall();
  grpc::Slice slice(request);
  const grpc::ByteBuffer sent(&slice, 1);
  auto call = stub.PrepareUnaryCall(context.get(), method, sent, &queue);
  call->StartCall();
  grpc::ByteBuffer received;
  grpc::Status status;
  call->Finish(&received, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  EXPECT_TRUE(queue.Next(&tag, &ok));
  grpc::Slice flat;
  if (status.ok() && received.DumpToSingleSlice(&flat).ok()) {
    response->assign(reinterpret_cast<const char*>(flat.begin()), flat.size());
  }
  return status;
}

health::HealthCheckResponse::ServingStatus HealthOf(
    const std::shared_ptr<grpc::Channel>& channel, const std::string& service) {
  health::HealthCheckRequest request;
  request.set_service(service);
  std::string bytes;
  const grpc::Status status = Call(channel, "/grpc.health.v1.Health/Check",
                                   request.SerializeAsString(), &bytes);
  EXPECT_TRUE(status.ok()) << status.error_message();
  health::HealthCheckResponse response;
  EXPECT_TRUE(response.ParseFromString(bytes));
  return response.status();
}

TEST(ClientPortTest, TellsItsHealth) {
  ServiceWorld world;
  const auto channel = world.Connect(ClientNames("probe"));
  const std::string checkout = "quorate.checkout.v1.CheckoutService";
  const std::string monitoring = "quorate.monitoring.v1.MonitoringService";
  EXPECT_EQ(HealthOf(channel, ""), health::HealthCheckResponse::SERVING);
  EXPECT_EQ(HealthOf(channel, checkout),
            health::HealthCheckResponse::NOT_SERVING);
  replication::NodeStatus status;
  status.serving = true;
  world.node().SetStatus(status);
  world.port().UpdateHealth();
  EXPECT_EQ(HealthOf(channel, checkout), health::HealthCheckResponse::SERVING);
  status.serving = false;
  world.node().SetStatus(status);
  world.port().UpdateHealth();
  EXPECT_EQ(HealthOf(channel, checkout),
            health::HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(HealthOf(channel, monitoring),
            health::HealthCheckResponse::SERVING);
  world.port().StopTaking();
  EXPECT_EQ(HealthOf(channel, monitoring),
            health::HealthCheckResponse::NOT_SERVING);
}

TEST(ClientPortTest, RefusesAPortThatIsTaken) {
  ServiceWorld world;
  replication::TestAuthority authority("other");
  const auto certificate = authority.Issue("IP:127.0.0.1");
  SessionEventFeed events;
  LicensingView view;
  view.events = &events;
  const auto second = ClientPort::Open(
      {.node = &world.node(), .view = &view, .clock = &SystemClock()},
      {.listen = absl::StrCat("127.0.0.1:", world.port().port()),
       .tls = {.ca_pem = authority.ca_pem(),
               .cert_pem = certificate.cert_pem,
               .key_pem = certificate.key_pem},
       .member = {.cluster_id = kWorldClusterId, .name = "m2"}});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(ClientPortTest, RefusesCertificatesThatDoNotFit) {
  ServiceWorld world;
  replication::TestAuthority authority("other");
  SessionEventFeed events;
  LicensingView view;
  view.events = &events;
  const auto port = ClientPort::Open(
      {.node = &world.node(), .view = &view, .clock = &SystemClock()},
      {.listen = "127.0.0.1:0",
       .tls = {.ca_pem = authority.ca_pem(),
               .cert_pem = authority.Issue("").cert_pem,
               .key_pem = authority.Issue("").key_pem},
       .member = {.cluster_id = kWorldClusterId, .name = "m2"}});
  EXPECT_EQ(port.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(ClientPortTest, RefusesMessagesAndHeadersThatAreTooLarge) {
  ServiceWorld world;
  const auto channel = world.Connect(ClientNames("admin"));
  const auto stub = admin::v1::LicenseService::NewStub(channel);
  admin::v1::InstallLicenseRequest request;
  request.set_license_file(std::string(1200 * 1024, 'x'));
  admin::v1::InstallLicenseResponse response;
  EXPECT_EQ(
      stub->InstallLicense(NewCall().get(), request, &response).error_code(),
      StatusCode::RESOURCE_EXHAUSTED);
  const auto heavy = NewCall();
  heavy->AddMetadata("x-filler", std::string(20 * 1024, 'a'));
  request.clear_license_file();
  const grpc::Status refused =
      stub->InstallLicense(heavy.get(), request, &response);
  EXPECT_EQ(ReasonOf(refused).substr(0, 1), "?") << refused.error_message();
  // The member is none the worse, although that connection may be closed.
  const auto next =
      admin::v1::LicenseService::NewStub(world.Connect(ClientNames("admin")));
  EXPECT_EQ(ReasonOf(next->InstallLicense(NewCall().get(), request, &response)),
            "BAD_REQUEST");
}

TEST(ClientPortTest, RefusesAClientWithoutTls) {
  ServiceWorld world;
  const auto stub = monitoring::v1::MonitoringService::NewStub(
      grpc::CreateChannel(absl::StrCat("127.0.0.1:", world.port().port()),
                          grpc::InsecureChannelCredentials()));
  monitoring::v1::GetClusterStatusResponse response;
  EXPECT_EQ(stub->GetClusterStatus(NewCall().get(),
                                   monitoring::v1::GetClusterStatusRequest(),
                                   &response)
                .error_code(),
            StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace quorate::server

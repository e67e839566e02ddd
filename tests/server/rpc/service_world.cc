#include "tests/server/rpc/service_world.h"

#include <future>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"

#include "base/check.h"
#include "tests/server/licensing/commands.h"

namespace quorate::server {
namespace {

constexpr absl::Duration kFarAway = absl::Minutes(1);

}  // namespace

std::string ClientNames(const std::string& name) {
  return absl::StrCat("URI:quorate://", kWorldClusterId, "/client/", name);
}

std::unique_ptr<grpc::ClientContext> NewCall() {
  auto call = std::make_unique<grpc::ClientContext>();
  call->set_deadline(absl::ToChronoTime(SystemClock().Calendar() + kFarAway));
  return call;
}

std::string ReasonOf(const grpc::Status& status) {
  if (status.ok()) return "";
  const auto detail = DetailOf<google::rpc::ErrorInfo>(status);
  if (detail.domain() != "quorate") {
    return absl::StrCat("?", static_cast<int>(status.error_code()), " ",
                        status.error_message());
  }
  return detail.reason();
}

ServiceWorld::ServiceWorld(bool with_join, const std::string& log_folder)
    : authority_("clients"),
      verifier_(*trust::LicenseVerifier::Create(vendor_.RootFile())),
      replica_(*LicensingReplica::Restore(kWorldClusterId, 1, &store_)),
      node_(replica_.get()) {
  replication::TestAuthority::Certificate certificate =
      authority_.Issue("IP:127.0.0.1,DNS:localhost");
  absl::StatusOr<std::unique_ptr<ClientPort>> port = ClientPort::Open(
      {.node = &node_,
       .view = &replica_->view(),
       .verifier = verifier_.get(),
       .clock = &SystemClock(),
       .latencies = &latencies_},
      {.listen = "127.0.0.1:0",
       .tls = {.ca_pem = authority_.ca_pem(),
               .cert_pem = certificate.cert_pem,
               .key_pem = certificate.key_pem},
       .member = {.cluster_id = kWorldClusterId,
                  .cluster_epoch = 1,
                  .name = "m1"},
       .administrators = {"admin", "root"},
       .join = with_join ? std::optional(join()) : std::nullopt,
       .log_folder = log_folder});
  QUORATE_CHECK_OK(port.status());
  port_ = *std::move(port);
}

ServiceWorld::~ServiceWorld() {
  port_->StopTaking();
  node_.Stop();
  port_->Close();
}

std::shared_ptr<grpc::Channel> ServiceWorld::Connect(
    const std::string& names, replication::TestAuthority* authority) {
  if (authority == nullptr) authority = &authority_;
  const replication::TestAuthority::Certificate certificate =
      authority->Issue(names);
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = authority_.ca_pem();
  tls.pem_cert_chain = certificate.cert_pem;
  tls.pem_private_key = certificate.key_pem;
  // Each channel has a connection of its own, as each client has.
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port_->port()),
                                   grpc::SslCredentials(tls), arguments);
}

licensing::LedgerAnswer ServiceWorld::Propose(internal::v1::Command command) {
  command.set_request_id(absl::StrCat("proposal-", ++proposals_));
  command.set_principal(licensing::kAlice);
  command.set_not_after_cluster_ms(node_.ClusterMsHint() + 30'000);
  std::promise<licensing::LedgerAnswer> answer;
  node_.Propose(
      command.SerializeAsString(), absl::Seconds(5),
      [&](const replication::ProposeResult& result) {
        answer.set_value(
            static_cast<const LicensingAnswer&>(*result.answer).ledger);
      });
  return answer.get_future().get();
}

void ServiceWorld::Do(internal::v1::Command command) {
  EXPECT_TRUE(Propose(std::move(command)).ok());
}

std::string ServiceWorld::LicenseFile(const std::string& id, uint64_t serial,
                                      const std::string& feature,
                                      uint32_t count, int64_t borrow_seconds) {
  vendor_.license.set_license_id(id);
  vendor_.license.set_serial(serial);
  vendor_.license.mutable_binding()->set_cluster_id(
      absl::HexStringToBytes(kWorldClusterId));
  vendor_.license.mutable_binding()->set_cluster_epoch(1);
  vendor_.license.clear_features();
  auto* licensed = vendor_.license.add_features();
  licensed->set_name(feature);
  licensed->set_count(count);
  licensed->set_borrow_max_ms(borrow_seconds * 1000);
  return vendor_.LicenseText();
}

}  // namespace quorate::server

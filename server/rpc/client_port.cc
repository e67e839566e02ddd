#include "server/rpc/client_port.h"

#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/resource_quota.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"

#include "server/rpc/account_service.h"
#include "server/rpc/alert_service.h"
#include "server/rpc/authorizer.h"
#include "server/rpc/backup_service.h"
#include "server/rpc/checkout_service.h"
#include "server/rpc/cluster_service.h"
#include "server/rpc/health.h"
#include "server/rpc/history_reader.h"
#include "server/rpc/keep_alive.h"
#include "server/rpc/license_service.h"
#include "server/rpc/log_reader.h"
#include "server/rpc/member_calls.h"
#include "server/rpc/monitoring_service.h"
#include "server/rpc/policy_service.h"
#include "server/rpc/renewal_batcher.h"
#include "server/rpc/session_service.h"

namespace quorate::server {
namespace {

// One gRPC server has one limit for all services. A licence file has at most
// 1 MiB; everything else is far smaller.
constexpr int kMaxReceiveBytes = 1024 * 1024 + 64 * 1024;

// A page of 1000 sessions, each with six strings of 256 bytes, a licence file.
constexpr int kMaxSendBytes = 4 * 1024 * 1024;

// No client of ours sends more than some hundred bytes of headers. The default
// let 600 KB through (security.md, App. C).
constexpr int kMaxMetadataBytes = 8 * 1024;

// Calls of one connection: an SDK process sends all its calls over one.
constexpr int kMaxStreamsOfConnection = 1000;

// Buffers of all connections together. What is over it waits or is refused, so
// clients cannot take the memory that replication needs.
constexpr size_t kMaxBufferBytes = 512 * 1024 * 1024;

// From the TCP connection to the end of the TLS handshake (slow-loris).
constexpr int kHandshakeTimeoutMs = 5'000;

// Clients find a dead member by pings each 10 s (client/); more often than
// every 5 s is abuse.
constexpr int kMinPingIntervalMs = 5'000;

// A client whose machine vanished is noticed within half a minute.
constexpr int kKeepaliveTimeMs = 20'000;
constexpr int kKeepaliveTimeoutMs = 10'000;

// Connections without any call; one of an SDK has its keep-alive stream.
constexpr int kMaxIdleMs = 300'000;

// A certificate is checked when a connection begins, so no connection lasts:
// this bounds how long a revoked one is believed (security.md §4.4). gRPC
// spreads it by a tenth. The rest lets calls under way end.
constexpr int kMaxConnectionAgeMs = 900'000;
constexpr int kConnectionAgeGraceMs = 30'000;

// What streams may still take to end when this member stops.
constexpr std::chrono::milliseconds kCloseTime(500);

void SetLimits(grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(kMaxReceiveBytes);
  builder->SetMaxSendMessageSize(kMaxSendBytes);
  grpc::ResourceQuota quota("clients");
  quota.Resize(kMaxBufferBytes);
  builder->SetResourceQuota(quota);
  const std::pair<const char*, int> arguments[] = {
      {GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes},
      {GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreamsOfConnection},
      {GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeTimeoutMs},
      {GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
       kMinPingIntervalMs},
      {GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs},
      {GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs},
      {GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1},
      {GRPC_ARG_MAX_CONNECTION_IDLE_MS, kMaxIdleMs},
      {GRPC_ARG_MAX_CONNECTION_AGE_MS, kMaxConnectionAgeMs},
      {GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, kConnectionAgeGraceMs},
      // By default a second process could listen on the same port and take
      // half of the connections.
      {GRPC_ARG_ALLOW_REUSEPORT, 0},
  };
  for (const auto& [name, value] : arguments) {
    builder->AddChannelArgument(name, value);
  }
}

std::shared_ptr<grpc::ServerCredentials> MakeCredentials(
    const ClientTlsOptions& tls) {
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = tls.ca_pem;
  options.pem_key_cert_pairs.push_back({tls.key_pem, tls.cert_pem});
  return grpc::SslServerCredentials(options);
}

}  // namespace

// In the order of construction: each may use those before it.
class ClientPort::Parts {
 public:
  Parts(const Deps& deps, const Options& options)
      : authorizer({.cluster_id = options.member.cluster_id,
                    .administrators = options.administrators,
                    .accounts = &deps.view->access},
                   ServiceNames()),
        calls({.node = deps.node,
               .view = deps.view,
               .clock = deps.clock,
               .authorizer = &authorizer,
               .latencies = deps.latencies},
              options.member),
        batcher(deps.node, deps.clock, RenewalBatcher::Options()),
        streams(&calls, &batcher),
        checkout(&calls, &streams),
        history(&calls),
        logs(&calls, options.log_folder),
        monitoring(&calls, &history, &logs),
        licenses(&calls, deps.verifier),
        cluster(&calls, options.join),
        backups(&calls),
        policies(&calls),
        alerts(&calls, options.post_test_mail),
        sessions(&calls),
        accounts(&calls) {}

  // All whose methods are served; each is registered below.
  static std::vector<absl::string_view> ServiceNames() {
    return {checkout::v1::CheckoutService::service_full_name(),
            monitoring::v1::MonitoringService::service_full_name(),
            admin::v1::LicenseService::service_full_name(),
            admin::v1::ClusterService::service_full_name(),
            admin::v1::BackupService::service_full_name(),
            admin::v1::PolicyService::service_full_name(),
            admin::v1::SessionService::service_full_name(),
            admin::v1::AlertService::service_full_name(),
            admin::v1::AccountService::service_full_name()};
  }

  Authorizer authorizer;
  MemberCalls calls;
  RenewalBatcher batcher;
  KeepAliveStreams streams;
  CheckoutService checkout;
  HistoryReader history;
  LogReader logs;
  MonitoringService monitoring;
  LicenseService licenses;
  ClusterService cluster;
  BackupService backups;
  PolicyService policies;
  AlertService alerts;
  SessionService sessions;
  AccountService accounts;
  std::unique_ptr<grpc::Server> server;
  std::unique_ptr<HealthReporter> health;
  int port = 0;
};

absl::StatusOr<std::unique_ptr<ClientPort>> ClientPort::Open(
    const Deps& deps, const Options& options) {
  EnableHealthService();
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  auto parts = std::make_unique<Parts>(deps, options);
  grpc::ServerBuilder builder;
  SetLimits(&builder);
  builder.AddListeningPort(options.listen, MakeCredentials(options.tls),
                           &parts->port);
  builder.RegisterService(&parts->checkout);
  builder.RegisterService(&parts->monitoring);
  builder.RegisterService(&parts->licenses);
  builder.RegisterService(&parts->cluster);
  builder.RegisterService(&parts->backups);
  builder.RegisterService(&parts->policies);
  builder.RegisterService(&parts->alerts);
  builder.RegisterService(&parts->sessions);
  builder.RegisterService(&parts->accounts);
  parts->server = builder.BuildAndStart();
  if (parts->server == nullptr || parts->port == 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "cannot serve clients on ", options.listen,
        ": the port is taken, the address is not this machine's, or the files "
        "of [tls.client] do not fit together"));
  }
  parts->health = std::make_unique<HealthReporter>(
      deps.node, parts->server->GetHealthCheckService());
  return std::unique_ptr<ClientPort>(new ClientPort(std::move(parts)));
}

ClientPort::ClientPort(std::unique_ptr<Parts> parts)
    : parts_(std::move(parts)) {}

ClientPort::~ClientPort() {
  Close();
}

int ClientPort::port() const {
  return parts_->port;
}

void ClientPort::UpdateHealth() {
  parts_->health->Update();
}

void ClientPort::StopTaking() {
  if (parts_->server == nullptr) return;  // Closed.
  parts_->health->Drain();
  parts_->calls.StopTaking();
  parts_->streams.EndAll();
}

bool ClientPort::WaitIdle(absl::Duration timeout) {
  return parts_->calls.WaitIdle(timeout);
}

void ClientPort::Close() {
  if (parts_->server == nullptr) return;
  StopTaking();
  parts_->batcher.Stop();
  parts_->history.Stop();
  parts_->logs.Stop();
  parts_->server->Shutdown(
      gpr_time_from_millis(kCloseTime.count(), GPR_TIMESPAN));
  parts_->server->Wait();
  parts_->health.reset();
  parts_->server.reset();
}

}  // namespace quorate::server

#include "server/join/join_port.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "grpc/support/time.h"
#include "grpcpp/resource_quota.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"

namespace quorate::server {
namespace {

// Two certificate requests and a few names.
constexpr int kMaxReceiveBytes = 16 * 1024;

// Our joiner sends a few hundred bytes.
constexpr int kMaxMetadataBytes = 4 * 1024;

// A machine makes one call.
constexpr int kMaxStreams = 2;

// Strangers get so much of our memory and no more, whatever they do.
constexpr size_t kMaxBufferBytes = 8 * 1024 * 1024;
constexpr int kMaxThreads = 4;

// Nobody has reason to stay.
constexpr int kHandshakeTimeoutMs = 5'000;
constexpr int kMaxIdleMs = 10'000;
constexpr int kMaxConnectionAgeMs = 30'000;
constexpr int kConnectionAgeGraceMs = 5'000;

// What calls may still take to end when this member stops.
constexpr int kCloseMs = 500;

void SetLimits(grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(kMaxReceiveBytes);
  grpc::ResourceQuota quota("join");
  quota.Resize(kMaxBufferBytes);
  quota.SetMaxThreads(kMaxThreads);
  builder->SetResourceQuota(quota);
  const std::pair<const char*, int> arguments[] = {
      {GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes},
      {GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreams},
      {GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeTimeoutMs},
      {GRPC_ARG_MAX_CONNECTION_IDLE_MS, kMaxIdleMs},
      {GRPC_ARG_MAX_CONNECTION_AGE_MS, kMaxConnectionAgeMs},
      {GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, kConnectionAgeGraceMs},
      {GRPC_ARG_ALLOW_REUSEPORT, 0},
  };
  for (const auto& [name, value] : arguments) {
    builder->AddChannelArgument(name, value);
  }
}

}  // namespace

class JoinPort::Parts {
 public:
  Parts(const JoinService::Deps& deps, JoinService::Options options)
      : service(deps, std::move(options)) {}

  JoinService service;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
};

absl::StatusOr<std::unique_ptr<JoinPort>> JoinPort::Open(
    const JoinService::Deps& deps, Options options) {
  grpc::SslServerCredentialsOptions tls(
      GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  // The authority goes with the certificate: a machine has its hash alone.
  tls.pem_key_cert_pairs.push_back(
      {.private_key = options.key_pem,
       .cert_chain =
           absl::StrCat(options.cert_pem, "\n", options.join.peer_ca_pem)});
  auto parts = std::make_unique<Parts>(deps, std::move(options.join));
  grpc::ServerBuilder builder;
  SetLimits(&builder);
  builder.AddListeningPort(options.listen, grpc::SslServerCredentials(tls),
                           &parts->port);
  builder.RegisterService(&parts->service);
  parts->server = builder.BuildAndStart();
  if (parts->server == nullptr || parts->port == 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "cannot let machines join on ", options.listen,
        ": the port is taken, or the address is not this machine's"));
  }
  return std::unique_ptr<JoinPort>(new JoinPort(std::move(parts)));
}

JoinPort::JoinPort(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

JoinPort::~JoinPort() {
  Close();
}

int JoinPort::port() const {
  return parts_->port;
}

void JoinPort::StopTaking() {
  parts_->service.StopTaking();
}

void JoinPort::Close() {
  if (parts_->server == nullptr) return;
  StopTaking();
  parts_->server->Shutdown(gpr_time_from_millis(kCloseMs, GPR_TIMESPAN));
  parts_->server->Wait();
  parts_->server.reset();
}

}  // namespace quorate::server

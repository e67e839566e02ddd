#include "client/endpoint_set.h"

#include <algorithm>
#include <map>
#include <memory>
#include <tuple>
#include <utility>

#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"

#include "base/check.h"
#include "base/random.h"

namespace quorate {
namespace {

// A page of 1000 sessions, each with six strings of 256 bytes, is under 2 MiB.
constexpr int kMaxResponseBytes = 16 * 1024 * 1024;

// For how long an endpoint comes last after a failure: doubled with each
// further one. A refused connection costs nothing to try, a silent member
// costs a whole attempt.
constexpr absl::Duration kRefusedFirst = absl::Milliseconds(250);
constexpr absl::Duration kRefusedMost = absl::Seconds(4);
constexpr absl::Duration kSilentFirst = absl::Seconds(2);
constexpr absl::Duration kSilentMost = absl::Seconds(30);
constexpr int kMaxDoublings = 6;

grpc::ChannelArguments ChannelOptions() {
  grpc::ChannelArguments args;
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // gRPC's own back-off grows to two minutes, in which a member that is back
  // would not be noticed. The least back-off is in 1.51 also the limit for
  // connecting and the TLS handshake, so it must not be short (grpc#33423).
  args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 3000);
  // Pings only while a call or the keep-alive stream is open: that is what
  // the members' limit on pings allows.
  args.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10000);
  args.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5000);
  args.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  args.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // Licence servers are inside the network; http_proxy is for the outside.
  args.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // The caller repeats by itself, on other endpoints.
  args.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  args.SetMaxReceiveMessageSize(kMaxResponseBytes);
  args.SetUserAgentPrefix("quorate-cpp");
  return args;
}

// Marks every call of a channel: one that is forgotten would be a full one.
class RestrictedMode final : public grpc::MetadataCredentialsPlugin {
 public:
  bool IsBlocking() const override { return false; }

  grpc::Status GetMetadata(
      grpc::string_ref /*service_url*/, grpc::string_ref /*method_name*/,
      const grpc::AuthContext& /*channel*/,
      std::multimap<grpc::string, grpc::string>* metadata) override {
    metadata->emplace("quorate-mode", "restricted");
    return grpc::Status::OK;
  }
};

absl::Duration Doubled(absl::Duration first, absl::Duration most,
                       int failures) {
  const int doublings = std::min(failures - 1, kMaxDoublings);
  return std::min(first * (1 << doublings), most);
}

}  // namespace

EndpointSet::EndpointSet(const ClientOptions& options, const Clock* clock)
    : clock_(clock), health_(options.endpoints.size()) {
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = options.ca_pem;
  tls.pem_cert_chain = options.cert_pem;
  tls.pem_private_key = options.key_pem;
  auto credentials = grpc::SslCredentials(tls);
  if (options.restricted) {
    credentials = grpc::CompositeChannelCredentials(
        credentials, grpc::MetadataCredentialsFromPlugin(
                         std::make_unique<RestrictedMode>()));
  }
  const grpc::ChannelArguments args = ChannelOptions();

  std::vector<std::string> addresses = options.endpoints;
  if (options.endpoint_order == EndpointOrder::kRandom) {
    Random random(SystemRandomId());
    for (size_t left = addresses.size(); left > 1; --left) {
      std::swap(addresses[left - 1], addresses[random.Below(left)]);
    }
  }
  for (std::string& address : addresses) {
    auto connection = std::make_unique<Connection>();
    connection->channel = grpc::CreateCustomChannel(address, credentials, args);
    connection->checkout =
        checkout::v1::CheckoutService::NewStub(connection->channel);
    connection->monitoring =
        monitoring::v1::MonitoringService::NewStub(connection->channel);
    connection->backups =
        admin::v1::BackupService::NewStub(connection->channel);
    connection->sessions =
        admin::v1::SessionService::NewStub(connection->channel);
    connection->licenses =
        admin::v1::LicenseService::NewStub(connection->channel);
    connection->cluster =
        admin::v1::ClusterService::NewStub(connection->channel);
    connection->policies =
        admin::v1::PolicyService::NewStub(connection->channel);
    connection->accounts =
        admin::v1::AccountService::NewStub(connection->channel);
    connection->alerts = admin::v1::AlertService::NewStub(connection->channel);
    connection->address = std::move(address);
    connections_.push_back(std::move(connection));
  }
}

size_t EndpointSet::Choose(absl::Span<const int> tries) const {
  QUORATE_CHECK(tries.size() == connections_.size());
  const absl::Duration now = clock_->SinceBoot();
  const size_t count = connections_.size();
  MutexLock lock(&mu_);
  const auto rank = [&](size_t index) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const absl::Duration suspect = health_[index].suspect_until;
    return std::make_tuple(tries[index],
                           suspect > now ? suspect : absl::ZeroDuration(),
                           (index + count - favourite_) % count);
  };
  size_t best = 0;
  for (size_t index = 1; index < count; ++index) {
    if (rank(index) < rank(best)) best = index;
  }
  return best;
}

void EndpointSet::Report(size_t index, Verdict verdict) {
  const absl::Duration now = clock_->SinceBoot();
  MutexLock lock(&mu_);
  Health& health = health_[index];
  switch (verdict) {
    case Verdict::kDone:
      health = Health{};
      favourite_ = index;
      return;
    case Verdict::kAskAgain:
      health = Health{};
      return;
    case Verdict::kRefused:
    case Verdict::kUntrusted:
      ++health.failures;
      health.suspect_until =
          now + Doubled(kRefusedFirst, kRefusedMost, health.failures);
      return;
    case Verdict::kSilent:
      ++health.failures;
      health.suspect_until =
          now + Doubled(kSilentFirst, kSilentMost, health.failures);
      return;
  }
}

}  // namespace quorate

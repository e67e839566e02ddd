#include "replication/transport/peer_channel.h"

#include "grpc/impl/codegen/grpc_types.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"

#include "replication/transport/peer_identity.h"
#include "replication/wire/limits.h"

namespace quorate::replication {
namespace {

// gRPC's own back-off goes up to two minutes, in which a member that came back
// would call one election after the other (raft.md, pitfall 25a).
constexpr int kInitialBackoffMs = 100;
constexpr int kMaxBackoffMs = 1000;

// Also the deadline of connect and TLS handshake; at 100 ms no handshake would
// ever end on a busy machine (pitfall 25b).
constexpr int kHandshakeMs = 2000;

// A machine that lost power resets nothing. Both sides ping a connection on
// which nothing came for the first time, and give it up when nothing came for
// the second one either; gRPC sets TCP_USER_TIMEOUT to the second as well. The
// election timers do not wait for that; a stream that hangs does.
constexpr int kKeepaliveMs = 2000;
constexpr int kKeepaliveTimeoutMs = 3000;

// A server's default is five minutes, and pings that come sooner end the
// connection (pitfall 25c).
constexpr int kMinPingIntervalMs = 500;

// What a peer sends back on a stream are small acknowledgements.
constexpr int kMaxResponseBytes = 1024;

}  // namespace

std::shared_ptr<grpc::Channel> NewPeerChannel(
    const GrpcTransport::Options& options, const raft::MemberAddress& peer) {
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = options.tls.ca_pem;
  tls.pem_private_key = options.tls.key_pem;
  tls.pem_cert_chain = options.tls.cert_pem;

  grpc::ChannelArguments arguments;
  // Else channels with equal arguments share one connection, and a lane waits
  // behind the other (pitfall 25e).
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kInitialBackoffMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxBackoffMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kHandshakeMs);
  arguments.SetString(GRPC_SSL_TARGET_NAME_OVERRIDE_ARG,
                      MemberHostName(options.tls.cluster_id, peer.name));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  // Else pings stop after two without a message, and come at most every five
  // minutes.
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_MIN_SENT_PING_INTERVAL_WITHOUT_DATA_MS,
                   kMinPingIntervalMs);
  arguments.SetMaxReceiveMessageSize(kMaxResponseBytes);
  arguments.SetMaxSendMessageSize(static_cast<int>(kMaxFrameBytes));
  // Members speak to each other directly, whatever the environment says, and
  // repeat what is lost by themselves.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  return grpc::CreateCustomChannel(peer.peer_endpoint,
                                   grpc::SslCredentials(tls), arguments);
}

void AddServerKeepalive(grpc::ServerBuilder* builder) {
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                              kKeepaliveTimeoutMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder->AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_SENT_PING_INTERVAL_WITHOUT_DATA_MS,
      kMinPingIntervalMs);
  builder->AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      kMinPingIntervalMs);
  // Members are trusted with pings: the other side's timer may drift.
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
}

}  // namespace quorate::replication

#include "replication/transport/peer_connection.h"

#include <utility>

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

// What a peer sends on these streams is one empty message at their end.
constexpr int kMaxResponseBytes = 1024;

std::shared_ptr<grpc::Channel> NewChannel(const GrpcTransport::Options& options,
                                          const raft::MemberAddress& peer) {
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

OutboundHello HelloTo(const GrpcTransport::Options& options,
                      const raft::MemberAddress& peer, uint64_t run) {
  return OutboundHello{.cluster_id = options.tls.cluster_id,
                       .from = options.id,
                       .to = peer.id,
                       .run = run,
                       .incarnation = options.incarnation};
}

}  // namespace

PeerConnection::PeerConnection(const GrpcTransport::Options& options,
                               const raft::MemberAddress& peer, uint64_t run,
                               LaneKeeper* keeper)
    : peer_(peer),
      control_(Lane::kControl, NewChannel(options, peer),
               HelloTo(options, peer, run), keeper),
      bulk_(Lane::kBulk, NewChannel(options, peer), HelloTo(options, peer, run),
            keeper) {}

void PeerConnection::Send(PeerMessage message) {
  PeerLane& lane = LaneOf(message) == Lane::kControl ? control_ : bulk_;
  lane.Send(std::move(message));
}

void PeerConnection::Maintain(absl::Duration now, PeerMessageSink* sink) {
  const PeerLane::News control = control_.Maintain(now);
  const PeerLane::News bulk = bulk_.Maintain(now);
  if (sink == nullptr) return;
  if ((control.lost || bulk.lost) && told_ != Told::kUnreachable) {
    told_ = Told::kUnreachable;
    sink->OnPeerUnreachable(peer_.id);
  }
  if (control.up && bulk.up && told_ != Told::kReachable) {
    told_ = Told::kReachable;
    sink->OnPeerReachable(peer_.id);
  }
}

void PeerConnection::ConnectSoon() {
  control_.ConnectSoon();
  bulk_.ConnectSoon();
}

void PeerConnection::Close() {
  control_.Close();
  bulk_.Close();
}

bool PeerConnection::idle() const {
  return control_.idle() && bulk_.idle();
}

}  // namespace quorate::replication

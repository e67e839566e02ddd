// The way to one member's peer port.

#ifndef QUORATE_REPLICATION_TRANSPORT_PEER_CHANNEL_H_
#define QUORATE_REPLICATION_TRANSPORT_PEER_CHANNEL_H_

#include <memory>

#include "grpcpp/channel.h"
#include "grpcpp/server_builder.h"

#include "replication/raft/types.h"
#include "replication/transport/grpc_transport.h"

namespace quorate::replication {

// A connection of its own to `peer`, by mutual TLS; only a server with the
// certificate of the peer's name is spoken to.
std::shared_ptr<grpc::Channel> NewPeerChannel(
    const GrpcTransport::Options& options, const raft::MemberAddress& peer);

// The server's side of noticing connections that died without a word.
void AddServerKeepalive(grpc::ServerBuilder* builder);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_TRANSPORT_PEER_CHANNEL_H_

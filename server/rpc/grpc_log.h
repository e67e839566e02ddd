// gRPC's own messages in this program's log.

#ifndef QUORATE_SERVER_RPC_GRPC_LOG_H_
#define QUORATE_SERVER_RPC_GRPC_LOG_H_

namespace quorate::server {

// From now on what the gRPC library reports is a line of our log, with the
// event `library`. What it calls an error is a warning here: a port scanner's
// failed handshake is one, and no operator must act on it. Once, before the
// first use of gRPC.
void RouteGrpcLog();

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_GRPC_LOG_H_

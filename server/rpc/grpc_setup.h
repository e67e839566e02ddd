// How the gRPC library behaves in this program.

#ifndef QUORATE_SERVER_RPC_GRPC_SETUP_H_
#define QUORATE_SERVER_RPC_GRPC_SETUP_H_

namespace quorate::server {

// Once, before the first use of gRPC.
//
// From now on what the library reports is a line of our log, with the event
// `library`. What it calls an error is a warning here: a port scanner's failed
// handshake is one, and no operator must act on it.
//
// The order in which the library takes its locks is no longer checked. Debian
// builds it with that check, which is for debugging: it takes some of every
// call's time, and ends the process where it finds fault.
void PrepareGrpc();

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_GRPC_SETUP_H_

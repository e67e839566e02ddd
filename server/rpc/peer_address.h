// Where a call's connection comes from.

#ifndef QUORATE_SERVER_RPC_PEER_ADDRESS_H_
#define QUORATE_SERVER_RPC_PEER_ADDRESS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace quorate::server {

// The address, 4 or 16 bytes in network order, in what gRPC says of a peer:
// "ipv4:10.0.0.7:51000", "ipv6:[fd00::7]:51000", or the same with the brackets
// as %5B and %5D and perhaps a zone behind the address. Empty for anything
// else, as a socket of the same machine. Thread-safe.
std::string PeerAddressOf(absl::string_view peer);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_PEER_ADDRESS_H_

// The port on which machines join.

#ifndef QUORATE_SERVER_JOIN_JOIN_PORT_H_
#define QUORATE_SERVER_JOIN_JOIN_PORT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include "server/join/join_service.h"

namespace quorate::server {

// A gRPC server of its own for the one call that needs no certificate, so that
// what strangers can reach is small and apart from all the rest. It shows the
// member's certificate for the peer port and the authority behind it, by which
// a machine knows the cluster (join_token.h). Its limits stand in join_port.cc.
//
// To be opened before the client port, which turns on reflection for every
// server that is built after it. Thread-compatible. Orderly end: StopTaking,
// the node's Stop, Close.
class JoinPort {
 public:
  struct Options {
    std::string listen;    // "host:port"; port 0 for a free one.
    std::string cert_pem;  // The member's, for the peer port.
    std::string key_pem;
    JoinService::Options join;  // Its peer_ca_pem signed cert_pem.
  };

  // FAILED_PRECONDITION where the port is taken or the certificates do not fit
  // together.
  static absl::StatusOr<std::unique_ptr<JoinPort>> Open(
      const JoinService::Deps& deps, Options options);

  // Closes. The node must have been stopped before.
  ~JoinPort();

  JoinPort(const JoinPort&) = delete;
  JoinPort& operator=(const JoinPort&) = delete;

  int port() const;
  void StopTaking();

  // Idempotent.
  void Close();

 private:
  class Parts;
  explicit JoinPort(std::unique_ptr<Parts> parts);

  const std::unique_ptr<Parts> parts_;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_JOIN_JOIN_PORT_H_

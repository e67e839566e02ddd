// The port on which clients are served.

#ifndef QUORATE_SERVER_RPC_CLIENT_PORT_H_
#define QUORATE_SERVER_RPC_CLIENT_PORT_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "base/latency_book.h"
#include "replication/node/node.h"
#include "server/rpc/join_token.h"
#include "server/rpc/licensing_view.h"
#include "server/rpc/response_header.h"
#include "server/rpc/test_mail.h"
#include "trust/license_verifier.h"

namespace quorate::server {

// Certificates, as PEM. `ca_pem` signs clients (and members' client-port
// certificates).
struct ClientTlsOptions {
  std::string ca_pem;
  std::string cert_pem;
  std::string key_pem;
};

// A gRPC server over mutual TLS with all public services, health and
// reflection. Its limits stand in client_port.cc, each with its reason.
//
// Thread-compatible. Orderly end: StopTaking, WaitIdle, then the node's Stop
// (which ends what still waits), then Close.
class ClientPort {
 public:
  struct Deps {
    replication::Node* node = nullptr;                 // Not owned.
    const LicensingView* view = nullptr;               // Not owned.
    const trust::LicenseVerifier* verifier = nullptr;  // Not owned.
    const Clock* clock = nullptr;                      // Not owned.

    // Not owned; null: nothing is measured.
    LatencyBook* latencies = nullptr;
  };

  struct Options {
    std::string listen;  // "host:port"; port 0 for a free one.
    ClientTlsOptions tls;
    MemberDescription member;

    // Names in client certificates that are administrators here, whatever
    // their accounts say.
    std::vector<std::string> administrators = {};

    // Where machines may join; nothing: no join tokens are made here.
    std::optional<JoinDescription> join = {};

    std::string log_folder = {};  // Of the kept log; empty: there is none.

    // Mails tests; nothing: this member has no mail server. It answers what
    // it took before the port is closed.
    PostTestMail post_test_mail = {};
  };

  // Serves from its return. FAILED_PRECONDITION where the port is taken or the
  // certificates do not fit together.
  static absl::StatusOr<std::unique_ptr<ClientPort>> Open(
      const Deps& deps, const Options& options);

  // Closes. The node must have been stopped before.
  ~ClientPort();

  ClientPort(const ClientPort&) = delete;
  ClientPort& operator=(const ClientPort&) = delete;

  // The port it listens on.
  int port() const;

  // Looks whether this member serves; to be called a few times a second, by
  // one thread, not after StopTaking.
  void UpdateHealth();

  // Refuses new calls with STOPPING, and ends the streams. Idempotent.
  void StopTaking();

  // Waits for the calls that were let in; false where `timeout` passed first.
  bool WaitIdle(absl::Duration timeout);

  // Ends the gRPC server. Idempotent.
  void Close();

 private:
  class Parts;
  explicit ClientPort(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_CLIENT_PORT_H_

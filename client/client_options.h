// How to reach a cluster.

#ifndef QUORATE_CLIENT_CLIENT_OPTIONS_H_
#define QUORATE_CLIENT_CLIENT_OPTIONS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace quorate {

// Which endpoint is asked first. After that a client stays with the one that
// works.
enum class EndpointOrder {
  kRandom,  // Spreads the clients over the members.
  kGiven,   // The list is an order of preference: the near one first.
};

// Thread-compatible.
struct ClientOptions {
  // At most this many endpoints: a cluster has three or five members, and
  // each may be given under a few names.
  static constexpr size_t kMaxEndpoints = 32;

  // No call waits for longer, because the cluster remembers a request_id for
  // two minutes only.
  static constexpr absl::Duration kMaxDeadline = absl::Seconds(60);

  // "host:port" of the members' client addresses; one is enough, all are
  // better. REQUIRED.
  std::vector<std::string> endpoints;
  EndpointOrder endpoint_order = EndpointOrder::kRandom;

  // PEM texts: who signs the members' certificates, and this client's
  // certificate (its URI is the principal) with its key. REQUIRED, all three.
  std::string ca_pem;
  std::string cert_pem;
  std::string key_pem;

  // Asks the members to let this client look only, whatever it may do: no
  // checkout, no change.
  bool restricted = false;

  // How long a call may take in all, where it does not say otherwise. A
  // failover of the cluster takes a second or two and has to fit in.
  absl::Duration deadline = absl::Seconds(30);

  // How long the first attempt at one endpoint may take; later ones get more.
  absl::Duration first_attempt = absl::Milliseconds(800);

  // A keep-alive stream that gives no answer for so long counts as dead.
  absl::Duration keep_alive_answer = absl::Milliseconds(1500);

  // Endpoints from QUORATE_ENDPOINTS (host:port, separated by commas), the
  // PEM files that QUORATE_CA, QUORATE_CERT and QUORATE_KEY name. Fails with
  // INVALID_ARGUMENT where one is not set, NOT_FOUND where a file cannot be
  // read; the message says what to do.
  static absl::StatusOr<ClientOptions> FromEnvironment();

  // Fills ca_pem, cert_pem and key_pem from files. NOT_FOUND where one cannot
  // be read; INVALID_ARGUMENT where it is not PEM.
  absl::Status ReadFiles(const std::string& ca, const std::string& cert,
                         const std::string& key);

  // INVALID_ARGUMENT, and a sentence that names the field, where something is
  // missing or out of range.
  absl::Status Validate() const;
};

// What one call may say otherwise than the client. Thread-compatible.
struct CallOptions {
  // In all; 0: the client's deadline.
  absl::Duration deadline = absl::ZeroDuration();

  // Names the request, so that the cluster does it once however often it is
  // asked: 1 to 64 printable ASCII characters. Drawn where empty, which is
  // right but for programs that repeat a request after they were restarted.
  std::string request_id = {};
};

// Splits "host:port,host:port", without checking the parts.
std::vector<std::string> SplitEndpoints(absl::string_view list);

}  // namespace quorate

#endif  // QUORATE_CLIENT_CLIENT_OPTIONS_H_

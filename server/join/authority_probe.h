// Whom does a machine talk to that knows no more of a cluster than a hash.

#ifndef QUORATE_SERVER_JOIN_AUTHORITY_PROBE_H_
#define QUORATE_SERVER_JOIN_AUTHORITY_PROBE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace quorate::server {

// By this the real connection is made: with the authority as the only one that
// is trusted, and the name that the member's certificate must have.
struct PinnedAuthority {
  std::string ca_pem;
  std::string server_name;
};

// Makes a TLS connection, looks at the certificates, and closes it; nothing is
// sent. The authority is the one whose SubjectPublicKeyInfo has the SHA-256
// `pin`, and it must have signed the member's certificate. So that a connection
// which trusts it alone reaches a member, and no one who only shows its
// certificate.
// Errors: UNAVAILABLE where nothing answers in time; PERMISSION_DENIED where
// who answers is not of the cluster that the pin belongs to.
absl::StatusOr<PinnedAuthority> ProbeAuthority(const std::string& endpoint,
                                               absl::string_view pin,
                                               absl::Duration timeout);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_JOIN_AUTHORITY_PROBE_H_

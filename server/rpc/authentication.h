// Who is calling: the identity in the certificate of the connection.

#ifndef QUORATE_SERVER_RPC_AUTHENTICATION_H_
#define QUORATE_SERVER_RPC_AUTHENTICATION_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace grpc {
class AuthContext;
}  // namespace grpc

namespace quorate::server {

// "quorate://<cluster_id>/client/<name>", and the name in it; empty for what is
// no such URI.
std::string ClientPrincipal(absl::string_view cluster_id,
                            absl::string_view name);
absl::string_view NameOfPrincipal(absl::string_view principal);

// What may stand behind "/client/": letters, digits and ._-@+, and the whole
// fits in a command.
bool IsClientName(absl::string_view name);

// Recognises the clients of one cluster by the URI among the alternative names
// of their certificate, `quorate://<cluster_id>/client/<name>`. TLS has checked
// the chain before. The common name means nothing (security.md §4.4).
//
// Immutable after construction.
class ClientAuthenticator {
 public:
  explicit ClientAuthenticator(absl::string_view cluster_id);

  // Returns the principal: the whole URI. UNAUTHENTICATED, with a sentence
  // that says what was missed, where there is no such URI of this cluster, or
  // more than one; a member's certificate is not a client's.
  absl::StatusOr<std::string> Authenticate(
      const grpc::AuthContext* connection) const;

  // The same on the URIs of a certificate.
  absl::StatusOr<std::string> PrincipalOf(
      const std::vector<absl::string_view>& uris) const;

  // The principal that somebody calls by its name, or by the whole URI;
  // nothing for what can be no client of this cluster.
  std::optional<std::string> PrincipalNamed(absl::string_view given) const;

 private:
  const std::string prefix_;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_AUTHENTICATION_H_

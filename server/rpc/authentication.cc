#include "server/rpc/authentication.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "grpc/grpc_security_constants.h"
#include "grpcpp/security/auth_context.h"

namespace quorate::server {
namespace {

// A principal stands in the log with every command (command.proto).
constexpr size_t kMaxPrincipalBytes = 256;

bool IsNameByte(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' ||
         c == '_' || c == '-' || c == '@' || c == '+';
}

}  // namespace

ClientAuthenticator::ClientAuthenticator(absl::string_view cluster_id)
    : prefix_(absl::StrCat("quorate://", cluster_id, "/client/")) {}

absl::StatusOr<std::string> ClientAuthenticator::Authenticate(
    const grpc::AuthContext* connection) const {
  if (connection == nullptr || !connection->IsPeerAuthenticated()) {
    return absl::UnauthenticatedError(
        "the connection has no client certificate");
  }
  std::vector<absl::string_view> uris;
  for (const grpc::string_ref& uri :
       connection->FindPropertyValues(GRPC_PEER_URI_PROPERTY_NAME)) {
    uris.emplace_back(uri.data(), uri.size());
  }
  return PrincipalOf(uris);
}

absl::StatusOr<std::string> ClientAuthenticator::PrincipalOf(
    const std::vector<absl::string_view>& uris) const {
  absl::string_view principal;
  for (const absl::string_view uri : uris) {
    if (!absl::StartsWith(uri, prefix_)) continue;
    if (!principal.empty()) {
      return absl::UnauthenticatedError(
          "the client certificate names two identities of this cluster");
    }
    principal = uri;
  }
  if (principal.empty()) {
    return absl::UnauthenticatedError(absl::StrCat(
        "the client certificate has no alternative name URI:", prefix_,
        "<name>"));
  }
  const absl::string_view name = principal.substr(prefix_.size());
  if (name.empty() || principal.size() > kMaxPrincipalBytes ||
      !std::all_of(name.begin(), name.end(), IsNameByte)) {
    return absl::UnauthenticatedError(
        absl::StrCat("the name after ", prefix_,
                     " in the client certificate must be letters, digits and "
                     "._-@+, and the whole at most ",
                     kMaxPrincipalBytes, " bytes"));
  }
  return std::string(principal);
}

}  // namespace quorate::server

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

constexpr char kClientPart[] = "/client/";

// So long is "quorate://", a cluster's id and the part above.
constexpr size_t kPrefixBytes = 10 + 32 + 8;

bool IsNameByte(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' ||
         c == '_' || c == '-' || c == '@' || c == '+';
}

}  // namespace

std::string ClientPrincipal(absl::string_view cluster_id,
                            absl::string_view name) {
  return absl::StrCat("quorate://", cluster_id, kClientPart, name);
}

absl::string_view NameOfPrincipal(absl::string_view principal) {
  const size_t part = principal.find(kClientPart);
  if (part == absl::string_view::npos) return "";
  return principal.substr(part + sizeof(kClientPart) - 1);
}

bool IsClientName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxPrincipalBytes - kPrefixBytes &&
         std::all_of(name.begin(), name.end(), IsNameByte);
}

ClientAuthenticator::ClientAuthenticator(absl::string_view cluster_id)
    : prefix_(ClientPrincipal(cluster_id, "")) {}

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

std::optional<std::string> ClientAuthenticator::PrincipalNamed(
    absl::string_view given) const {
  const absl::string_view name =
      absl::StartsWith(given, prefix_) ? given.substr(prefix_.size()) : given;
  if (!IsClientName(name)) return std::nullopt;
  return absl::StrCat(prefix_, name);
}

}  // namespace quorate::server

// A join token as people carry it from the cluster to a machine:
//
//   qjoin1.<id>.<secret>.<pin>@<host:port>,...
//
// The secret proves the machine to the cluster, the pin (SHA-256 of the
// SubjectPublicKeyInfo of the cluster's authority for members) the cluster to
// the machine, so that neither has to believe the network (kubeadm joins the
// same way). Secret and pin are base64url without padding (RFC 4648, §5).

#ifndef QUORATE_SERVER_RPC_JOIN_TOKEN_H_
#define QUORATE_SERVER_RPC_JOIN_TOKEN_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quorate::server {

// Where machines may join, and by what they know the cluster.
struct JoinDescription {
  std::vector<std::string> endpoints;  // "host:port", of join ports.
  std::string ca_pin;                  // 32 bytes.
};

struct JoinToken {
  std::string id;      // 16 lower-case hex digits.
  std::string secret;  // 32 bytes. Never logged.
  JoinDescription join;
};

// With an id and a secret of the system's random source.
JoinToken DrawJoinToken(const JoinDescription& join);

std::string FormatJoinToken(const JoinToken& token);

// INVALID_ARGUMENT with a sentence that does not repeat the text.
absl::StatusOr<JoinToken> ParseJoinToken(absl::string_view text);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_JOIN_TOKEN_H_

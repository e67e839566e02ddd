#include "server/rpc/join_token.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "base/random.h"
#include "replication/node/membership_rules.h"
#include "server/rpc/member_fields.h"

namespace quorate::server {
namespace {

constexpr absl::string_view kPrefix = "qjoin1.";
constexpr size_t kIdBytes = 8;
constexpr size_t kSecretBytes = 32;
constexpr size_t kPinBytes = 32;

// A cluster has at most as many join ports as members.
constexpr size_t kMaxEndpoints = replication::kMaxClusterMembers;

bool IsId(absl::string_view id) {
  return id.size() == 2 * kIdBytes &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

absl::Status Malformed() {
  return absl::InvalidArgumentError(
      "this is not a join token: copy all of what \"quorate members token\" "
      "printed, from \"qjoin1.\" to the last port");
}

}  // namespace

JoinToken DrawJoinToken(const JoinDescription& join) {
  return {.id = absl::BytesToHexString(SystemRandomBytes(kIdBytes)),
          .secret = SystemRandomBytes(kSecretBytes),
          .join = join};
}

std::string FormatJoinToken(const JoinToken& token) {
  return absl::StrCat(kPrefix, token.id, ".",
                      absl::WebSafeBase64Escape(token.secret), ".",
                      absl::WebSafeBase64Escape(token.join.ca_pin), "@",
                      absl::StrJoin(token.join.endpoints, ","));
}

absl::StatusOr<JoinToken> ParseJoinToken(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, kPrefix)) return Malformed();
  const size_t at = text.find('@');
  if (at == absl::string_view::npos) return Malformed();
  const std::vector<absl::string_view> parts =
      absl::StrSplit(text.substr(0, at), '.');
  JoinToken token;
  if (parts.size() != 3 || !IsId(parts[0]) ||
      !absl::WebSafeBase64Unescape(parts[1], &token.secret) ||
      !absl::WebSafeBase64Unescape(parts[2], &token.join.ca_pin) ||
      token.secret.size() != kSecretBytes ||
      token.join.ca_pin.size() != kPinBytes) {
    return Malformed();
  }
  token.id = std::string(parts[0]);
  token.join.endpoints = absl::StrSplit(text.substr(at + 1), ',');
  if (token.join.endpoints.size() > kMaxEndpoints ||
      !std::all_of(token.join.endpoints.begin(), token.join.endpoints.end(),
                   [](const std::string& each) { return IsEndpoint(each); })) {
    return Malformed();
  }
  return token;
}

}  // namespace quorate::server

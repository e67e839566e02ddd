// What may stand in the fields that describe a member, wherever they come from:
// a configuration file, a request, a machine that wants to join.

#ifndef QUORATE_SERVER_RPC_MEMBER_FIELDS_H_
#define QUORATE_SERVER_RPC_MEMBER_FIELDS_H_

#include <optional>

#include "absl/strings/string_view.h"

#include "replication/raft/types.h"

namespace quorate::server {

// 1 to 64 letters, digits, '.', '_' or '-': it stands in certificates, file
// names and log lines.
bool IsMemberName(absl::string_view name);

// "host:port", an IPv6 address in brackets; at most 260 bytes (RFC 1035, 2.3.4,
// and a port). The port is not 0.
bool IsEndpoint(absl::string_view endpoint);

// The host of an endpoint, without brackets.
absl::string_view HostOf(absl::string_view endpoint);

// A positive decimal number of 64 bits, written in one way only.
std::optional<raft::MemberId> ParseMemberId(absl::string_view text);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_MEMBER_FIELDS_H_

// How a member's certificate names it.

#ifndef QUORATE_REPLICATION_TRANSPORT_PEER_IDENTITY_H_
#define QUORATE_REPLICATION_TRANSPORT_PEER_IDENTITY_H_

#include <string>

#include "absl/strings/string_view.h"

#include "replication/raft/types.h"

namespace quorate::replication {

// The subject alternative name by which a member proves itself when it
// connects: "quorate://<cluster id>/member/<member id, decimal>".
std::string MemberUri(absl::string_view cluster_id, raft::MemberId id);

// The one by which it proves itself when it is connected to:
// "<member id, decimal>.<cluster id>.member.quorate". Hosts and addresses do
// not count: members move, and names can be spoofed.
std::string MemberHostName(absl::string_view cluster_id, raft::MemberId id);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_TRANSPORT_PEER_IDENTITY_H_

// How a member's certificate names it.

#ifndef QUORATE_REPLICATION_TRANSPORT_PEER_IDENTITY_H_
#define QUORATE_REPLICATION_TRANSPORT_PEER_IDENTITY_H_

#include <string>

#include "absl/strings/string_view.h"

namespace quorate::replication {

// A certificate is good for a place in the cluster, which has a name ("m1"),
// and not for one data directory, which has an id: a member that lost its disk
// comes back under a new id with the certificate it has. Which id holds the
// place is said by the configuration in force, so a certificate alone opens
// nothing.

// The subject alternative name by which a member proves itself when it
// connects: "quorate://<cluster id>/member/<name>".
std::string MemberUri(absl::string_view cluster_id, absl::string_view name);

// The one by which it proves itself when it is connected to:
// "<name>.<cluster id>.member.quorate". Hosts and addresses do not count:
// members move, and names can be spoofed.
std::string MemberHostName(absl::string_view cluster_id,
                           absl::string_view name);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_TRANSPORT_PEER_IDENTITY_H_

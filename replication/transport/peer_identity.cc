#include "replication/transport/peer_identity.h"

#include "absl/strings/str_cat.h"

namespace quorate::replication {

std::string MemberUri(absl::string_view cluster_id, raft::MemberId id) {
  return absl::StrCat("quorate://", cluster_id, "/member/", id.value());
}

std::string MemberHostName(absl::string_view cluster_id, raft::MemberId id) {
  return absl::StrCat(id.value(), ".", cluster_id, ".member.quorate");
}

}  // namespace quorate::replication

#include "replication/transport/peer_identity.h"

#include "absl/strings/str_cat.h"

namespace quorate::replication {

std::string MemberUri(absl::string_view cluster_id, absl::string_view name) {
  return absl::StrCat("quorate://", cluster_id, "/member/", name);
}

std::string MemberHostName(absl::string_view cluster_id,
                           absl::string_view name) {
  return absl::StrCat(name, ".", cluster_id, ".member.quorate");
}

}  // namespace quorate::replication

// Memberships and changes of them as the scripts write them.

#ifndef QUORATE_TOOLS_RAFT_SCRIPT_MEMBER_TEXT_H_
#define QUORATE_TOOLS_RAFT_SCRIPT_MEMBER_TEXT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "replication/raft/raft.h"
#include "replication/raft/types.h"

namespace quorate::raft_script {

// "v1 l2 r3 u4": voter 1, learner 2, without 3, another address for 4.
// INVALID_ARGUMENT where a word is something else.
absl::StatusOr<std::vector<raft::MemberChange>> ParseChanges(
    absl::string_view text);

// "voters=(1 2)&&(1) learners=(3) learners_next=(4) autoleave".
std::string MembershipText(const raft::Membership& membership);

}  // namespace quorate::raft_script

#endif  // QUORATE_TOOLS_RAFT_SCRIPT_MEMBER_TEXT_H_

// Scripts of kind "confchange": changes of a membership by
// replication/raft/membership_change.h, and whom a leader tracks meanwhile.
//
//   simple | enter-joint [autoleave=true]
//   v1 l2 r3 u4        voter 1, learner 2, without 3, another address for 4
//   leave-joint

#ifndef QUORATE_TOOLS_RAFT_SCRIPT_MEMBERSHIP_SCRIPT_H_
#define QUORATE_TOOLS_RAFT_SCRIPT_MEMBERSHIP_SCRIPT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

#include "replication/raft/raft.h"
#include "replication/raft/types.h"
#include "tools/raft_script/script_kind.h"

namespace quorate::raft_script {

// Output is compared byte for byte. Thread-compatible.
class MembershipScript : public RunningScript {
 public:
  absl::StatusOr<std::optional<Difference>> Run(
      const Directive& directive) override;

 private:
  absl::StatusOr<raft::Membership> Change(
      const Directive& directive,
      absl::Span<const raft::MemberChange> changes) const;
  void Track(const raft::Membership& start,
             absl::Span<const raft::MemberChange> changes);
  void Follow(const raft::Membership& membership);
  std::string Output() const;

  raft::Membership membership_;

  // What a leader takes for the next index of each member, from when it began
  // to track the member. This kind of script counts one entry a command.
  std::map<raft::MemberId, uint64_t> next_;
  uint64_t last_index_ = 0;
};

}  // namespace quorate::raft_script

#endif  // QUORATE_TOOLS_RAFT_SCRIPT_MEMBERSHIP_SCRIPT_H_

// Scripts of kind "quorum": votes and acknowledgements, counted by
// replication/raft/quorum.h.
//
//   committed cfg=(1,2) [cfgj=(3)|cfgj=zero] idx=(_,5,7)
//   vote      cfg=(1,2) [cfgj=(3)|cfgj=zero] votes=(y,n,_)

#ifndef QUORATE_TOOLS_RAFT_SCRIPT_QUORUM_SCRIPT_H_
#define QUORATE_TOOLS_RAFT_SCRIPT_QUORUM_SCRIPT_H_

#include <optional>

#include "tools/raft_script/script_kind.h"

namespace quorate::raft_script {

// Output is compared byte for byte. Thread-compatible.
class QuorumScript : public RunningScript {
 public:
  absl::StatusOr<std::optional<Difference>> Run(
      const Directive& directive) override;
};

}  // namespace quorate::raft_script

#endif  // QUORATE_TOOLS_RAFT_SCRIPT_QUORUM_SCRIPT_H_

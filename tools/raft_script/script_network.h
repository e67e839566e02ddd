// What is on its way in a script: messages between members, and a member's own
// threads telling it that they are done.

#ifndef QUORATE_TOOLS_RAFT_SCRIPT_SCRIPT_NETWORK_H_
#define QUORATE_TOOLS_RAFT_SCRIPT_SCRIPT_NETWORK_H_

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"

#include "replication/raft/message.h"
#include "replication/raft/raft.h"
#include "replication/raft/ready.h"
#include "replication/raft/types.h"

namespace quorate::raft_script {

// An InstallSnapshot with the state that travels apart from it: the commands
// applied up to its position.
struct SnapshotTransfer {
  raft::Message message;
  std::vector<raft::Entry> applied;
};

// The state machine has applied up to here.
struct ApplyReceipt {
  raft::Index index;
};

// What somebody wants appended: a command or a change of the members.
using ScriptProposal = std::variant<std::string, raft::ConfigurationChange>;

struct InFlight {
  raft::MemberId to;
  // A proposal is on its way from a follower to its leader, as the server of
  // ours forwards requests.
  std::variant<raft::Message, SnapshotTransfer, raft::AppendReceipt,
               ApplyReceipt, ScriptProposal>
      content;
};

// The name that scripts have for its like: "MsgApp", "MsgVoteResp".
std::string ScriptNameOf(const InFlight& item);

// True where it stays inside its member and so cannot be lost.
bool IsLocal(const InFlight& item);

// Thread-compatible.
class ScriptNetwork {
 public:
  void Add(InFlight item) { items_.push_back(std::move(item)); }

  bool HasFor(raft::MemberId to) const;

  // Takes out what is for `to`, in order: of this name only, where `name` is
  // not empty; without what is local, where it is to be dropped.
  std::vector<InFlight> Take(raft::MemberId to, absl::string_view name,
                             bool drop);

  std::vector<InFlight> TakeAll() { return std::exchange(items_, {}); }

 private:
  std::vector<InFlight> items_;
};

}  // namespace quorate::raft_script

#endif  // QUORATE_TOOLS_RAFT_SCRIPT_SCRIPT_NETWORK_H_

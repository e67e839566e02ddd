// Scripts of kind "interaction": whole members of our core, stepped as the
// script says, and their states compared with what it says of them after each
// command. docs/raft.md tells what is compared and how the two cores are
// brought to the same points.

#ifndef QUORATE_TOOLS_RAFT_SCRIPT_INTERACTION_SCRIPT_H_
#define QUORATE_TOOLS_RAFT_SCRIPT_INTERACTION_SCRIPT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "tools/raft_script/expected_state.h"
#include "tools/raft_script/script_cluster.h"
#include "tools/raft_script/script_kind.h"
#include "tools/raft_script/state_comparison.h"

namespace quorate::raft_script {

// Thread-compatible.
class InteractionScript : public RunningScript {
 public:
  absl::StatusOr<std::optional<Difference>> Run(
      const Directive& directive) override;

  // The names of all commands.
  static std::vector<absl::string_view> Commands();

 private:
  using Found = absl::StatusOr<std::optional<Disagreement>>;
  using Command = Found (InteractionScript::*)(const Directive&);

  struct NamedCommand {
    absl::string_view name;
    Command run;
  };

  static const std::vector<NamedCommand>& Table();

  Found AddNodes(const Directive& d);
  Found Campaign(const Directive& d);
  Found Compact(const Directive& d);
  Found DeliverMsgs(const Directive& d);
  Found ForgetLeader(const Directive& d);
  Found LogLevel(const Directive& d);
  Found ProcessAppendThread(const Directive& d);
  Found ProcessApplyThread(const Directive& d);
  Found ProcessReady(const Directive& d);
  Found Propose(const Directive& d);
  Found ProposeConfChange(const Directive& d);
  Found RaftLog(const Directive& d);
  Found RaftState(const Directive& d);
  Found ReportUnreachable(const Directive& d);
  Found SendSnapshot(const Directive& d);
  Found SetElectionTimeout(const Directive& d);
  Found Stabilize(const Directive& d);
  Found Status(const Directive& d);
  Found TickElection(const Directive& d);
  Found TickHeartbeat(const Directive& d);
  Found TransferLeadership(const Directive& d);

  // The members that a command names, one at least, each of them there.
  absl::StatusOr<std::vector<uint64_t>> Members(const Directive& d) const;
  absl::StatusOr<uint64_t> Member(const Directive& d) const;

  // What the output says of Readies, or nothing where output is switched off.
  absl::Status Learn(const Directive& d, uint64_t subject, bool hidden);
  std::optional<Disagreement> CompareAll();
  Found CompareAccepted(const Directive& d, bool accepted) const;

  ScriptCluster cluster_;
  ExpectedState expected_;
  std::map<uint64_t, bool> behind_;  // As of the last command.
  bool hidden_ = false;              // The script has switched its output off.
  bool shown_ = false;  // This command's Readies are in its output.
};

}  // namespace quorate::raft_script

#endif  // QUORATE_TOOLS_RAFT_SCRIPT_INTERACTION_SCRIPT_H_

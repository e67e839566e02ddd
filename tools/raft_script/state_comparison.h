// Compares what a script has said of the members with what ours have said.

#ifndef QUORATE_TOOLS_RAFT_SCRIPT_STATE_COMPARISON_H_
#define QUORATE_TOOLS_RAFT_SCRIPT_STATE_COMPARISON_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"

#include "tools/raft_script/expected_state.h"
#include "tools/raft_script/script_cluster.h"

namespace quorate::raft_script {

// One thing in which a script and our members do not agree.
struct Disagreement {
  std::string expected;
  std::string got;
};

// The scripts start with a term that ours count as 1: a cluster is created in
// the term of its first entry.
uint64_t ScriptTerm(raft::Term term);

// "StateLeader".
std::string RoleText(raft::Role role);

// How much less than a script says a member may have.
enum class Allowance {
  kNothing,
  kBehind,  // Entries, commit and applied index may be behind, never ahead.
};

// The first disagreement about a member's state, of all that is known and not
// of what was said last alone; and about what it has applied.
std::optional<Disagreement> CompareState(const ExpectedState& expected,
                                         const ScriptMember& member,
                                         Allowance allowance);

// The first disagreement about the way there in this command: the states that a
// member went through, what it wrote and what it applied.
std::optional<Disagreement> CompareSteps(const ExpectedState& expected,
                                         const ScriptMember& member);

// What is on the disk of `member` against the whole log that a script shows.
std::optional<Disagreement> CompareLog(absl::Span<const ExpectedEntry> expected,
                                       const ScriptMember& member);

}  // namespace quorate::raft_script

#endif  // QUORATE_TOOLS_RAFT_SCRIPT_STATE_COMPARISON_H_

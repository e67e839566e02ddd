// What a script has said so far of each member's state, read out of its
// outputs.
//
// A script shows a member's state where it hands out a Ready, and shows there
// only what is new. So what was said once holds until something else is said,
// or until steps are taken whose output the script does not show.

#ifndef QUORATE_TOOLS_RAFT_SCRIPT_EXPECTED_STATE_H_
#define QUORATE_TOOLS_RAFT_SCRIPT_EXPECTED_STATE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "tools/raft_script/directive.h"

namespace quorate::raft_script {

// An entry as scripts write it: `1/4 EntryNormal "foo"`, `1/5 EntryConfChangeV2
// v2 r1`.
struct ExpectedEntry {
  uint64_t index = 0;
  uint64_t term = 0;
  bool configuration = false;
  std::string text;  // The payload, or the changes.

  friend bool operator==(const ExpectedEntry&, const ExpectedEntry&) = default;
};

// Nothing where a line is no entry.
std::optional<ExpectedEntry> ParseEntry(absl::string_view line);

// "1/4 EntryNormal "foo"".
std::string EntryText(const ExpectedEntry& entry);

// Nothing where it is not known.
struct ExpectedStage {
  std::optional<std::string> role;  // "StateLeader" and so on.
  std::optional<uint64_t> leader;
  std::optional<uint64_t> term;
  std::optional<uint64_t> vote;
  std::optional<uint64_t> commit;
};

struct ExpectedMember {
  ExpectedStage state;
  std::optional<uint64_t> applied;  // Handed out to be applied, up to here.

  // Entries that are known to be in the log, and where it ends.
  std::map<uint64_t, ExpectedEntry> log;
  std::optional<uint64_t> last_index;

  // What this command alone has shown, in order: the state at each Ready, the
  // entries to append and to apply, and the last snapshot's index.
  std::vector<ExpectedStage> stages;
  std::vector<ExpectedEntry> appended_now;
  std::vector<ExpectedEntry> applied_now;
  uint64_t snapshot_now = 0;
};

// Thread-compatible.
class ExpectedState {
 public:
  // Takes in what the output of `directive` says of Readies. `subject` is the
  // member whose Ready it is where the output does not say. INVALID_ARGUMENT,
  // with the position, where a line that should hold state does not.
  absl::Status Learn(const Directive& directive, uint64_t subject);

  // Steps were taken that the script does not show.
  void Forget() { members_.clear(); }

  // A command begins that may show something.
  void Begin();

  const std::map<uint64_t, ExpectedMember>& members() const { return members_; }

  // Every entry that any member was said to apply, by index. It stays: what is
  // committed never changes.
  const std::map<uint64_t, ExpectedEntry>& committed() const {
    return committed_;
  }

 private:
  enum class Section { kNone, kEntries, kCommitted, kOther };

  absl::Status LearnLine(absl::string_view line, uint64_t subject,
                         Section& section);
  bool LearnState(absl::string_view line, ExpectedMember& member);
  void LearnAppended(const ExpectedEntry& entry, ExpectedMember& member,
                     bool first);

  std::map<uint64_t, ExpectedMember> members_;
  std::map<uint64_t, ExpectedEntry> committed_;
};

// The number after `key` ("Term:") in a line; nothing where there is none.
std::optional<uint64_t> NumberAfter(absl::string_view line,
                                    absl::string_view key);

}  // namespace quorate::raft_script

#endif  // QUORATE_TOOLS_RAFT_SCRIPT_EXPECTED_STATE_H_

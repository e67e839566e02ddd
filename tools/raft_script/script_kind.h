// What the kinds of scripts have in common: a command is run and compared.

#ifndef QUORATE_TOOLS_RAFT_SCRIPT_SCRIPT_KIND_H_
#define QUORATE_TOOLS_RAFT_SCRIPT_SCRIPT_KIND_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "tools/raft_script/directive.h"

namespace quorate::raft_script {

// Where a script and our code do not agree.
struct Difference {
  std::string position;  // "file:line"
  std::string command;
  std::string expected;
  std::string got;
};

// One script of one kind under way. Made anew for each file.
// Thread-compatible.
class RunningScript {
 public:
  virtual ~RunningScript() = default;

  // Runs one command; nothing where it did what the script says.
  // INVALID_ARGUMENT, with the position, where the command makes no sense.
  virtual absl::StatusOr<std::optional<Difference>> Run(
      const Directive& directive) = 0;
};

// "quorum", "confchange", "interaction". INVALID_ARGUMENT for other names.
absl::StatusOr<std::unique_ptr<RunningScript>> StartScript(
    absl::string_view kind);

// The kind that has all commands of a script. INVALID_ARGUMENT where none has.
absl::StatusOr<std::string> KindOf(absl::Span<const Directive> directives);

// Runs a script up to the first difference. `kind` may be empty: then it is
// told by the commands.
absl::StatusOr<std::optional<Difference>> RunScript(absl::string_view path,
                                                    absl::string_view text,
                                                    absl::string_view kind);

}  // namespace quorate::raft_script

#endif  // QUORATE_TOOLS_RAFT_SCRIPT_SCRIPT_KIND_H_

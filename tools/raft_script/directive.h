// Scripts of commands, each followed by what it should print.
//
// The format is that of github.com/cockroachdb/datadriven:
//
//   # A comment.
//   command argument key=value key=(a,b)
//   lines of input, if any
//   ----
//   lines of output, up to an empty line
//
// Output that has empty lines of its own stands between two pairs of "----". A
// command line that ends in a backslash goes on in the next line.

#ifndef QUORATE_TOOLS_RAFT_SCRIPT_DIRECTIVE_H_
#define QUORATE_TOOLS_RAFT_SCRIPT_DIRECTIVE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace quorate::raft_script {

// One command of a script. A value.
struct Directive {
  struct Argument {
    std::string key;
    std::vector<std::string> values;  // Empty where it has no "=".
  };

  std::string position;  // "file:line"
  std::string command;
  std::vector<Argument> arguments;
  std::string input;
  std::string expected;

  // Places in the script's lines, counted from 0: of the first "----", and of
  // what follows the output and its empty line.
  size_t separator_line = 0;
  size_t end_line = 0;

  // The values of the argument `key`, nullptr where it is not there.
  const std::vector<std::string>* Find(absl::string_view key) const;

  // The values of `key` with commas between, or `fallback`.
  std::string Text(absl::string_view key, absl::string_view fallback) const;

  // The arguments that stand alone and are numbers, in order.
  std::vector<uint64_t> Positional() const;
};

// INVALID_ARGUMENT, with the directive's position, where `text` is no number.
absl::StatusOr<uint64_t> ParseNumber(const Directive& directive,
                                     absl::string_view text);

// The directives of a script. INVALID_ARGUMENT, with the position, where one
// has no "----" or an argument makes no sense. `path` only names the script.
absl::StatusOr<std::vector<Directive>> ParseScript(
    absl::string_view path, absl::Span<const std::string> lines);

// The lines of `text`, without their ends.
std::vector<std::string> SplitLines(absl::string_view text);

}  // namespace quorate::raft_script

#endif  // QUORATE_TOOLS_RAFT_SCRIPT_DIRECTIVE_H_

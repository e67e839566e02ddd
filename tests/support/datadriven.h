// Golden scripts: a text file of commands, each followed by what it printed.
//
// The format is that of github.com/cockroachdb/datadriven:
//
//   # A comment.
//   command argument key=value key=(a,b)
//   lines of input, if any
//   ----
//   lines of output, up to an empty line
//
// Output that has empty lines of its own stands between two pairs of "----".
// With UPDATE_GOLDEN=1 in the environment the outputs in the file are replaced
// by what the commands print now; the difference in version control is the
// review.

#ifndef QUORATE_TESTS_SUPPORT_DATADRIVEN_H_
#define QUORATE_TESTS_SUPPORT_DATADRIVEN_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace quorate {

// One command of a script.
struct Directive {
  struct Argument {
    std::string key;
    std::vector<std::string> values;
  };

  std::string position;  // "file:line"
  std::string command;
  std::vector<Argument> arguments;
  std::string input;
  std::string expected;

  // The values of the argument `key`, nullptr where it is not there.
  const std::vector<std::string>* Find(absl::string_view key) const;

  // The one value of `key`, or `fallback`.
  uint64_t Number(absl::string_view key, uint64_t fallback) const;
  std::string Text(absl::string_view key, absl::string_view fallback) const;

  // All values of `key` as numbers.
  std::vector<uint64_t> Numbers(absl::string_view key) const;

  // The arguments that stand alone, as numbers, in order.
  std::vector<uint64_t> Positional() const;
};

// What a command prints.
using DirectiveRunner = std::function<std::string(const Directive&)>;

// Runs the script at `path` (from the root of the tree). A difference is a
// failure of the running test.
void RunDataDriven(const std::string& path, const DirectiveRunner& runner);

// The .txt files of a folder (from the root of the tree), sorted.
std::vector<std::string> DataDrivenFiles(const std::string& folder);

}  // namespace quorate

#endif  // QUORATE_TESTS_SUPPORT_DATADRIVEN_H_

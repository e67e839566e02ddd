// Golden scripts: a text file of commands, each followed by what it printed.
//
// The format is that of tools/raft_script/directive.h. With UPDATE_GOLDEN=1 in
// the environment the outputs in the file are replaced by what the commands
// print now; the difference in version control is the review.

#ifndef QUORATE_TESTS_SUPPORT_DATADRIVEN_H_
#define QUORATE_TESTS_SUPPORT_DATADRIVEN_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "tools/raft_script/directive.h"

namespace quorate {

// One command of a script. What should be a number and is none is a failure of
// the running test.
struct Directive : raft_script::Directive {
  // The first value of `key`, or `fallback`.
  uint64_t Number(absl::string_view key, uint64_t fallback) const;

  // All values of `key` as numbers.
  std::vector<uint64_t> Numbers(absl::string_view key) const;
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

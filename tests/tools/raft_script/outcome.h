// Runs a script that stands in a test.

#ifndef QUORATE_TESTS_TOOLS_RAFT_SCRIPT_OUTCOME_H_
#define QUORATE_TESTS_TOOLS_RAFT_SCRIPT_OUTCOME_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "tools/raft_script/script_kind.h"

namespace quorate::raft_script {

// "same", "script.txt:LINE: COMMAND" of the first difference, or what is wrong
// with the script.
inline std::string Outcome(absl::string_view text,
                           absl::string_view kind = "") {
  const auto difference = RunScript("script.txt", text, kind);
  if (!difference.ok()) return std::string(difference.status().message());
  if (!difference->has_value()) return "same";
  return absl::StrCat((*difference)->position, ": ", (*difference)->command);
}

}  // namespace quorate::raft_script

#endif  // QUORATE_TESTS_TOOLS_RAFT_SCRIPT_OUTCOME_H_

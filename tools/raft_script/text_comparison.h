// Byte for byte: for the kinds of scripts whose whole output must be the same.

#ifndef QUORATE_TOOLS_RAFT_SCRIPT_TEXT_COMPARISON_H_
#define QUORATE_TOOLS_RAFT_SCRIPT_TEXT_COMPARISON_H_

#include <optional>
#include <string>

#include "tools/raft_script/script_kind.h"

namespace quorate::raft_script {

// Nothing where `output`, with a newline at its end, is what the script has.
std::optional<Difference> CompareText(const Directive& directive,
                                      std::string output);

}  // namespace quorate::raft_script

#endif  // QUORATE_TOOLS_RAFT_SCRIPT_TEXT_COMPARISON_H_

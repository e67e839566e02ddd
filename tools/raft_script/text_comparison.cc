#include "tools/raft_script/text_comparison.h"

#include <utility>

namespace quorate::raft_script {

std::optional<Difference> CompareText(const Directive& directive,
                                      std::string output) {
  if (!output.empty() && output.back() != '\n') output += '\n';
  if (output == directive.expected) return std::nullopt;
  return Difference{.position = directive.position,
                    .command = directive.command,
                    .expected = directive.expected,
                    .got = std::move(output)};
}

}  // namespace quorate::raft_script

// A command that runs as our child.

#ifndef QUORATE_TOOLS_QUORATE_CHILD_PROCESS_H_
#define QUORATE_TOOLS_QUORATE_CHILD_PROCESS_H_

#include <string>
#include <sys/types.h>
#include <vector>

#include "tools/quorate/signals.h"

namespace quorate::cli {

// How a command ended, as the exit code that a shell would give: its own,
// 128 + n after signal n, 127 where there is no such command, 126 where it
// cannot be run.
struct CommandOutcome {
  int exit_code = 0;
  int start_error = 0;  // errno where it was not started.
};

// Runs `command` (not empty, found by PATH) with our stdin, stdout, stderr and
// process group, and waits for its end. Signals that another process sends us
// meanwhile are handed on to it; those of the terminal it gets by itself.
CommandOutcome RunCommand(const std::vector<std::string>& command,
                          Signals* signals);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_CHILD_PROCESS_H_

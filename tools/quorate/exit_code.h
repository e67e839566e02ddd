// What the program's exit code tells a script.

#ifndef QUORATE_TOOLS_QUORATE_EXIT_CODE_H_
#define QUORATE_TOOLS_QUORATE_EXIT_CODE_H_

#include "absl/status/status.h"

namespace quorate::cli {

// Documented in `quorate --help`; the numbers never change.
enum ExitCode : int {
  kExitOk = 0,
  kExitFailure = 1,
  kExitUsage = 2,
  kExitUnavailable = 3,
  kExitDenied = 4,
  kExitNotFound = 5,
  kExitExhausted = 6,
  kExitConflict = 7,
  kExitTimeout = 124,
  // As shells do it for a command that cannot be run, or is not there.
  kExitNotExecutable = 126,
  kExitNoCommand = 127,
  // 128 and the number of the signal that ended the program or its command.
  kExitSignalBase = 128,
};

// The exit code for a refusal or a failure; kExitOk for OK.
int ExitCodeOf(const absl::Status& status);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_EXIT_CODE_H_

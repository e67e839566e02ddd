// Programs as a user runs them: arguments and environment in, output and exit
// code out.

#ifndef QUORATE_TESTS_E2E_SUBPROCESS_H_
#define QUORATE_TESTS_E2E_SUBPROCESS_H_

#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

#include "absl/time/time.h"

namespace quorate::e2e {

using Environment = std::map<std::string, std::string>;

struct CommandResult {
  int exit_code = -1;  // 128 + n for a signal n; 124 where it was too slow.
  std::string output;  // stdout.
  std::string errors;  // stderr.
};

// Runs `arguments` (the first is looked up in PATH) with `extra` added to this
// process's environment, and waits for the end; kills it after `limit`.
CommandResult RunCommand(const std::vector<std::string>& arguments,
                         const Environment& extra = {},
                         absl::Duration limit = absl::Seconds(120));

// A program that goes on in the background. Killed at the end of its life.
// Thread-compatible.
class BackgroundCommand {
 public:
  BackgroundCommand(const std::vector<std::string>& arguments,
                    const Environment& extra);
  ~BackgroundCommand();

  BackgroundCommand(const BackgroundCommand&) = delete;
  BackgroundCommand& operator=(const BackgroundCommand&) = delete;

  pid_t pid() const { return pid_; }

  // Waits for the end; kills it after `limit`.
  CommandResult Wait(absl::Duration limit);

 private:
  pid_t pid_ = -1;
  int output_ = -1;  // Files that the program writes to.
  int errors_ = -1;
};

}  // namespace quorate::e2e

#endif  // QUORATE_TESTS_E2E_SUBPROCESS_H_

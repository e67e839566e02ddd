#include "tools/quorate/child_process.h"

#include <cerrno>
#include <csignal>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "tools/quorate/exit_code.h"

namespace quorate::cli {
namespace {

// posix_spawn, because a fork of a process with threads may only exec.
int Spawn(const std::vector<std::string>& command, const sigset_t& mask,
          pid_t* child) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& word : command) {
    // exec takes them as char* for C's sake and does not change them.
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  posix_spawnattr_t attributes;
  QUORATE_CHECK(posix_spawnattr_init(&attributes) == 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setsigmask(&attributes, &mask);
  const int error = posix_spawnp(child, arguments[0], nullptr, &attributes,
                                 arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  return error;
}

}  // namespace

CommandOutcome RunCommand(const std::vector<std::string>& command,
                          Signals* signals) {
  pid_t child = 0;
  const int error = Spawn(command, signals->mask_before(), &child);
  if (error != 0) {
    return {.exit_code = error == ENOENT ? kExitNoCommand : kExitNotExecutable,
            .start_error = error};
  }
  while (true) {
    int state = 0;
    if (waitpid(child, &state, WNOHANG) == child) {
      if (WIFEXITED(state)) return {.exit_code = WEXITSTATUS(state)};
      if (WIFSIGNALED(state)) {
        return {.exit_code = kExitSignalBase + WTERMSIG(state)};
      }
    }
    const auto event = signals->Wait(absl::InfiniteDuration());
    if (!event.has_value() || event->number == 0 || event->number == SIGCHLD ||
        event->from_terminal) {
      continue;
    }
    kill(child, event->number);
  }
}

}  // namespace quorate::cli

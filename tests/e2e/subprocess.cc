#include "tests/e2e/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"

extern char** environ;

namespace quorate::e2e {
namespace {

std::vector<std::string> MergedEnvironment(const Environment& extra) {
  Environment merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string pair = *entry;
    const size_t equals = pair.find('=');
    if (equals == std::string::npos) continue;
    merged[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  for (const auto& [name, value] : extra)
    merged[name] = value;
  std::vector<std::string> pairs;
  for (const auto& [name, value] : merged)
    pairs.push_back(name + "=" + value);
  return pairs;
}

std::vector<char*> Pointers(std::vector<std::string>* strings) {
  std::vector<char*> pointers;
  for (std::string& string : *strings)
    pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::string ReadAll(int file) {
  std::string content;
  char buffer[65536];
  QUORATE_CHECK(lseek(file, 0, SEEK_SET) == 0);
  for (;;) {
    const ssize_t got = read(file, buffer, sizeof(buffer));
    QUORATE_CHECK(got >= 0);
    if (got == 0) return content;
    content.append(buffer, static_cast<size_t>(got));
  }
}

// True when the process has ended, false when `limit` passed before.
bool WaitForEnd(pid_t pid, absl::Duration limit) {
  const int handle = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  QUORATE_CHECK(handle >= 0);
  const absl::Duration end = SystemClock().SinceBoot() + limit;
  bool ended = false;
  while (!ended) {
    const absl::Duration left = end - SystemClock().SinceBoot();
    if (left <= absl::ZeroDuration()) break;
    pollfd poll_handle = {.fd = handle, .events = POLLIN, .revents = 0};
    const int ready = poll(
        &poll_handle, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1);
    ended = ready > 0;
  }
  close(handle);
  return ended;
}

}  // namespace

BackgroundCommand::BackgroundCommand(const std::vector<std::string>& arguments,
                                     const Environment& extra) {
  output_ = memfd_create("stdout", MFD_CLOEXEC);
  errors_ = memfd_create("stderr", MFD_CLOEXEC);
  QUORATE_CHECK(output_ >= 0 && errors_ >= 0);
  posix_spawn_file_actions_t actions;
  QUORATE_CHECK(posix_spawn_file_actions_init(&actions) == 0);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output_, 1);
  posix_spawn_file_actions_adddup2(&actions, errors_, 2);
  std::vector<std::string> words = arguments;
  std::vector<std::string> variables = MergedEnvironment(extra);
  const int failed =
      posix_spawnp(&pid_, words[0].c_str(), &actions, nullptr,
                   Pointers(&words).data(), Pointers(&variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) pid_ = -1;
}

BackgroundCommand::~BackgroundCommand() {
  if (pid_ > 0) Wait(absl::ZeroDuration());
  close(output_);
  close(errors_);
}

CommandResult BackgroundCommand::Wait(absl::Duration limit) {
  if (pid_ <= 0) return {127, "", "the program could not be started"};
  const bool ended = WaitForEnd(pid_, limit);
  if (!ended) kill(pid_, SIGKILL);
  int status = 0;
  QUORATE_CHECK(waitpid(pid_, &status, 0) == pid_);
  pid_ = -1;
  CommandResult result;
  if (!ended) {
    result.exit_code = 124;
  } else if (WIFEXITED(status)) {
    result.exit_code = WEXITSTATUS(status);
  } else {
    result.exit_code = 128 + WTERMSIG(status);
  }
  result.output = ReadAll(output_);
  result.errors = ReadAll(errors_);
  return result;
}

CommandResult RunCommand(const std::vector<std::string>& arguments,
                         const Environment& extra, absl::Duration limit) {
  return BackgroundCommand(arguments, extra).Wait(limit);
}

}  // namespace quorate::e2e

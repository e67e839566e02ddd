#include "tests/tools/quorate/program.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

#include "base/check.h"

namespace quorate {
namespace {

std::vector<char*> Pointers(std::vector<std::string>* words) {
  std::vector<char*> pointers;
  for (std::string& word : *words) {
    pointers.push_back(word.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

std::string ReadAll(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  ssize_t got = 0;
  while ((got = read(fd, buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<size_t>(got));
  }
  return text;
}

}  // namespace

Program::Program(const std::vector<std::string>& words,
                 const Environment& environment) {
  std::array<int, 2> pipe{};
  QUORATE_CHECK(pipe2(pipe.data(), O_CLOEXEC) == 0);
  output_ = pipe[0];
  errors_ = memfd_create("errors", MFD_CLOEXEC);
  QUORATE_CHECK(errors_ >= 0);

  std::vector<std::string> arguments = words;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here sets variables.
  std::vector<std::string> variables = {absl::StrCat("PATH=", getenv("PATH"))};
  for (const auto& [name, value] : environment) {
    variables.push_back(absl::StrCat(name, "=", value));
  }
  posix_spawn_file_actions_t actions;
  QUORATE_CHECK(posix_spawn_file_actions_init(&actions) == 0);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, pipe[1], 1);
  posix_spawn_file_actions_adddup2(&actions, errors_, 2);
  const int error =
      posix_spawn(&pid_, words[0].c_str(), &actions, nullptr,
                  Pointers(&arguments).data(), Pointers(&variables).data());
  QUORATE_CHECK(error == 0);
  posix_spawn_file_actions_destroy(&actions);
  close(pipe[1]);
}

Program::~Program() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(output_);
  close(errors_);
}

std::string Program::ReadLine() {
  std::string line;
  char letter = 0;
  while (read(output_, &letter, 1) == 1 && letter != '\n') {
    line += letter;
  }
  return line;
}

std::string Program::ErrorsSoFar() const {
  // By offset, because the program writes where the file stands.
  std::string text;
  std::array<char, 4096> buffer{};
  ssize_t got = 0;
  while ((got = pread(errors_, buffer.data(), buffer.size(),
                      static_cast<off_t>(text.size()))) > 0) {
    text.append(buffer.data(), static_cast<size_t>(got));
  }
  return text;
}

void Program::Signal(int number) const {
  kill(pid_, number);
}

ProgramResult Program::Wait() {
  ProgramResult result;
  result.output = ReadAll(output_);
  int state = 0;
  while (waitpid(pid_, &state, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  result.exit_code =
      WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
  result.errors = ErrorsSoFar();
  return result;
}

}  // namespace quorate

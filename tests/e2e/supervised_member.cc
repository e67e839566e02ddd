#include "tests/e2e/supervised_member.h"

#include <fstream>
#include <signal.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "base/check.h"
#include "base/clock.h"
#include "tests/e2e/subprocess.h"

namespace quorate::e2e {
namespace {

// As a service manager waits.
constexpr absl::Duration kPause = absl::Seconds(1);

constexpr absl::Duration kForever = absl::Hours(2);

}  // namespace

SupervisedMember::SupervisedMember(const TestCluster* cluster,
                                   const std::string& name,
                                   const Environment& extra)
    : name_(name),
      folder_(absl::StrCat(cluster->dir(), "/", name)),
      extra_(extra) {
  const TestMember member = cluster->Member(name);
  QUORATE_CHECK(member.pid > 0);
  kill(member.pid, SIGKILL);
  thread_ = std::thread([this] { Run(); });
}

SupervisedMember::~SupervisedMember() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
    if (pid_ > 0) kill(pid_, SIGKILL);
  }
  changed_.NotifyAll();
  thread_.join();
}

int SupervisedMember::starts() const {
  MutexLock lock(&mu_);
  return starts_;
}

std::vector<int> SupervisedMember::exits() const {
  MutexLock lock(&mu_);
  return exits_;
}

bool SupervisedMember::AwaitExits(size_t count, absl::Duration limit) const {
  const absl::Duration end = SystemClock().SinceBoot() + limit;
  MutexLock lock(&mu_);
  while (exits_.size() < count) {
    const absl::Duration left = end - SystemClock().SinceBoot();
    if (left <= absl::ZeroDuration()) return false;
    changed_.WaitFor(&mu_, left);
  }
  return true;
}

void SupervisedMember::Hold(bool held) {
  MutexLock lock(&mu_);
  held_ = held;
  changed_.NotifyAll();
}

void SupervisedMember::Signal(int signal) const {
  MutexLock lock(&mu_);
  if (pid_ > 0) kill(pid_, signal);
}

int SupervisedMember::LogCount(const std::string& event) const {
  std::ifstream log(absl::StrCat(folder_, "/log"));
  int count = 0;
  for (std::string line; std::getline(log, line);) {
    if (absl::StrContains(line, event)) ++count;
  }
  return count;
}

void SupervisedMember::Run() {
  const std::vector<std::string> command = {
      "sh", "-c", "exec \"$0\" run --config \"$1/config.toml\" 2>>\"$1/log\"",
      ProgramPath("quorated"), folder_};
  do {
    BackgroundCommand running(command, extra_);
    {
      MutexLock lock(&mu_);
      pid_ = running.pid();
      ++starts_;
      if (stopping_) kill(pid_, SIGKILL);
    }
    const CommandResult result = running.Wait(kForever);
    MutexLock lock(&mu_);
    pid_ = -1;
    exits_.push_back(result.exit_code);
    changed_.NotifyAll();
  } while (AwaitRestart());
}

bool SupervisedMember::AwaitRestart() {
  const absl::Duration end = SystemClock().SinceBoot() + kPause;
  MutexLock lock(&mu_);
  while (!stopping_) {
    const absl::Duration left = end - SystemClock().SinceBoot();
    if (!held_ && left <= absl::ZeroDuration()) return true;
    changed_.WaitFor(&mu_, held_ ? kPause : left);
  }
  return false;
}

}  // namespace quorate::e2e

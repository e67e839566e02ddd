// Three real members on loopback, started by the same script that people use.

#ifndef QUORATE_TESTS_E2E_TEST_CLUSTER_H_
#define QUORATE_TESTS_E2E_TEST_CLUSTER_H_

#include <functional>
#include <memory>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

#include "tests/e2e/subprocess.h"

namespace quorate::e2e {

struct TestMember {
  std::string name;
  std::string endpoint;
  std::string data_dir;
  pid_t pid = -1;
};

// Lives in a directory of its own, which is removed at the end. A failure of
// the script ends the test by a Status with the script's words. Thread-
// compatible; Kill may be called while others run commands.
class TestCluster {
 public:
  // A cluster that serves, with the demonstration licence: cad 20, solver 8,
  // viewer 1000. One, three or five members; `extra` is added to their
  // environment. `prepare` is called with the cluster's directory before
  // anything is in there.
  static absl::StatusOr<std::unique_ptr<TestCluster>> Start(
      int members = 3, const Environment& extra = {},
      const std::function<absl::Status(const std::string&)>& prepare = {});

  ~TestCluster();

  // As members.json says now; in the order of the names.
  std::vector<TestMember> Members() const;
  TestMember Member(const std::string& name) const;

  // What the member's process has printed so far.
  std::string LogOf(const std::string& name) const;

  // The name of the leader by `quorate status`; empty where none is known.
  std::string Leader() const;

  // Sends a signal to the member's process.
  void Signal(const std::string& name, int signal) const;

  // Starts a killed member again and waits until it serves.
  absl::Status Restart(const std::string& name) const;

  // The exports of DIR/env.
  const Environment& environment() const { return environment_; }

  // The same with other endpoints.
  Environment EnvironmentWith(const std::string& endpoints) const;

  // Runs the CLI; `arguments` without the program's name.
  CommandResult Quorate(const std::vector<std::string>& arguments,
                        const Environment& environment) const;

  CommandResult Quorate(const std::vector<std::string>& arguments) const {
    return Quorate(arguments, environment_);
  }

  const std::string& dir() const { return dir_; }

 private:
  TestCluster(std::string dir, Environment extra)
      : dir_(std::move(dir)), extra_(std::move(extra)) {}

  absl::Status RunScript(const std::vector<std::string>& arguments) const;
  absl::Status ReadEnvironment();

  const std::string dir_;
  const Environment extra_;
  Environment environment_;
};

// The path of one of our programs.
std::string ProgramPath(const std::string& name);

}  // namespace quorate::e2e

#endif  // QUORATE_TESTS_E2E_TEST_CLUSTER_H_

// A cluster of real members that were restored from a backup of another one.

#ifndef QUORATE_TESTS_E2E_RESTORED_CLUSTER_H_
#define QUORATE_TESTS_E2E_RESTORED_CLUSTER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "base/clock.h"
#include "tests/e2e/subprocess.h"
#include "tests/e2e/test_cluster.h"

namespace quorate::e2e {

std::string ReadText(const std::string& path);
void WriteText(const std::string& path, const std::string& text);

// Asks `condition` again until it holds or `limit` has passed.
template <typename Condition>
bool Eventually(absl::Duration limit, Condition condition) {
  const Clock& clock = SystemClock();
  const absl::Duration end = clock.SinceBoot() + limit;
  while (!condition()) {
    if (clock.SinceBoot() >= end) return false;
  }
  return true;
}

// Its members stand in the directory of the old one, whose names and
// certificates they share, on ports of their own. Thread-compatible.
class RestoredCluster {
 public:
  // Writes the configuration of each member; nothing runs yet.
  RestoredCluster(const TestCluster& old_cluster, uint32_t epoch);

  std::string FolderOf(const std::string& name) const;
  std::string ConfigOf(const std::string& name) const;

  // `quorated restore` for one member.
  CommandResult Restore(const std::string& name,
                        const std::string& backup) const;

  // For all. Fails the test where it fails.
  void RestoreAll(const std::string& backup) const;

  // Runs all members and waits for a quorum.
  bool Start();

  // Kills the member and runs it again.
  void Restart(const std::string& name);

  CommandResult Quorate(const std::vector<std::string>& arguments) const;

  const Environment& environment() const { return environment_; }

  const std::vector<std::string>& names() const { return names_; }

 private:
  void Run(const std::string& name);

  const std::string dir_;
  Environment environment_;
  std::vector<std::string> names_;
  std::map<std::string, std::unique_ptr<BackgroundCommand>> running_;
};

}  // namespace quorate::e2e

#endif  // QUORATE_TESTS_E2E_RESTORED_CLUSTER_H_

// A member that is started again whenever it ends, as a service manager does.

#ifndef QUORATE_TESTS_E2E_SUPERVISED_MEMBER_H_
#define QUORATE_TESTS_E2E_SUPERVISED_MEMBER_H_

#include <string>
#include <sys/types.h>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "base/mutex.h"
#include "tests/e2e/test_cluster.h"

namespace quorate::e2e {

// Takes a member over from the cluster's script. Its log goes on in the same
// file. Thread-safe.
class SupervisedMember {
 public:
  // `extra` is added to its environment.
  SupervisedMember(const TestCluster* cluster, const std::string& name,
                   const Environment& extra = {});
  ~SupervisedMember();

  const std::string& name() const { return name_; }

  // How often it was started.
  int starts() const;

  // The codes that it ended with, in order.
  std::vector<int> exits() const;

  // Waits until it has ended `count` times; false where it did not in time.
  bool AwaitExits(size_t count, absl::Duration limit) const;

  // While held it is not started again.
  void Hold(bool held);

  void Signal(int signal) const;

  // How often its log says `event`.
  int LogCount(const std::string& event) const;

 private:
  void Run();
  bool AwaitRestart();  // False where it is to stay down.

  const std::string name_;
  const std::string folder_;
  const Environment extra_;

  mutable Mutex mu_;
  mutable CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool held_ ABSL_GUARDED_BY(mu_) = false;
  pid_t pid_ ABSL_GUARDED_BY(mu_) = -1;
  int starts_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<int> exits_ ABSL_GUARDED_BY(mu_);

  std::thread thread_;
};

}  // namespace quorate::e2e

#endif  // QUORATE_TESTS_E2E_SUPERVISED_MEMBER_H_

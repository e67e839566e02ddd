// Applications that keep account of the seats they believe in, and one that
// asks two clusters by turns.

#ifndef QUORATE_TESTS_E2E_BELIEFS_H_
#define QUORATE_TESTS_E2E_BELIEFS_H_

#include <atomic>
#include <deque>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "base/mutex.h"
#include "client/client.h"
#include "tests/e2e/subprocess.h"

namespace quorate::e2e {

// The least that a session may ask for.
inline constexpr absl::Duration kShortTtl = absl::Seconds(10);

// Everybody's seats of one feature, and the most units that were believed in
// at one time. Thread-safe.
class Beliefs {
 public:
  Beliefs();
  ~Beliefs();

  Beliefs(const Beliefs&) = delete;
  Beliefs& operator=(const Beliefs&) = delete;

  void Add(Seat seat);

  // The oldest, which is believed in no more; empty where there is none.
  Seat TakeOldest();

  int Now();

  int most();

 private:
  int CountLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  void Watch();

  Mutex mu_;
  std::deque<Seat> seats_ ABSL_GUARDED_BY(mu_);
  int most_ ABSL_GUARDED_BY(mu_) = 0;
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  CondVar changed_;
  std::thread thread_;
};

// An application that asks the old and the restored cluster by turns, as one
// with a wrong list of endpoints might, for whatever either gives.
// Thread-compatible.
class TwoFaced {
 public:
  struct Cluster {
    std::unique_ptr<Client> client;
    std::unique_ptr<Session> session;
    std::atomic<int> granted = 0;
    std::atomic<int> refused = 0;
  };

  // `beliefs` is not owned.
  TwoFaced(const Environment& old_cluster, const Environment& restored,
           Beliefs* beliefs);
  ~TwoFaced();

  TwoFaced(const TwoFaced&) = delete;
  TwoFaced& operator=(const TwoFaced&) = delete;

  const Cluster& old_cluster() const { return clusters_[0]; }

  const Cluster& restored() const { return clusters_[1]; }

 private:
  void Run();

  // A cluster that is not there yet is given up soon.
  void Ask(Cluster* cluster);

  Beliefs* const beliefs_;
  Cluster clusters_[2];
  Mutex mu_;
  CondVar changed_;
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace quorate::e2e

#endif  // QUORATE_TESTS_E2E_BELIEFS_H_

// Load on a cluster that keeps account: applications that check seats out and
// in through all members, and know what they were promised.

#ifndef QUORATE_TESTS_E2E_WRITERS_H_
#define QUORATE_TESTS_E2E_WRITERS_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "base/mutex.h"
#include "client/client.h"
#include "tests/e2e/api.h"
#include "tests/e2e/test_cluster.h"

namespace quorate::e2e {

// What must stay zero, and how much was done.
struct WriterTotals {
  uint64_t checkouts = 0;   // Acknowledged.
  uint64_t exhausted = 0;   // Refused since the pool was empty.
  uint64_t lost = 0;        // Acknowledged seats that are not there.
  uint64_t doubled = 0;     // Seats that nobody was told of.
  uint64_t over_total = 0;  // Moments with more seats believed than exist.
  uint64_t failures = 0;    // Calls that ended in any other way.
};

// Sixteen threads, each an application with a client and a session of its
// own; the first endpoint of the n-th is member n modulo 3. They take `cad`
// (20 seats, contended) and `viewer`. Start, Stop, then Audit. Thread-safe
// but for these three.
class Writers {
 public:
  explicit Writers(const TestCluster* cluster);
  ~Writers();

  absl::Status Start();

  // Ends all calls in order; what is held stays held.
  void Stop();

  // How long after `moment` (SinceBoot) the first checkout that began after
  // it was acknowledged; waits up to `limit`, and returns it where none was.
  absl::Duration NextAcknowledged(absl::Duration moment, absl::Duration limit);

  // Compares what the writers believe with what the cluster says, seat by
  // seat, and gives all seats back. After Stop.
  WriterTotals Audit(Api* api);

 private:
  struct Writer {
    std::unique_ptr<Client> client;
    std::unique_ptr<Session> session;
    std::deque<Seat> seats;
    std::thread thread;
  };

  void Run(Writer* writer, uint64_t number);
  void CheckOut(Writer* writer, bool contended, uint32_t count);
  void GiveBack(Writer* writer);
  void Believe(const Seat& seat, int64_t sign);

  const TestCluster* const cluster_;  // Not owned.
  std::vector<std::unique_ptr<Writer>> writers_;
  std::atomic<bool> stopping_ = false;
  std::atomic<int64_t> believed_cad_ = 0;

  Mutex mu_;
  CondVar acknowledged_;
  WriterTotals totals_ ABSL_GUARDED_BY(mu_);
  // The first acknowledgement of a checkout that began after the moment.
  absl::Duration wanted_after_ ABSL_GUARDED_BY(mu_) = absl::InfiniteDuration();
  absl::Duration first_after_ ABSL_GUARDED_BY(mu_) = absl::InfiniteDuration();
};

}  // namespace quorate::e2e

#endif  // QUORATE_TESTS_E2E_WRITERS_H_

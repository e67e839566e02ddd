// The thread that feeds the state machine and answers.

#ifndef QUORATE_REPLICATION_NODE_APPLIER_H_
#define QUORATE_REPLICATION_NODE_APPLIER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "replication/node/call_table.h"
#include "replication/node/inbox.h"
#include "replication/node/node.h"
#include "replication/raft/types.h"
#include "replication/state_machine.h"

namespace quorate::replication {

using ProposeCalls = CallTable<ProposeDone>;

// A read that only waits for an index.
struct IndexedRead {
  raft::Index index;
  absl::Duration deadline;  // By Clock::SinceBoot.
  ReadDone done;
};

// Applies committed entries in batches. Between two batches it runs the reads
// whose index has been applied; reads whose time is up end as kTimedOut.
// Thread-safe.
class Applier {
 public:
  // Not owned; all outlive Stop.
  struct Deps {
    StateMachine* state_machine = nullptr;
    const Clock* clock = nullptr;
    ProposeCalls* calls = nullptr;
    Inbox* inbox = nullptr;
  };

  // Entries whose proposal is of `run` have someone waiting in `calls`.
  Applier(const Deps& deps, uint64_t run, size_t max_reads);
  ~Applier();

  Applier(const Applier&) = delete;
  Applier& operator=(const Applier&) = delete;

  void Start();

  void Push(std::vector<raft::Entry> entries);

  // Takes `*read`. Returns false, and leaves it alone, where too many wait or
  // after Stop has begun.
  [[nodiscard]] bool TryPushRead(IndexedRead* read);

  // True while so much is to be applied that nothing should be added to it.
  bool Backlogged() const;

  raft::Index applied() const {
    return raft::Index(applied_.load(std::memory_order_acquire));
  }

  bool stopping() const;

  // Ends the thread after the batch it is at. Idempotent.
  void Stop();

  // After Stop: reads that were never run.
  std::vector<IndexedRead> TakeReads();

 private:
  // What one look at the queues gave.
  struct Work {
    std::vector<raft::Entry> entries;
    std::vector<IndexedRead> reads;
    bool stop = false;
  };

  void Run();
  Work Take();
  void Apply(std::span<const raft::Entry> entries);
  void RunReads();
  void ExpireReads();

  // Constant after construction.
  const Deps deps_;
  const uint64_t run_;
  const size_t max_reads_;

  std::atomic<uint64_t> applied_;

  // Confined to the applier thread, until it has ended. By index.
  std::multimap<raft::Index, IndexedRead> waiting_;

  mutable Mutex mu_;
  CondVar changed_;
  std::deque<raft::Entry> entries_ ABSL_GUARDED_BY(mu_);
  size_t entry_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<IndexedRead> reads_ ABSL_GUARDED_BY(mu_);
  size_t reads_under_way_ ABSL_GUARDED_BY(mu_) = 0;  // reads_ and waiting_.
  bool stop_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_APPLIER_H_

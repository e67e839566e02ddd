// The thread that feeds the state machine and answers.

#ifndef QUORATE_REPLICATION_NODE_APPLIER_H_
#define QUORATE_REPLICATION_NODE_APPLIER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
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

// Called on the applier thread, with what was written or why nothing was.
using CheckpointDone =
    std::function<void(absl::StatusOr<raft::SnapshotPosition>)>;

// Applies committed entries in batches. Between two batches it runs the reads
// whose index has been applied; reads whose time is up end as kTimedOut. There
// too it makes checkpoints of the state, and replaces the state by a snapshot.
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
  // `position` is where the state machine is, and the configuration there.
  Applier(const Deps& deps, uint64_t run, size_t max_reads,
          raft::SnapshotPosition position);
  ~Applier();

  Applier(const Applier&) = delete;
  Applier& operator=(const Applier&) = delete;

  void Start();

  void Push(std::vector<raft::Entry> entries);

  // Takes `*read`. Returns false, and leaves it alone, where too many wait or
  // after Stop has begun.
  [[nodiscard]] bool TryPushRead(IndexedRead* read);

  // Makes a checkpoint of the state in `folder` as soon as the batch under way
  // is applied. One at a time. `done` is called with CANCELLED after Stop.
  void RequestCheckpoint(std::string folder, CheckpointDone done);

  // Replaces the state by that in `folder`, which ends at `position`; entries
  // that were pushed before are forgotten, since they are in it. Waits until it
  // is done; before Stop only.
  absl::Status Install(const std::string& folder,
                       const raft::SnapshotPosition& position);

  // True while so much is to be applied that nothing should be added to it.
  bool Backlogged() const;

  raft::Index applied() const {
    return raft::Index(applied_.load(std::memory_order_acquire));
  }

  // The cost of all entries that were applied by this thread.
  uint64_t applied_bytes() const {
    return applied_bytes_.load(std::memory_order_relaxed);
  }

  bool stopping() const;

  // Ends the thread after the batch it is at. Idempotent.
  void Stop();

  // After Stop: reads that were never run.
  std::vector<IndexedRead> TakeReads();

 private:
  struct Checkpoint {
    std::string folder;
    CheckpointDone done;
  };

  // A caller of Install waits for `result`.
  struct Installation {
    const std::string* folder = nullptr;
    const raft::SnapshotPosition* position = nullptr;
    std::optional<absl::Status> result;
  };

  // What one look at the queues gave.
  struct Work {
    std::vector<raft::Entry> entries;
    std::vector<IndexedRead> reads;
    std::optional<Checkpoint> checkpoint;
    Installation* installation = nullptr;
    bool stop = false;
  };

  void Run();
  Work Take();
  bool IdleLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Apply(std::span<const raft::Entry> entries);
  void Follow(std::span<const raft::Entry> entries);
  void MakeCheckpoint(const Checkpoint& checkpoint);
  void Replace(Installation* installation);
  void RunReads();
  void ExpireReads();

  // Constant after construction.
  const Deps deps_;
  const uint64_t run_;
  const size_t max_reads_;

  std::atomic<uint64_t> applied_;
  std::atomic<uint64_t> applied_bytes_ = 0;

  // Confined to the applier thread, until it has ended. By index.
  std::multimap<raft::Index, IndexedRead> waiting_;
  raft::SnapshotPosition position_;  // Of the state.

  mutable Mutex mu_;
  CondVar changed_;
  std::deque<raft::Entry> entries_ ABSL_GUARDED_BY(mu_);
  size_t entry_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<IndexedRead> reads_ ABSL_GUARDED_BY(mu_);
  size_t reads_under_way_ ABSL_GUARDED_BY(mu_) = 0;  // reads_ and waiting_.
  std::optional<Checkpoint> checkpoint_ ABSL_GUARDED_BY(mu_);
  Installation* installation_ ABSL_GUARDED_BY(mu_) = nullptr;
  CondVar installed_;
  bool stop_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_APPLIER_H_

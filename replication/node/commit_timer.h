// How long commands take to be committed.

#ifndef QUORATE_REPLICATION_NODE_COMMIT_TIMER_H_
#define QUORATE_REPLICATION_NODE_COMMIT_TIMER_H_

#include <cstddef>
#include <cstdint>
#include <deque>

#include "absl/time/time.h"

#include "base/latency_series.h"
#include "replication/raft/types.h"

namespace quorate::replication {

// Remembers when the leader's proposals were appended, and records how long it
// took until all of a batch were committed, once for each of its commands.
//
// Thread rule: Confined to the consensus thread.
class CommitTimer {
 public:
  // Batches that wait: more than are proposed in the time that a leader without
  // a quorum goes on. Those beyond it are not measured.
  static constexpr size_t kMaxBatches = 4096;

  // `series` is not owned; null: nothing is measured.
  explicit CommitTimer(LatencySeries* series) : series_(series) {}

  bool measures() const { return series_ != nullptr; }

  bool waits() const { return !batches_.empty(); }

  // `count` commands were appended, the last at `last`. `now` is SinceBoot.
  void OnProposed(raft::Index last, uint32_t count, absl::Duration now);

  // All up to `commit` is committed.
  void OnCommit(raft::Index commit, absl::Duration now);

  // This member does not lead any more, or leads anew: what was appended may
  // never be committed.
  void Clear() { batches_.clear(); }

 private:
  struct Batch {
    raft::Index last;
    uint32_t count = 0;
    absl::Duration proposed;
  };

  LatencySeries* const series_;
  std::deque<Batch> batches_;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_COMMIT_TIMER_H_

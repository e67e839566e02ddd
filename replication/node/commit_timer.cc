#include "replication/node/commit_timer.h"

namespace quorate::replication {

void CommitTimer::OnProposed(raft::Index last, uint32_t count,
                             absl::Duration now) {
  if (!measures() || batches_.size() >= kMaxBatches) return;
  batches_.push_back({.last = last, .count = count, .proposed = now});
}

void CommitTimer::OnCommit(raft::Index commit, absl::Duration now) {
  while (!batches_.empty() && batches_.front().last <= commit) {
    series_->Record(now - batches_.front().proposed, batches_.front().count);
    batches_.pop_front();
  }
}

}  // namespace quorate::replication

#include "replication/node/cluster_clock.h"

#include <algorithm>

namespace quorate::replication {

void ClusterClock::Run(raft::Stamp last) {
  elapsed_ = absl::Milliseconds(last.cluster_ms);
  looked_ = clock_->SinceBoot();
}

void ClusterClock::Advance() {
  const absl::Duration now = clock_->SinceBoot();
  // A clock that went back would be broken; then nothing has passed.
  elapsed_ += std::clamp(now - looked_, absl::ZeroDuration(), step_limit_);
  looked_ = now;
}

raft::Stamp ClusterClock::StampNow(raft::Stamp last) {
  Advance();
  return raft::Stamp{
      .cluster_ms = std::max(last.cluster_ms, cluster_ms()),
      .calendar_ms =
          std::max(last.calendar_ms, absl::ToUnixMillis(clock_->Calendar()))};
}

}  // namespace quorate::replication

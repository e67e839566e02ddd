#include "replication/node/cluster_clock.h"

#include <algorithm>

namespace quorate::replication {

void ClusterClock::Run(int64_t last_ms) {
  elapsed_ = absl::Milliseconds(last_ms);
  looked_ = clock_->SinceBoot();
}

void ClusterClock::Advance() {
  const absl::Duration now = clock_->SinceBoot();
  // A clock that went back would be broken; then nothing has passed.
  elapsed_ += std::clamp(now - looked_, absl::ZeroDuration(), step_limit_);
  looked_ = now;
}

}  // namespace quorate::replication

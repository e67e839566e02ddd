// The cluster's time as the leader counts it.

#ifndef QUORATE_REPLICATION_NODE_CLUSTER_CLOCK_H_
#define QUORATE_REPLICATION_NODE_CLUSTER_CLOCK_H_

#include <cstdint>

#include "absl/time/time.h"

#include "base/clock.h"

namespace quorate::replication {

// Counts for the stamps of new entries (LogCabin's ClusterClock; thesis, §6.3).
//
// The time advances on the leader only, by what has passed on its own machine,
// at most `step_limit` between two looks: a machine that slept, or a process
// that was stopped, makes the cluster's time slow but never lets it jump. A new
// leader goes on from the last stamp of its log, so time without a leader does
// not count and an outage expires nobody.
//
// Thread rule: Confined to the consensus thread.
class ClusterClock {
 public:
  // `clock` is not owned.
  ClusterClock(const Clock* clock, absl::Duration step_limit)
      : clock_(clock), step_limit_(step_limit) {}

  // This member now leads, and the last entry of its log is stamped `last_ms`.
  void Run(int64_t last_ms);

  // Counts what has passed. To be called at least every tick.
  void Advance();

  // As of the last Advance; means nothing while this member does not lead.
  int64_t cluster_ms() const { return absl::ToInt64Milliseconds(elapsed_); }

 private:
  const Clock* const clock_;
  const absl::Duration step_limit_;

  absl::Duration elapsed_;  // The cluster's time, with fractions of a ms.
  absl::Duration looked_;   // Clock::SinceBoot at the last look.
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_CLUSTER_CLOCK_H_

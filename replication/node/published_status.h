// What a node shows of itself to other threads.

#ifndef QUORATE_REPLICATION_NODE_PUBLISHED_STATUS_H_
#define QUORATE_REPLICATION_NODE_PUBLISHED_STATUS_H_

#include <atomic>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "base/mutex.h"
#include "replication/node/clock_alarm_log.h"
#include "replication/node/consensus_loop.h"
#include "replication/node/contact_log.h"
#include "replication/node/node.h"
#include "replication/raft/types.h"

namespace quorate::replication {

// Thread-safe; Publish is for the consensus thread alone.
class PublishedStatus {
 public:
  // The hints, and where `ticked` or the leader changed the whole status too:
  // that costs more. Logs what changed.
  void Publish(const ConsensusLoop& loop, bool ticked, absl::Duration now);

  // As the last Publish left them; see Node.
  bool leads() const { return leads_.load(std::memory_order_relaxed); }

  int64_t cluster_ms() const {
    return cluster_ms_.load(std::memory_order_relaxed);
  }

  int64_t calendar_ms() const {
    return calendar_ms_.load(std::memory_order_relaxed);
  }

  raft::MemberId low_leader() const {
    return raft::MemberId(low_leader_.load(std::memory_order_relaxed));
  }

  NodeStatus status() const;

 private:
  std::atomic<bool> leads_ = false;
  std::atomic<int64_t> cluster_ms_ = 0;
  std::atomic<int64_t> calendar_ms_ = 0;
  std::atomic<uint64_t> low_leader_ = 0;  // A MemberId.

  // Confined to the consensus thread.
  raft::Role role_ = raft::Role::kFollower;
  raft::Term term_;
  raft::MemberId leader_;
  ClockAlarmLog clock_alarms_;
  ContactLog contact_log_;

  mutable Mutex mu_;
  NodeStatus status_ ABSL_GUARDED_BY(mu_);
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_PUBLISHED_STATUS_H_

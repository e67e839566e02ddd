#include "replication/node/published_status.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "base/log.h"

namespace quorate::replication {

void PublishedStatus::Publish(const ConsensusLoop& loop, bool ticked,
                              absl::Duration now) {
  const raft::Raft& raft = loop.raft();
  leads_.store(loop.Leads(), std::memory_order_relaxed);
  cluster_ms_.store(loop.ClusterMs(), std::memory_order_relaxed);
  calendar_ms_.store(loop.CalendarMs(), std::memory_order_relaxed);
  low_leader_.store(loop.LowLeader().value(), std::memory_order_relaxed);
  const bool changed =
      raft.role() != role_ || raft.term() != term_ || raft.leader() != leader_;
  if (!ticked && !changed) return;
  if (changed) {
    LogInfo("raft", "role_changed",
            {{"role", raft::RoleName(raft.role())},
             {"term", absl::StrCat(raft.term().value())},
             {"leader", absl::StrCat(raft.leader().value())}});
  }
  if (leader_ != raft::kNobody && raft.leader() == raft::kNobody) {
    LogWarn("raft", "leader_lost",
            {{"name", NameForLog(raft.configuration(), leader_)},
             {"term", absl::StrCat(raft.term().value())}});
  }
  role_ = raft.role();
  term_ = raft.term();
  leader_ = raft.leader();
  NodeStatus status = loop.Status();
  clock_alarms_.Follow(status.calendar, now);
  contact_log_.Follow(status, now);
  MutexLock lock(&mu_);
  status_ = std::move(status);
}

NodeStatus PublishedStatus::status() const {
  MutexLock lock(&mu_);
  return status_;
}

}  // namespace quorate::replication

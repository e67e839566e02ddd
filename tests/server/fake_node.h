// Replication of one member in one process, without a log: a seam for tests of
// what stands above the node.

#ifndef QUORATE_TESTS_SERVER_FAKE_NODE_H_
#define QUORATE_TESTS_SERVER_FAKE_NODE_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"

#include "base/mutex.h"
#include "replication/node/node.h"
#include "replication/snapshot_stream.h"
#include "replication/state_machine.h"

namespace quorate::server {

// Applies what is proposed on one thread, as the node's applier does. Tests
// choose outcomes, the time, and whether anything goes on at all. Thread-safe.
class FakeNode final : public replication::Node {
 public:
  // `state_machine` is not owned.
  explicit FakeNode(replication::StateMachine* state_machine);
  ~FakeNode() override;

  void Propose(std::string command, absl::Duration timeout,
               replication::ProposeDone done) override;
  void Read(replication::ReadConsistency consistency, absl::Duration timeout,
            replication::ReadDone done) override;

  // Changes end at once, on this object's thread, as SetChangeEnd says.
  void ChangeMembers(raft::ConfigurationChange change, absl::Duration timeout,
                     replication::ChangeDone done) override;
  void TransferLeadership(raft::MemberId to, absl::Duration timeout,
                          replication::ChangeDone done) override;

  void AcceptCalendar(int64_t up_to_ms, absl::Duration timeout,
                      replication::ChangeDone done) override;

  // As SetSnapshots says; UNAVAILABLE where it says nothing.
  void TakeSnapshot(absl::Duration timeout,
                    replication::SnapshotDone done) override;

  bool LeadsHint() const override { return leads_.load(); }

  int64_t ClusterMsHint() const override { return cluster_ms_.load(); }

  int64_t CalendarMsHint() const override { return calendar_ms_.load(); }

  void SetDiskLow(bool low) override { disk_low_ = low; }

  raft::MemberId LowLeaderHint() const override {
    return raft::MemberId(low_leader_.load());
  }

  // What LowLeaderHint says from now on.
  void SetLowLeader(raft::MemberId leader) { low_leader_ = leader.value(); }

  bool disk_low() const { return disk_low_.load(); }

  replication::NodeStatus Status() const override;
  void Stop() override;

  // What the next calls end with; nothing: they go through.
  void FailProposals(std::optional<replication::ProposeOutcome> outcome);
  void FailReads(std::optional<replication::ReadOutcome> outcome);

  // What changes, transfers and leaps end with. Where it is OK, `act` runs
  // first.
  void SetChangeEnd(absl::Status end, std::function<void()> act = {});

  // Set before the first call.
  void SetSnapshots(
      std::function<
          absl::StatusOr<std::unique_ptr<replication::SnapshotSource>>()>
          open) {
    open_snapshot_ = std::move(open);
  }

  // While held, calls wait; Stop ends them with kStopping.
  void Hold(bool held);

  void SetTime(int64_t cluster_ms, int64_t calendar_ms);

  void AdvanceCluster(int64_t ms) { cluster_ms_ += ms; }

  void SetLeads(bool leads) { leads_ = leads; }

  void SetStatus(const replication::NodeStatus& status);

  // All commands that were proposed, and the timeouts they came with.
  std::vector<std::string> commands() const;
  std::vector<absl::Duration> timeouts() const;
  std::vector<replication::ReadConsistency> reads() const;

  std::vector<raft::ConfigurationChange> changes() const;
  std::vector<raft::MemberId> transfers() const;
  std::vector<int64_t> accepted_leaps() const;

  // Waits until `count` calls were made; false where that takes too long.
  bool WaitForCalls(size_t count);

 private:
  void Run();
  void EndChange(replication::ChangeDone done);
  void ApplyNext(const std::string& command, const raft::Stamp& stamp,
                 const replication::ProposeDone& done);

  // Constant after construction.
  replication::StateMachine* const state_machine_;

  // Constant after the first call.
  std::function<absl::StatusOr<std::unique_ptr<replication::SnapshotSource>>()>
      open_snapshot_;

  std::atomic<bool> leads_ = true;
  std::atomic<bool> disk_low_ = false;
  std::atomic<uint64_t> low_leader_ = 0;
  std::atomic<int64_t> cluster_ms_ = 1'000;
  std::atomic<int64_t> calendar_ms_ = 1'767'225'600'000;

  mutable Mutex mu_;
  CondVar changed_;
  std::deque<std::function<void(bool stopping)>> work_ ABSL_GUARDED_BY(mu_);
  std::optional<replication::ProposeOutcome> propose_outcome_
      ABSL_GUARDED_BY(mu_);
  std::optional<replication::ReadOutcome> read_outcome_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> commands_ ABSL_GUARDED_BY(mu_);
  std::vector<absl::Duration> timeouts_ ABSL_GUARDED_BY(mu_);
  std::vector<replication::ReadConsistency> reads_ ABSL_GUARDED_BY(mu_);
  replication::NodeStatus status_ ABSL_GUARDED_BY(mu_);
  absl::Status change_end_ ABSL_GUARDED_BY(mu_);
  std::function<void()> change_act_ ABSL_GUARDED_BY(mu_);
  std::vector<raft::ConfigurationChange> changes_ ABSL_GUARDED_BY(mu_);
  std::vector<raft::MemberId> transfers_ ABSL_GUARDED_BY(mu_);
  std::vector<int64_t> accepted_leaps_ ABSL_GUARDED_BY(mu_);
  size_t calls_ ABSL_GUARDED_BY(mu_) = 0;
  bool held_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;
};

}  // namespace quorate::server

#endif  // QUORATE_TESTS_SERVER_FAKE_NODE_H_

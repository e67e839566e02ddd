// The thread that makes snapshots, sends them, and says what of the log may go.

#ifndef QUORATE_REPLICATION_NODE_SNAPSHOT_KEEPER_H_
#define QUORATE_REPLICATION_NODE_SNAPSHOT_KEEPER_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "replication/node/applier.h"
#include "replication/node/inbox.h"
#include "replication/node/node.h"
#include "replication/raft/ready.h"
#include "replication/snapshot_files.h"
#include "replication/snapshot_stream.h"
#include "replication/transport/transport.h"

namespace quorate::replication {

// A snapshot is made when enough has been applied since the last one, or when
// somebody needs one. The log is kept back to the snapshot before the newest,
// so that a member that was away for a while still catches up by entries.
//
// Making one costs the applier a flush of its store; reading it through, for
// the checksums, is done here. Thread-safe.
class SnapshotKeeper final : public SnapshotSink {
 public:
  // Not owned; all outlive Stop.
  struct Deps {
    SnapshotFiles* files = nullptr;
    Applier* applier = nullptr;
    Transport* transport = nullptr;
    Inbox* inbox = nullptr;
    const Clock* clock = nullptr;
  };

  struct Limits {
    uint64_t entries = 0;  // Applied since the last snapshot, of either.
    uint64_t bytes = 0;
  };

  SnapshotKeeper(const Deps& deps, const Limits& limits);
  ~SnapshotKeeper();

  SnapshotKeeper(const SnapshotKeeper&) = delete;
  SnapshotKeeper& operator=(const SnapshotKeeper&) = delete;

  void Start();

  // A member needs a snapshot. A later order for the same member replaces an
  // earlier one that is not under way.
  void Order(const raft::SnapshotOrder& order);

  // Node::TakeSnapshot.
  void Take(absl::Duration timeout, SnapshotDone done);

  // From the transport.
  absl::StatusOr<uint64_t> OnSnapshotBegin(
      raft::MemberId from, raft::Term term,
      const SnapshotHeader& header) override;
  absl::Status OnSnapshotBytes(raft::MemberId from, uint64_t offset,
                               absl::string_view bytes) override;
  absl::Status OnSnapshotEnd(raft::MemberId from) override;

  // The consensus thread has no use for the snapshot that it was handed.
  void OnIgnored(raft::Index index);

  // Called by the log writer when the log begins after `position`: replaces the
  // state. Ends the process where the snapshot is not what it was when it was
  // received: neither log nor state could go on.
  void Install(const raft::SnapshotPosition& position);

  // Ends what waits with CANCELLED. Idempotent. Before the applier's.
  void Stop();

 private:
  // A caller of Take.
  struct Wanted {
    raft::Index at_least;
    absl::Duration deadline;
    SnapshotDone done;
  };

  // What is being received.
  struct Incoming {
    raft::MemberId from;
    raft::Term term;
    raft::SnapshotPosition position;
  };

  void Run();
  bool Due() const;
  void BeginCheckpoint();
  void FinishCheckpoint(absl::StatusOr<raft::SnapshotPosition> result);
  void Send();
  void Give();
  absl::Status CheckSenderLocked(raft::MemberId from) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(incoming_mu_);

  const Deps deps_;
  const Limits limits_;

  // Confined to the keeper's thread.
  bool making_ = false;
  std::string folder_;  // Of the checkpoint that is being made.
  uint64_t bytes_at_newest_ = 0;
  absl::Duration next_try_;

  mutable Mutex mu_;
  CondVar changed_;
  std::map<raft::MemberId, raft::SnapshotOrder> orders_ ABSL_GUARDED_BY(mu_);
  std::vector<Wanted> wanted_ ABSL_GUARDED_BY(mu_);
  std::optional<absl::StatusOr<raft::SnapshotPosition>> made_
      ABSL_GUARDED_BY(mu_);
  bool stop_ ABSL_GUARDED_BY(mu_) = false;

  Mutex incoming_mu_;
  std::optional<Incoming> incoming_ ABSL_GUARDED_BY(incoming_mu_);
  // The last that was handed to the consensus thread and not ignored. Its
  // files must stay until the state has it: the log may begin behind it by now.
  // Not under the lock, which is held around disk work: the consensus thread
  // takes it back.
  std::atomic<uint64_t> handed_over_ = 0;

  std::thread thread_;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_SNAPSHOT_KEEPER_H_

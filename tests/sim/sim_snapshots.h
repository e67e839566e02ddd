// The snapshots of a simulated member: what SnapshotKeeper and the snapshot
// lane do with threads and sockets, as events.

#ifndef QUORATE_TESTS_SIM_SIM_SNAPSHOTS_H_
#define QUORATE_TESTS_SIM_SIM_SNAPSHOTS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

#include "base/random.h"
#include "replication/raft/ready.h"
#include "replication/snapshot_stream.h"
#include "tests/sim/options.h"
#include "tests/sim/sim_network.h"
#include "tests/sim/sim_process.h"
#include "tests/sim/sim_storage.h"

namespace quorate::sim {

// Lives as long as one process of its member. Thread-compatible; what Deps
// points to is not owned.
class SimSnapshots {
 public:
  // The receiving side of a member, null where it is down or stands still.
  using Find = std::function<SimSnapshots*(raft::MemberId)>;

  struct Deps {
    const SimOptions* options = nullptr;
    Random* random = nullptr;
    SimNetwork* network = nullptr;
    SimProcess* process = nullptr;
    SimStorage* storage = nullptr;
    Find find;
  };

  // `position` is where the state is.
  SimSnapshots(const Deps& deps, raft::MemberId id,
               raft::SnapshotPosition position);

  // Looks now and then whether a snapshot is due.
  void Start();

  // An entry was applied.
  void Follow(const raft::Entry& entry);

  // A member needs a snapshot.
  void Order(const raft::SnapshotOrder& order);

  // The log begins after `position`: replaces the state. UNAVAILABLE and the
  // like end the process.
  absl::Status Install(const raft::SnapshotPosition& position);

  const raft::SnapshotPosition& position() const { return position_; }

 private:
  // On its way to another member.
  struct Transfer {
    raft::Term term;
    // Shared with the pieces that are on their way.
    std::shared_ptr<replication::SnapshotSource> source;
    int breaks = 0;
    uint64_t step = 0;  // Of the conversation: what is late is not heard.
  };

  // On its way here.
  struct Incoming {
    raft::MemberId from;
    raft::Term term;
    raft::SnapshotPosition position;
  };

  void Look();
  bool Due() const;
  void Make();
  void Adopt(const std::string& folder, const raft::SnapshotPosition& made);
  void SendOrdered();

  void BeginTransfer(raft::MemberId to);
  void SendPiece(raft::MemberId to, uint64_t offset);
  void SendEnd(raft::MemberId to);
  void Ask(raft::MemberId to,
           std::function<absl::StatusOr<uint64_t>(SimSnapshots*)> question,
           std::function<void(SimSnapshots*, uint64_t)> next);
  void OnBreak(raft::MemberId to);
  void EndTransfer(raft::MemberId to, bool delivered);

  absl::StatusOr<uint64_t> OnBegin(raft::MemberId from, raft::Term term,
                                   const replication::SnapshotHeader& header);
  absl::StatusOr<uint64_t> OnBytes(raft::MemberId from, uint64_t offset,
                                   const std::string& bytes);
  absl::StatusOr<uint64_t> OnEnd(raft::MemberId from);
  void HandOver(const Incoming& received);

  const Deps deps_;
  const raft::MemberId id_;
  raft::SnapshotPosition position_;
  bool making_ = false;
  std::map<raft::MemberId, raft::SnapshotOrder> orders_;
  std::map<raft::MemberId, Transfer> transfers_;
  // Begins at random: an answer to an earlier process meets no question.
  uint64_t next_step_;
  std::optional<Incoming> incoming_;
  raft::Index handed_over_;  // As SnapshotKeeper has it.
};

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_SIM_SNAPSHOTS_H_

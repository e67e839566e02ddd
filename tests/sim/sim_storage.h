// A simulated member's disk with its stores, and the ledger on them.

#ifndef QUORATE_TESTS_SIM_SIM_STORAGE_H_
#define QUORATE_TESTS_SIM_SIM_STORAGE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "base/random.h"
#include "replication/raft/raft.h"
#include "replication/snapshot_files.h"
#include "replication/storage/log_store.h"
#include "server/licensing/ledger.h"

namespace quorate {
class SimDisk;
}  // namespace quorate

namespace quorate::sim {

// The log store, the state store, the snapshot store and the replica are the
// product's own; the file system below them is simulated and keeps what was
// synced. A disk that fails makes it broken(): the process must end before it
// says another word. Thread-compatible.
class SimStorage {
 public:
  static constexpr const char* kClusterId = "00112233445566778899aabbccddeeff";
  static constexpr uint32_t kClusterEpoch = 1;

  // An empty disk on which a member of a new cluster was initialised, or one
  // that comes into a cluster that is there.
  SimStorage(raft::MemberId id, const raft::Configuration& configuration,
             bool joining);
  ~SimStorage();

  // Opens what is on the disk and finishes what was interrupted, as a member
  // does when it starts.
  absl::Status Open();

  // A write failed since Open.
  bool broken() const { return broken_; }

  // The process is gone, and with it what was not synced, but for a part that
  // `random` chooses.
  void LosePower(Random* random);

  // The process is gone, and nothing else.
  void KillProcess();

  // As Open found them.
  raft::RestoredState Restored() const;
  raft::SnapshotPosition Position() const;

  std::vector<raft::Entry> ReadLog() const;
  const replication::LogStore& log() const;
  const licensing::Ledger& ledger() const;
  replication::SnapshotFiles& snapshots();
  SimDisk& disk();

  // Changes one bit of one file; says which. The member is down.
  std::string FlipBit(Random* random);

  // Every record of the state.
  void ForEachRecord(
      const std::function<void(absl::string_view key, absl::string_view value)>&
          visit) const;

  // Durable on return, where it is not broken() then.
  replication::LogWrite Append(const std::vector<raft::AppendWork>& works);

  // The power goes in the middle of the write: only for just before a crash.
  void AppendInterrupted(const std::vector<raft::AppendWork>& works,
                         Random* random);

  struct Applied {
    std::vector<licensing::RecordChange> changes;
    std::optional<licensing::LedgerAnswer> answer;  // Of a command.
    std::string request_id;                         // Of a command, or empty.
  };

  Applied Apply(const raft::Entry& entry);

  // As StateMachine has them.
  absl::Status Checkpoint(const std::string& folder);
  absl::Status Install(const std::string& folder);

 private:
  struct Stores;
  struct Disk;

  std::unique_ptr<Disk> disk_;
  std::unique_ptr<Stores> stores_;
  bool broken_ = false;
};

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_SIM_STORAGE_H_

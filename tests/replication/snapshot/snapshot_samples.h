// A member with a state to make snapshots of, on a simulated disk.

#ifndef QUORATE_TESTS_REPLICATION_SNAPSHOT_SNAPSHOT_SAMPLES_H_
#define QUORATE_TESTS_REPLICATION_SNAPSHOT_SNAPSHOT_SAMPLES_H_

#include <memory>
#include <string>

#include "absl/status/status.h"

#include "base/random.h"
#include "replication/snapshot/snapshot_store.h"
#include "replication/storage/rocksdb_state_store.h"
#include "tests/support/sim_file_system.h"

namespace quorate::replication {

// What a snapshot of the state at `index` stands for.
raft::SnapshotPosition SnapshotAt(uint64_t index);

// One member's disk, with the two stores that take part in snapshots. Open may
// fail where the disk was told to fail; `state` or `snapshots` is then null.
class SnapshotMember {
 public:
  SnapshotMember();
  ~SnapshotMember();

  SimFileSystem& files() { return files_; }

  SimDisk& disk() { return files_.disk(); }

  StateStore& state() { return *state_; }

  SnapshotStore& snapshots() { return *snapshots_; }

  SnapshotStoreOptions& options() { return options_; }

  absl::Status Open();
  void Close();

  // Power off and on.
  void Crash(Random* random);

  // Moves the state to `index`; what is in it follows from the index.
  void Fill(uint64_t index);

  // Empty where the state is what Fill(index) makes of an empty one.
  std::string DifferenceFrom(uint64_t index);

  // A snapshot of the state as it is, for SnapshotAt(index).
  absl::Status Make(uint64_t index);

  // The files of the newest snapshot.
  std::string NewestFolder();

 private:
  SimFileSystem files_;
  SnapshotStoreOptions options_;
  std::unique_ptr<RocksDbStateStore> state_;
  std::unique_ptr<SnapshotStore> snapshots_;
};

// Sends the rest of `source`, from `offset` on, in pieces of at most
// `max_bytes`, until the end or an error.
absl::Status SendAll(SnapshotSource* source, uint64_t offset, size_t max_bytes,
                     SnapshotStore* to);

}  // namespace quorate::replication

#endif  // QUORATE_TESTS_REPLICATION_SNAPSHOT_SNAPSHOT_SAMPLES_H_

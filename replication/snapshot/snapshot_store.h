// The snapshots of one member: folder `snapshots/` of its data directory.

#ifndef QUORATE_REPLICATION_SNAPSHOT_SNAPSHOT_STORE_H_
#define QUORATE_REPLICATION_SNAPSHOT_SNAPSHOT_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "base/mutex.h"
#include "replication/raft/types.h"
#include "replication/snapshot_files.h"
#include "replication/snapshot_stream.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace quorate::replication {

class SnapshotReceiver;

struct SnapshotStoreOptions {
  // Not owned, outlives the store; null means the system's file system.
  rocksdb::Env* env = nullptr;

  // A snapshot that is offered may be no larger. What it may fill of the disk
  // is a matter of keep_free_bytes.
  uint64_t max_bytes = uint64_t{16} << 30;

  // What must be left free beside a snapshot that is received: the log goes on
  // meanwhile, and installing opens a database.
  uint64_t keep_free_bytes = uint64_t{64} << 20;
};

// Holds at most one whole snapshot, the newest, one that is being made and one
// that is being received. docs/storage_format.md says what stands in the
// folder. A snapshot is whole once it is in its place: it was checked and is
// durable then. It is checked again whenever it is read, and one that is found
// damaged is thrown away.
//
// Thread-safe: one thread makes, others read and receive at the same time.
// Newest() never waits for a disk; the others may.
//
// Fails: every error is returned, and what was there before is still there but
// where the text says otherwise.
class SnapshotStore final : public SnapshotFiles {
 public:
  // Removes what was being made, keeps what was being received.
  // Errors: UNAVAILABLE or RESOURCE_EXHAUSTED where the disk fails.
  static absl::StatusOr<std::unique_ptr<SnapshotStore>> Open(
      const std::string& data_dir, absl::string_view cluster_id,
      const SnapshotStoreOptions& options);

  ~SnapshotStore() override;

  SnapshotStore(const SnapshotStore&) = delete;
  SnapshotStore& operator=(const SnapshotStore&) = delete;

  // Of the whole snapshot, made or received; nothing where there is none, or it
  // was found damaged.
  std::optional<raft::SnapshotPosition> Newest() const override;

  // What an earlier call led to and was not adopted is removed.
  absl::StatusOr<std::string> CheckpointFolder() override;

  // Where there is a newer snapshot, this one goes away instead.
  // INVALID_ARGUMENT where no other member would take it.
  absl::Status Adopt(const std::string& folder,
                     const raft::SnapshotPosition& position) override;

  // It stays readable while a newer one takes its place, and says itself where
  // it is damaged. NOT_FOUND where there is none.
  absl::StatusOr<std::unique_ptr<SnapshotSource>> OpenNewest() override;

  // Returns the byte to go on from, which is total_bytes where all is there.
  // Errors: INVALID_ARGUMENT where the header breaks a rule or is of another
  // cluster; RESOURCE_EXHAUSTED where it is too large, or there is no room on
  // the disk.
  absl::StatusOr<uint64_t> BeginReceiving(
      const SnapshotHeader& header) override;

  // ABORTED where `bytes` do not go on from the last; RESOURCE_EXHAUSTED or
  // UNAVAILABLE where the disk fails: begin again.
  absl::Status Receive(uint64_t offset, absl::string_view bytes) override;

  // DATA_LOSS where a checksum is wrong, and all of it is thrown away; ABORTED
  // where bytes are missing. It takes the place of a newer one, too: that one
  // was received from an earlier leader and never installed.
  absl::Status FinishReceiving() override;

  // Checks the whole snapshot again and puts a copy of it (links, where the
  // files never change) into the data directory. Where it is damaged, it is
  // thrown away.
  absl::StatusOr<std::string> Received(
      const raft::SnapshotPosition& position) override;

 private:
  struct Whole;

  SnapshotStore(const std::string& data_dir, absl::string_view cluster_id,
                const SnapshotStoreOptions& options);

  std::string Folder(absl::string_view name) const;
  absl::Status Recover();
  // Shared with whoever reads the snapshot while a newer one takes its place.
  absl::StatusOr<std::shared_ptr<Whole>> Load(const std::string& name) const;
  absl::Status CheckSpace(uint64_t needed) const;
  // Moves a whole snapshot to its place.
  absl::Status Place(const std::string& folder,
                     const raft::SnapshotPosition& position)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(place_mu_);
  std::shared_ptr<Whole> Current() const;
  absl::Status Discard(const std::shared_ptr<Whole>& whole)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(place_mu_);

  const std::string data_dir_;
  const std::string root_;  // `snapshots/`
  const std::string cluster_id_;
  const SnapshotStoreOptions options_;
  rocksdb::Env* const env_;

  // In the order in which they are taken.
  Mutex make_mu_;
  Mutex receive_mu_;
  Mutex place_mu_;  // Guards the folders of whole snapshots.
  mutable Mutex mu_;

  const std::unique_ptr<SnapshotReceiver> receiver_
      ABSL_PT_GUARDED_BY(receive_mu_);
  // Shared with who is reading it; only `damaged` in it changes.
  std::shared_ptr<Whole> whole_ ABSL_GUARDED_BY(mu_);
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_SNAPSHOT_SNAPSHOT_STORE_H_

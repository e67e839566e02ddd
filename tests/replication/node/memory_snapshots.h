// Snapshots in memory, for nodes that share one process.

#ifndef QUORATE_TESTS_REPLICATION_NODE_MEMORY_SNAPSHOTS_H_
#define QUORATE_TESTS_REPLICATION_NODE_MEMORY_SNAPSHOTS_H_

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"

#include "base/mutex.h"
#include "replication/snapshot_files.h"

namespace quorate::replication {

// Folders that hold one text each. Thread-safe.
class MemoryFolders {
 public:
  void Write(const std::string& folder, std::string text);
  std::optional<std::string> Read(const std::string& folder) const;
  void Remove(const std::string& folder);

 private:
  mutable Mutex mu_;
  std::map<std::string, std::string> texts_ ABSL_GUARDED_BY(mu_);
};

// Thread-safe. Survives as long as the object, as a disk would.
class MemorySnapshotFiles : public SnapshotFiles {
 public:
  // `folders` is not owned; `name` keeps this member's apart from others'.
  MemorySnapshotFiles(MemoryFolders* folders, std::string name)
      : folders_(folders), name_(std::move(name)) {}

  absl::StatusOr<std::string> CheckpointFolder() override;
  absl::Status Adopt(const std::string& folder,
                     const raft::SnapshotPosition& position) override;
  std::optional<raft::SnapshotPosition> Newest() const override;
  absl::StatusOr<std::unique_ptr<SnapshotSource>> OpenNewest() override;
  absl::StatusOr<uint64_t> BeginReceiving(
      const SnapshotHeader& header) override;
  absl::Status Receive(uint64_t offset, absl::string_view bytes) override;
  absl::Status FinishReceiving() override;
  absl::StatusOr<std::string> Received(
      const raft::SnapshotPosition& position) override;

 private:
  MemoryFolders* const folders_;
  const std::string name_;

  mutable Mutex mu_;
  int made_ ABSL_GUARDED_BY(mu_) = 0;
  std::optional<raft::SnapshotPosition> newest_ ABSL_GUARDED_BY(mu_);
  std::string text_ ABSL_GUARDED_BY(mu_);
  std::optional<SnapshotHeader> header_ ABSL_GUARDED_BY(mu_);
  std::string received_ ABSL_GUARDED_BY(mu_);
  bool complete_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace quorate::replication

#endif  // QUORATE_TESTS_REPLICATION_NODE_MEMORY_SNAPSHOTS_H_

// A snapshot as a folder of files. Includes RocksDB: for .cc files only.

#ifndef QUORATE_REPLICATION_SNAPSHOT_SNAPSHOT_FOLDER_H_
#define QUORATE_REPLICATION_SNAPSHOT_SNAPSHOT_FOLDER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rocksdb/env.h"

#include "replication/snapshot/manifest.h"
#include "replication/snapshot_stream.h"

namespace quorate::replication {

// In the folder of a whole snapshot; written last, so a folder without it is
// none. Neither name can be a snapshot's file (DecodeManifest).
inline constexpr char kManifestFile[] = ".manifest";
// In the folder of one that is being received; written first.
inline constexpr char kWantedFile[] = ".wanted";

// XXH3-128 of bytes that come in pieces. Thread-compatible.
class RunningChecksum {
 public:
  RunningChecksum();
  ~RunningChecksum();

  RunningChecksum(const RunningChecksum&) = delete;
  RunningChecksum& operator=(const RunningChecksum&) = delete;

  void Reset();
  void Add(absl::string_view bytes);
  std::string Digest() const;

 private:
  struct State;

  const std::unique_ptr<State> state_;
};

// A sealed manifest, durable but for the folder's entry.
absl::Status WriteManifest(rocksdb::Env* env, const std::string& path,
                           absl::string_view manifest);

// The bytes that WriteManifest was given. DATA_LOSS where they are damaged,
// NOT_FOUND where there is no such file.
absl::StatusOr<std::string> ReadManifest(rocksdb::Env* env,
                                         const std::string& path);

// Size and checksum of a file, by reading it.
absl::StatusOr<SnapshotFile> DescribeFile(rocksdb::Env* env,
                                          const std::string& folder,
                                          const std::string& name);

// Reads every file. DATA_LOSS names the first that is not as the manifest says.
absl::Status CheckFiles(rocksdb::Env* env, const std::string& folder,
                        const SnapshotManifest& manifest);

// Opens the files of a snapshot for sending. They may be removed meanwhile.
// Sets `*damaged` where it finds damage; a file is checked as its end is read.
absl::StatusOr<std::unique_ptr<SnapshotSource>> OpenSource(
    rocksdb::Env* env, const std::string& folder,
    const SnapshotManifest& manifest,
    std::shared_ptr<std::atomic<bool>> damaged);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_SNAPSHOT_SNAPSHOT_FOLDER_H_

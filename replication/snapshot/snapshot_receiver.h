// A snapshot on its way in. Includes RocksDB: for .cc files only.

#ifndef QUORATE_REPLICATION_SNAPSHOT_SNAPSHOT_RECEIVER_H_
#define QUORATE_REPLICATION_SNAPSHOT_SNAPSHOT_RECEIVER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rocksdb/env.h"

#include "replication/snapshot/manifest.h"

namespace quorate::replication {

// Writes the bytes of one snapshot into the files of a folder. What is there
// after a break of the connection is kept to the byte; after a restart, whole
// files are. Nothing is believed before Finish has read it all again.
// Thread-compatible. Fails: a status; what was received before stays good.
class SnapshotReceiver {
 public:
  // `env` is not owned.
  SnapshotReceiver(rocksdb::Env* env, std::string folder);

  // Finds what an earlier process left, or throws it away.
  absl::Status Recover();

  // What is being received; nothing where nothing is.
  const std::optional<SnapshotManifest>& wanted() const { return wanted_; }

  // Where to go on.
  uint64_t offset() const { return offset_; }

  // True where the bytes go on from what is there.
  bool Continues(absl::string_view encoded) const {
    return wanted_.has_value() && encoded == encoded_;
  }

  // Forgets what is there and begins with this one.
  absl::Status Begin(const SnapshotManifest& manifest,
                     absl::string_view encoded);

  // ABORTED where nothing is being received, or something else comes next.
  absl::Status Write(uint64_t offset, absl::string_view bytes);

  // Checks every file and makes the folder a whole snapshot, durable but for
  // its own name. ABORTED where bytes are missing; DATA_LOSS where a checksum
  // is wrong, and then all is forgotten.
  absl::Status Finish();

  // The folder is someone else's now, or gone.
  void Release();

  absl::Status Drop();

 private:
  std::string PathOf(const SnapshotFile& file) const;
  absl::Status WriteToFile(absl::string_view bytes);
  absl::Status CloseFile();
  absl::Status SkipEmptyFiles();
  // The current file is not to be relied on: it comes again from its beginning.
  absl::Status Rewind(absl::Status status);

  rocksdb::Env* const env_;
  const std::string folder_;

  std::optional<SnapshotManifest> wanted_;
  std::string encoded_;
  uint64_t offset_ = 0;
  size_t file_index_ = 0;  // The file that the next byte belongs to.
  uint64_t within_ = 0;    // Its place in it.
  std::unique_ptr<rocksdb::WritableFile> file_;  // Null: to be created.
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_SNAPSHOT_SNAPSHOT_RECEIVER_H_

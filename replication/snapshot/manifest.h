// What a snapshot consists of, and the one place where that is parsed.

#ifndef QUORATE_REPLICATION_SNAPSHOT_MANIFEST_H_
#define QUORATE_REPLICATION_SNAPSHOT_MANIFEST_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "replication/raft/types.h"

namespace quorate::replication {

// A state of 100,000 sessions is a handful of tables, of tens of MiB at most.
inline constexpr size_t kMaxSnapshotFiles = 1000;
inline constexpr uint64_t kMaxSnapshotBytes = uint64_t{64} << 30;
inline constexpr size_t kMaxSnapshotFileNameBytes = 64;
inline constexpr size_t kSnapshotChecksumBytes = 16;

// All files and a configuration of as many members as there may be.
inline constexpr size_t kMaxManifestBytes = 256 << 10;

struct SnapshotFile {
  std::string name;
  uint64_t bytes = 0;
  std::string checksum;  // XXH3-128, 16 bytes.

  friend bool operator==(const SnapshotFile&, const SnapshotFile&) = default;
};

struct SnapshotManifest {
  std::string cluster_id;
  raft::SnapshotPosition position;
  std::vector<SnapshotFile> files;  // Sorted by name.

  uint64_t TotalBytes() const;
};

std::string EncodeManifest(const SnapshotManifest& manifest);

// Takes bytes of anyone. INVALID_ARGUMENT with the rule that is broken: names
// are sorted, without repetition, of letters, digits, '.', '_' and '-', and do
// not begin with a dot; counts and sizes are within the limits above.
// FAILED_PRECONDITION where a later version wrote it.
absl::StatusOr<SnapshotManifest> DecodeManifest(absl::string_view bytes);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_SNAPSHOT_MANIFEST_H_

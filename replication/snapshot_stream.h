// How a snapshot travels: as one run of bytes with a header.
//
// The sender's transport reads a SnapshotSource, the receiver's transport feeds
// a SnapshotSink. Offsets count over the whole run, so a broken transfer goes
// on from one number. Neither side knows what the bytes are.

#ifndef QUORATE_REPLICATION_SNAPSHOT_STREAM_H_
#define QUORATE_REPLICATION_SNAPSHOT_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "replication/raft/types.h"

namespace quorate::replication {

struct SnapshotHeader {
  raft::SnapshotPosition position;

  // Files with their sizes and checksums, as the snapshot store wrote it; a
  // transfer goes on where manifest and position are the same.
  std::string manifest;

  uint64_t total_bytes = 0;
};

// A complete snapshot that will not change or go away while this lives.
// Thread-compatible.
class SnapshotSource {
 public:
  virtual ~SnapshotSource() = default;

  virtual const SnapshotHeader& header() const = 0;

  // The bytes from `offset` (< total_bytes) on, 1 to `max_bytes` of them.
  // DATA_LOSS where they are damaged, UNAVAILABLE where they cannot be read.
  virtual absl::StatusOr<std::string> Read(uint64_t offset,
                                           size_t max_bytes) = 0;
};

// Takes what a leader sends. Called on the transport's threads, which may
// block in it (the snapshot lane has its own); one call at a time for one
// sender. A later Begin, of any sender, ends the one before it.
class SnapshotSink {
 public:
  virtual ~SnapshotSink() = default;

  // A snapshot begins, or goes on after a break. Returns the offset to go on
  // from: what is there of the same snapshot is kept. ABORTED where a newer one
  // is being received or this member does not need it; RESOURCE_EXHAUSTED
  // where there is no room for it on the disk.
  virtual absl::StatusOr<uint64_t> OnSnapshotBegin(
      raft::MemberId from, raft::Term term, const SnapshotHeader& header) = 0;

  // The next bytes. ABORTED where they do not go on from the last.
  virtual absl::Status OnSnapshotBytes(raft::MemberId from, uint64_t offset,
                                       absl::string_view bytes) = 0;

  // All are there: checks the whole, makes it durable and hands it to the
  // consensus thread. DATA_LOSS where a checksum is wrong: send it anew.
  virtual absl::Status OnSnapshotEnd(raft::MemberId from) = 0;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_SNAPSHOT_STREAM_H_

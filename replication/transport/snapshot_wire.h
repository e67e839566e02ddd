// A snapshot's begin and chunks as messages, and what is taken of them at most.

#ifndef QUORATE_REPLICATION_TRANSPORT_SNAPSHOT_WIRE_H_
#define QUORATE_REPLICATION_TRANSPORT_SNAPSHOT_WIRE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "quorate/internal/v1/peer.pb.h"

#include "replication/raft/types.h"
#include "replication/snapshot_stream.h"

namespace quorate::replication {

// Large enough that a disk and a TLS record are used well, small enough that a
// broken one costs nothing.
inline constexpr size_t kSnapshotChunkBytes = size_t{256} * 1024;

// The receiver says how far it is after so many.
inline constexpr uint64_t kSnapshotAckBytes = 4 * kSnapshotChunkBytes;

// So much may be on its way. It fills a gigabit line of 30 ms.
inline constexpr uint64_t kSnapshotWindowBytes = 16 * kSnapshotChunkBytes;

// Above what the store takes of either: it refuses more by its own rules.
inline constexpr size_t kMaxOfferedManifestBytes = size_t{1} << 20;

// A length beyond this is a mistake or a lie.
inline constexpr uint64_t kMaxOfferedBytes = uint64_t{1} << 40;

struct SnapshotOffer {
  raft::Term term;  // The sender's, as a leader.
  SnapshotHeader header;
};

// Leaves the hello alone. `header` must keep the rules of its type.
void EncodeSnapshotOffer(raft::Term term, const SnapshotHeader& header,
                         internal::v1::SnapshotBegin* proto);

// INVALID_ARGUMENT where a rule or a limit is broken.
absl::StatusOr<SnapshotOffer> DecodeSnapshotOffer(
    internal::v1::SnapshotBegin* proto);

void EncodeSnapshotChunk(uint64_t offset, std::string bytes,
                         internal::v1::SnapshotChunk* proto);

// OK where `chunk` begins at `offset`, has a fair size within `total` and the
// right checksum. DATA_LOSS for the checksum, else INVALID_ARGUMENT.
absl::Status CheckSnapshotChunk(const internal::v1::SnapshotChunk& chunk,
                                uint64_t offset, uint64_t total);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_TRANSPORT_SNAPSHOT_WIRE_H_

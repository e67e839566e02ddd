#include "replication/transport/snapshot_wire.h"

#include <utility>
#include <xxhash.h>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "replication/wire/entry_codec.h"

namespace quorate::replication {
namespace {

uint64_t ChecksumOf(const std::string& bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

}  // namespace

void EncodeSnapshotOffer(raft::Term term, const SnapshotHeader& header,
                         internal::v1::SnapshotBegin* proto) {
  proto->set_term(term.value());
  EncodeSnapshotPosition(header.position, proto->mutable_position());
  proto->set_manifest(header.manifest);
  proto->set_total_bytes(header.total_bytes);
}

absl::StatusOr<SnapshotOffer> DecodeSnapshotOffer(
    internal::v1::SnapshotBegin* proto) {
  SnapshotOffer offer;
  QUORATE_RETURN_IF_ERROR(CheckIndexOrTerm(proto->term(), "term"));
  offer.term = raft::Term(proto->term());
  QUORATE_ASSIGN_OR_RETURN(offer.header.position,
                           DecodeSnapshotPosition(proto->position()));
  if (offer.header.position.term > offer.term) {
    return absl::InvalidArgumentError("a snapshot of a term to come");
  }
  if (proto->manifest().size() > kMaxOfferedManifestBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a manifest of ", proto->manifest().size(), " bytes is too large"));
  }
  if (proto->total_bytes() == 0 || proto->total_bytes() > kMaxOfferedBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("no snapshot has ", proto->total_bytes(), " bytes"));
  }
  offer.header.manifest = std::move(*proto->mutable_manifest());
  offer.header.total_bytes = proto->total_bytes();
  return offer;
}

void EncodeSnapshotChunk(uint64_t offset, std::string bytes,
                         internal::v1::SnapshotChunk* proto) {
  proto->set_offset(offset);
  proto->set_checksum(ChecksumOf(bytes));
  proto->set_content(std::move(bytes));
}

absl::Status CheckSnapshotChunk(const internal::v1::SnapshotChunk& chunk,
                                uint64_t offset, uint64_t total) {
  if (chunk.offset() != offset) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a chunk at ", chunk.offset(), " where ", offset, " comes next"));
  }
  const size_t size = chunk.content().size();
  if (size == 0 || size > kSnapshotChunkBytes || size > total - offset) {
    return absl::InvalidArgumentError(
        absl::StrCat("a chunk of ", size, " bytes at ", offset, " of ", total));
  }
  if (chunk.checksum() != ChecksumOf(chunk.content())) {
    return absl::DataLossError(
        absl::StrCat("the checksum of the chunk at ", offset, " is wrong"));
  }
  return absl::OkStatus();
}

}  // namespace quorate::replication

#include "replication/snapshot/manifest.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "quorate/internal/v1/snapshot.pb.h"

#include "base/check.h"
#include "base/status.h"
#include "replication/wire/entry_codec.h"

namespace quorate::replication {
namespace {

constexpr uint32_t kFormat = 1;

// Such a name stays in its folder, on every file system.
bool IsFileName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxSnapshotFileNameBytes &&
         name[0] != '.' && std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  c == '.' || c == '_' || c == '-';
         });
}

absl::StatusOr<std::vector<SnapshotFile>> DecodeFiles(
    internal::v1::SnapshotManifest* proto) {
  const auto count = static_cast<size_t>(proto->files_size());
  if (count == 0 || count > kMaxSnapshotFiles) {
    return absl::InvalidArgumentError(
        absl::StrCat("a snapshot of ", count, " files"));
  }
  std::vector<SnapshotFile> files;
  files.reserve(count);
  uint64_t total = 0;
  for (internal::v1::SnapshotFile& file : *proto->mutable_files()) {
    if (!IsFileName(file.name())) {
      return absl::InvalidArgumentError("not a file's name");
    }
    if (!files.empty() && file.name() <= files.back().name) {
      return absl::InvalidArgumentError("files are not sorted or repeat");
    }
    if (file.checksum().size() != kSnapshotChecksumBytes) {
      return absl::InvalidArgumentError("a checksum of a wrong size");
    }
    // Both are at most the limit, so that their sum does not wrap.
    if (file.bytes() > kMaxSnapshotBytes ||
        total + file.bytes() > kMaxSnapshotBytes) {
      return absl::InvalidArgumentError("the snapshot is too large");
    }
    total += file.bytes();
    files.push_back({.name = std::move(*file.mutable_name()),
                     .bytes = file.bytes(),
                     .checksum = std::move(*file.mutable_checksum())});
  }
  if (total == 0) return absl::InvalidArgumentError("an empty snapshot");
  return files;
}

}  // namespace

uint64_t SnapshotManifest::TotalBytes() const {
  uint64_t total = 0;
  for (const SnapshotFile& file : files) {
    total += file.bytes;
  }
  return total;
}

std::string EncodeManifest(const SnapshotManifest& manifest) {
  internal::v1::SnapshotManifest proto;
  proto.set_format_version(kFormat);
  proto.set_cluster_id(manifest.cluster_id);
  EncodeSnapshotPosition(manifest.position, proto.mutable_position());
  for (const SnapshotFile& file : manifest.files) {
    internal::v1::SnapshotFile* added = proto.add_files();
    added->set_name(file.name);
    added->set_bytes(file.bytes);
    added->set_checksum(file.checksum);
  }
  std::string bytes;
  QUORATE_CHECK(proto.SerializeToString(&bytes));
  return bytes;
}

absl::StatusOr<SnapshotManifest> DecodeManifest(absl::string_view bytes) {
  internal::v1::SnapshotManifest proto;
  if (bytes.size() > kMaxManifestBytes ||
      !proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError("not a manifest");
  }
  if (proto.format_version() != kFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat("a manifest of format version ", proto.format_version()));
  }
  SnapshotManifest manifest;
  manifest.cluster_id = std::move(*proto.mutable_cluster_id());
  QUORATE_ASSIGN_OR_RETURN(manifest.position,
                           DecodeSnapshotPosition(proto.position()));
  QUORATE_ASSIGN_OR_RETURN(manifest.files, DecodeFiles(&proto));
  return manifest;
}

}  // namespace quorate::replication

#include "replication/snapshot/snapshot_folder.h"

#include <algorithm>
#include <utility>
#include <vector>

// The state on the stack, with its alignment; only this header line knows.
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include "absl/strings/str_cat.h"

#include "base/check.h"
#include "base/status.h"
#include "replication/storage/file_tree.h"
#include "replication/storage/key_space.h"
#include "replication/storage/rocksdb_options.h"

namespace quorate::replication {
namespace {

// Large enough that a call costs nothing beside the reading.
constexpr size_t kReadBytes = 256 << 10;

constexpr size_t kSealBytes = 64;

absl::Status Damaged(absl::string_view name, absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat("file ", name, " of a snapshot ", what));
}

class FolderSource : public SnapshotSource {
 public:
  struct File {
    SnapshotFile expected;
    uint64_t start = 0;  // In the whole run.
    std::unique_ptr<rocksdb::RandomAccessFile> file;
  };

  FolderSource(SnapshotHeader header, std::vector<File> files,
               std::shared_ptr<std::atomic<bool>> damaged)
      : header_(std::move(header)),
        files_(std::move(files)),
        damaged_(std::move(damaged)) {}

  const SnapshotHeader& header() const override { return header_; }

  absl::StatusOr<std::string> Read(uint64_t offset, size_t max_bytes) override {
    if (offset >= header_.total_bytes || max_bytes == 0) {
      return absl::OutOfRangeError("no bytes there");
    }
    // Files without bytes begin where the next one does, and are passed over.
    const auto after = std::upper_bound(
        files_.begin(), files_.end(), offset,
        [](uint64_t at, const File& file) { return at < file.start; });
    const File& file = *std::prev(after);
    QUORATE_RETURN_IF_ERROR(MoveTo(file, offset - file.start));
    const uint64_t left = file.expected.bytes - within_;
    const size_t size = std::min<uint64_t>({left, max_bytes, kReadBytes});
    return ReadOn(size);
  }

 private:
  // A file is checked from its beginning on, wherever a transfer goes on.
  absl::Status MoveTo(const File& file, uint64_t within) {
    if (current_ == &file && within_ == within) return absl::OkStatus();
    current_ = &file;
    within_ = 0;
    checksum_.Reset();
    while (within_ < within) {
      const size_t size = std::min<uint64_t>(within - within_, kReadBytes);
      QUORATE_RETURN_IF_ERROR(ReadOn(size).status());
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> ReadOn(size_t size) {
    std::string bytes(size, '\0');
    rocksdb::Slice read;
    const absl::Status status =
        FromRocksDb(current_->file->Read(within_, size, &read, bytes.data()));
    const SnapshotFile& expected = current_->expected;
    if (!status.ok()) {
      current_ = nullptr;
      return absl::UnavailableError(status.message());
    }
    if (read.size() != size) {
      return Broken(Damaged(expected.name, "is too short"));
    }
    if (read.data() != bytes.data()) bytes.assign(read.data(), size);
    checksum_.Add(bytes);
    within_ += size;
    if (within_ == expected.bytes && checksum_.Digest() != expected.checksum) {
      return Broken(Damaged(expected.name, "has a wrong checksum"));
    }
    return bytes;
  }

  absl::Status Broken(absl::Status status) {
    damaged_->store(true, std::memory_order_release);
    current_ = nullptr;
    return status;
  }

  const SnapshotHeader header_;
  const std::vector<File> files_;
  // Shared with the store that the snapshot lies in.
  const std::shared_ptr<std::atomic<bool>> damaged_;

  // What has been read of one file, from its beginning on.
  const File* current_ = nullptr;
  uint64_t within_ = 0;
  RunningChecksum checksum_;
};

}  // namespace

struct RunningChecksum::State {
  XXH3_state_t xxh;
};

RunningChecksum::RunningChecksum() : state_(std::make_unique<State>()) {
  Reset();
}

RunningChecksum::~RunningChecksum() = default;

void RunningChecksum::Reset() {
  QUORATE_CHECK(XXH3_128bits_reset(&state_->xxh) == XXH_OK);
}

void RunningChecksum::Add(absl::string_view bytes) {
  QUORATE_CHECK(XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size()) ==
                XXH_OK);
}

std::string RunningChecksum::Digest() const {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state_->xxh));
  return std::string(std::begin(canonical.digest), std::end(canonical.digest));
}

absl::Status WriteManifest(rocksdb::Env* env, const std::string& path,
                           absl::string_view manifest) {
  return WriteSynced(env, path, SealRecord(kManifestFile, manifest));
}

absl::StatusOr<std::string> ReadManifest(rocksdb::Env* env,
                                         const std::string& path) {
  QUORATE_ASSIGN_OR_RETURN(const bool there, Exists(env, path));
  if (!there) return absl::NotFoundError(path);
  QUORATE_ASSIGN_OR_RETURN(
      const std::string record,
      ReadSmallFile(env, path, kMaxManifestBytes + kSealBytes));
  QUORATE_ASSIGN_OR_RETURN(const absl::string_view bytes,
                           OpenRecord(kManifestFile, record));
  return std::string(bytes);
}

absl::StatusOr<SnapshotFile> DescribeFile(rocksdb::Env* env,
                                          const std::string& folder,
                                          const std::string& name) {
  std::unique_ptr<rocksdb::SequentialFile> file;
  QUORATE_RETURN_IF_ERROR(FromRocksDb(env->NewSequentialFile(
      absl::StrCat(folder, "/", name), &file, rocksdb::EnvOptions())));
  SnapshotFile described{.name = name};
  RunningChecksum checksum;
  std::string buffer(kReadBytes, '\0');
  while (true) {
    rocksdb::Slice bytes;
    QUORATE_RETURN_IF_ERROR(
        FromRocksDb(file->Read(buffer.size(), &bytes, buffer.data())));
    if (bytes.empty()) break;
    checksum.Add(FromSlice(bytes));
    described.bytes += bytes.size();
  }
  described.checksum = checksum.Digest();
  return described;
}

absl::Status CheckFiles(rocksdb::Env* env, const std::string& folder,
                        const SnapshotManifest& manifest) {
  for (const SnapshotFile& expected : manifest.files) {
    QUORATE_ASSIGN_OR_RETURN(const SnapshotFile found,
                             DescribeFile(env, folder, expected.name));
    if (found != expected) {
      return Damaged(expected.name, "has a wrong size or checksum");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<SnapshotSource>> OpenSource(
    rocksdb::Env* env, const std::string& folder,
    const SnapshotManifest& manifest,
    std::shared_ptr<std::atomic<bool>> damaged) {
  std::vector<FolderSource::File> files;
  uint64_t start = 0;
  for (const SnapshotFile& expected : manifest.files) {
    std::unique_ptr<rocksdb::RandomAccessFile> file;
    QUORATE_RETURN_IF_ERROR(FromRocksDb(
        env->NewRandomAccessFile(absl::StrCat(folder, "/", expected.name),
                                 &file, rocksdb::EnvOptions())));
    files.push_back(
        {.expected = expected, .start = start, .file = std::move(file)});
    start += expected.bytes;
  }
  return std::make_unique<FolderSource>(
      SnapshotHeader{.position = manifest.position,
                     .manifest = EncodeManifest(manifest),
                     .total_bytes = start},
      std::move(files), std::move(damaged));
}

}  // namespace quorate::replication

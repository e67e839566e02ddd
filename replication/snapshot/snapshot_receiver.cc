#include "replication/snapshot/snapshot_receiver.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/folder.h"
#include "base/status.h"
#include "replication/snapshot/snapshot_folder.h"
#include "replication/storage/file_tree.h"
#include "replication/storage/rocksdb_options.h"

namespace quorate::replication {

SnapshotReceiver::SnapshotReceiver(rocksdb::Env* env, std::string folder)
    : env_(env), folder_(std::move(folder)) {}

std::string SnapshotReceiver::PathOf(const SnapshotFile& file) const {
  return absl::StrCat(folder_, "/", file.name);
}

// A file was synced when its last byte came, so files of the right size are
// taken for good until Finish; one that is not is received again.
absl::Status SnapshotReceiver::Recover() {
  QUORATE_ASSIGN_OR_RETURN(const bool there, Exists(env_, folder_));
  if (!there) return absl::OkStatus();
  auto encoded = ReadManifest(env_, absl::StrCat(folder_, "/", kWantedFile));
  if (!encoded.ok()) return Drop();
  auto manifest = DecodeManifest(*encoded);
  if (!manifest.ok()) return Drop();
  wanted_ = *std::move(manifest);
  encoded_ = *std::move(encoded);
  for (const SnapshotFile& file : wanted_->files) {
    uint64_t bytes = 0;
    const rocksdb::Status status = env_->GetFileSize(PathOf(file), &bytes);
    if (!status.ok() || bytes != file.bytes) break;
    offset_ += bytes;
    ++file_index_;
  }
  return absl::OkStatus();
}

absl::Status SnapshotReceiver::Begin(const SnapshotManifest& manifest,
                                     absl::string_view encoded) {
  QUORATE_RETURN_IF_ERROR(Drop());
  QUORATE_RETURN_IF_ERROR(FromRocksDb(env_->CreateDir(folder_)));
  QUORATE_RETURN_IF_ERROR(
      WriteManifest(env_, absl::StrCat(folder_, "/", kWantedFile), encoded));
  QUORATE_RETURN_IF_ERROR(SyncDirectory(env_, folder_));
  QUORATE_RETURN_IF_ERROR(SyncDirectory(env_, ParentOf(folder_)));
  wanted_ = manifest;
  encoded_ = std::string(encoded);
  return SkipEmptyFiles();
}

absl::Status SnapshotReceiver::Write(uint64_t offset, absl::string_view bytes) {
  if (!wanted_.has_value()) {
    return absl::AbortedError("no snapshot is being received");
  }
  if (offset != offset_) {
    return absl::AbortedError(absl::StrCat(
        "byte ", offset, " of a snapshot came, ", offset_, " is the next"));
  }
  while (!bytes.empty()) {
    if (file_index_ == wanted_->files.size()) {
      return absl::AbortedError("more bytes than the snapshot has");
    }
    const uint64_t left = wanted_->files[file_index_].bytes - within_;
    const absl::string_view part = bytes.substr(0, left);
    absl::Status status = WriteToFile(part);
    if (!status.ok()) return Rewind(std::move(status));
    bytes.remove_prefix(part.size());
  }
  return absl::OkStatus();
}

absl::Status SnapshotReceiver::WriteToFile(absl::string_view bytes) {
  const SnapshotFile& file = wanted_->files[file_index_];
  if (file_ == nullptr) {
    QUORATE_RETURN_IF_ERROR(FromRocksDb(
        env_->NewWritableFile(PathOf(file), &file_, rocksdb::EnvOptions())));
  }
  QUORATE_RETURN_IF_ERROR(FromRocksDb(file_->Append(ToSlice(bytes))));
  if (within_ + bytes.size() == file.bytes) {
    QUORATE_RETURN_IF_ERROR(CloseFile());
  }
  within_ += bytes.size();
  offset_ += bytes.size();
  if (within_ < file.bytes) return absl::OkStatus();
  ++file_index_;
  within_ = 0;
  return SkipEmptyFiles();
}

absl::Status SnapshotReceiver::CloseFile() {
  const std::unique_ptr<rocksdb::WritableFile> file = std::move(file_);
  QUORATE_RETURN_IF_ERROR(FromRocksDb(file->Flush()));
  QUORATE_RETURN_IF_ERROR(FromRocksDb(file->Fsync()));
  return FromRocksDb(file->Close());
}

absl::Status SnapshotReceiver::SkipEmptyFiles() {
  while (file_index_ < wanted_->files.size() &&
         wanted_->files[file_index_].bytes == 0) {
    QUORATE_RETURN_IF_ERROR(
        WriteSynced(env_, PathOf(wanted_->files[file_index_]), ""));
    ++file_index_;
  }
  return absl::OkStatus();
}

absl::Status SnapshotReceiver::Rewind(absl::Status status) {
  file_ = nullptr;
  offset_ -= within_;
  within_ = 0;
  return status;
}

absl::Status SnapshotReceiver::Finish() {
  if (wanted_.has_value()) QUORATE_RETURN_IF_ERROR(SkipEmptyFiles());
  if (!wanted_.has_value() || file_index_ < wanted_->files.size()) {
    return absl::AbortedError("not all of the snapshot is there");
  }
  const absl::Status checked = CheckFiles(env_, folder_, *wanted_);
  if (checked.code() == absl::StatusCode::kDataLoss) {
    QUORATE_RETURN_IF_ERROR(Drop());
  }
  QUORATE_RETURN_IF_ERROR(checked);
  QUORATE_RETURN_IF_ERROR(
      FromRocksDb(env_->RenameFile(absl::StrCat(folder_, "/", kWantedFile),
                                   absl::StrCat(folder_, "/", kManifestFile))));
  return SyncDirectory(env_, folder_);
}

void SnapshotReceiver::Release() {
  wanted_.reset();
  encoded_.clear();
  offset_ = 0;
  file_index_ = 0;
  within_ = 0;
  file_ = nullptr;
}

absl::Status SnapshotReceiver::Drop() {
  Release();
  return RemoveTree(env_, folder_);
}

}  // namespace quorate::replication

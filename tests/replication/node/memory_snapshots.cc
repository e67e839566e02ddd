#include "tests/replication/node/memory_snapshots.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace quorate::replication {
namespace {

class TextSource : public SnapshotSource {
 public:
  TextSource(const raft::SnapshotPosition& position, std::string text)
      : text_(std::move(text)) {
    header_.position = position;
    header_.manifest = absl::StrCat(text_.size(), " bytes");
    header_.total_bytes = text_.size();
  }

  const SnapshotHeader& header() const override { return header_; }

  absl::StatusOr<std::string> Read(uint64_t offset, size_t max) override {
    return text_.substr(offset, max);
  }

 private:
  const std::string text_;
  SnapshotHeader header_;
};

}  // namespace

void MemoryFolders::Write(const std::string& folder, std::string text) {
  MutexLock lock(&mu_);
  texts_[folder] = std::move(text);
}

std::optional<std::string> MemoryFolders::Read(
    const std::string& folder) const {
  MutexLock lock(&mu_);
  const auto it = texts_.find(folder);
  if (it == texts_.end()) return std::nullopt;
  return it->second;
}

void MemoryFolders::Remove(const std::string& folder) {
  MutexLock lock(&mu_);
  texts_.erase(folder);
}

absl::StatusOr<std::string> MemorySnapshotFiles::CheckpointFolder() {
  MutexLock lock(&mu_);
  return absl::StrCat(name_, "/checkpoint-", ++made_);
}

absl::Status MemorySnapshotFiles::Adopt(
    const std::string& folder, const raft::SnapshotPosition& position) {
  const std::optional<std::string> text = folders_->Read(folder);
  if (!text.has_value()) return absl::NotFoundError(folder);
  folders_->Remove(folder);
  MutexLock lock(&mu_);
  newest_ = position;
  text_ = *text;
  return absl::OkStatus();
}

std::optional<raft::SnapshotPosition> MemorySnapshotFiles::Newest() const {
  MutexLock lock(&mu_);
  return newest_;
}

absl::StatusOr<std::unique_ptr<SnapshotSource>>
MemorySnapshotFiles::OpenNewest() {
  MutexLock lock(&mu_);
  if (!newest_.has_value()) return absl::NotFoundError("no snapshot");
  return std::make_unique<TextSource>(*newest_, text_);
}

absl::StatusOr<uint64_t> MemorySnapshotFiles::BeginReceiving(
    const SnapshotHeader& header) {
  MutexLock lock(&mu_);
  header_ = header;
  received_.clear();
  complete_ = false;
  return 0;
}

absl::Status MemorySnapshotFiles::Receive(uint64_t offset,
                                          absl::string_view bytes) {
  MutexLock lock(&mu_);
  if (offset != received_.size()) return absl::AbortedError("a gap");
  absl::StrAppend(&received_, bytes);
  return absl::OkStatus();
}

absl::Status MemorySnapshotFiles::FinishReceiving() {
  MutexLock lock(&mu_);
  complete_ = received_.size() == header_->total_bytes;
  return complete_ ? absl::OkStatus() : absl::DataLossError("too short");
}

absl::StatusOr<std::string> MemorySnapshotFiles::Received(
    const raft::SnapshotPosition& position) {
  MutexLock lock(&mu_);
  if (!complete_ || header_->position.index != position.index ||
      header_->position.term != position.term) {
    return absl::NotFoundError("not received");
  }
  const std::string folder = absl::StrCat(name_, "/received");
  folders_->Write(folder, received_);
  return folder;
}

}  // namespace quorate::replication

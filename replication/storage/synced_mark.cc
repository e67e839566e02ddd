#include "replication/storage/synced_mark.h"

#include <optional>
#include <utility>

#include "absl/strings/string_view.h"

#include "base/ordered_encoding.h"
#include "base/status.h"
#include "replication/storage/file_tree.h"
#include "replication/storage/key_space.h"
#include "replication/storage/rocksdb_options.h"

namespace quorate::replication {
namespace {

// Each slot has a page of its own, so that a write that the power interrupts
// harms one of them only.
constexpr uint64_t kSlotBytes = 4096;
constexpr int kSlots = 2;
constexpr size_t kRecordBytes = 16;
constexpr char kKey[] = "synced";

}  // namespace

SyncedMark::SyncedMark(std::unique_ptr<rocksdb::RandomRWFile> file)
    : file_(std::move(file)) {}

std::string SyncedMark::Empty() {
  return std::string(kSlots * kSlotBytes, '\0');
}

absl::StatusOr<std::unique_ptr<SyncedMark>> SyncedMark::Open(
    rocksdb::Env* env, const std::string& path) {
  uint64_t bytes = 0;
  const rocksdb::Status status = env->GetFileSize(path, &bytes);
  if (!status.ok() || bytes != kSlots * kSlotBytes) {
    QUORATE_RETURN_IF_ERROR(WriteSynced(env, path, Empty()));
  }
  std::unique_ptr<rocksdb::RandomRWFile> file;
  QUORATE_RETURN_IF_ERROR(
      FromRocksDb(env->NewRandomRWFile(path, &file, rocksdb::EnvOptions())));
  std::unique_ptr<SyncedMark> mark(new SyncedMark(std::move(file)));
  QUORATE_RETURN_IF_ERROR(mark->ReadSlots());
  return mark;
}

absl::Status SyncedMark::ReadSlots() {
  for (int slot = 0; slot < kSlots; ++slot) {
    char scratch[kRecordBytes];
    rocksdb::Slice bytes;
    QUORATE_RETURN_IF_ERROR(FromRocksDb(
        file_->Read(slot * kSlotBytes, sizeof(scratch), &bytes, scratch)));
    const auto body = OpenRecord(kKey, FromSlice(bytes));
    if (!body.ok()) continue;
    const std::optional<uint64_t> sequence = ParseOrdered64(*body);
    if (!sequence.has_value() || *sequence < sequence_) continue;
    sequence_ = *sequence;
    next_slot_ = (slot + 1) % kSlots;
  }
  return absl::OkStatus();
}

absl::Status SyncedMark::Write(uint64_t sequence) {
  const std::string record = SealRecord(kKey, Ordered64(sequence));
  QUORATE_RETURN_IF_ERROR(
      FromRocksDb(file_->Write(next_slot_ * kSlotBytes, record)));
  sequence_ = sequence;
  next_slot_ = (next_slot_ + 1) % kSlots;
  return absl::OkStatus();
}

}  // namespace quorate::replication

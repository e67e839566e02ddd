#include "replication/storage/wal_tail.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "replication/storage/file_tree.h"
#include "replication/storage/log_format.h"

namespace quorate::replication {
namespace {

constexpr size_t kBatchHeadBytes = 12;

// Follows the batches; false where they are not in a row.
class BatchRun {
 public:
  bool Add(uint8_t type, absl::string_view payload) {
    if (type == kFull || type == kFirst) head_.clear();
    const size_t missing =
        kBatchHeadBytes - std::min(kBatchHeadBytes, head_.size());
    const absl::string_view taken = payload.substr(0, missing);
    head_.append(taken.data(), taken.size());
    if (type != kFull && type != kLast) return true;
    if (head_.size() < kBatchHeadBytes) return false;
    const uint64_t sequence = Little(head_, 0, 8);
    const uint64_t count = Little(head_, 8, 4);
    if (count == 0) return true;
    if (last_ != 0 && sequence != last_ + 1) return false;
    last_ = sequence + count - 1;
    return true;
  }

  uint64_t last() const { return last_; }

 private:
  std::string head_;  // Of the batch that is being read.
  uint64_t last_ = 0;
};

}  // namespace

WalTail ReadWalTail(absl::string_view wal) {
  const size_t zeros = ZerosFrom(wal);
  BatchRun run;
  size_t at = 0;
  while (at < wal.size()) {
    const size_t block_left = kBlockBytes - at % kBlockBytes;
    if (block_left < kHeaderBytes) {
      at += block_left;  // Filled up with zeros.
      continue;
    }
    if (at + kHeaderBytes > zeros) {
      return {.torn_to_zeros = zeros < wal.size(), .last_sequence = run.last()};
    }
    const size_t length = Little(wal, at + 4, 2);
    const auto type = static_cast<uint8_t>(wal[at + 6]);
    if (IsRecycled(type)) {
      return {.damaged = true, .last_sequence = run.last()};
    }
    if (type < kFull || type > kLast || kHeaderBytes + length > block_left) {
      break;  // Damage, or a kind of record that we do not write.
    }
    const size_t end = at + kHeaderBytes + length;
    if (end > zeros) {
      return {.torn_to_zeros = zeros < wal.size(), .last_sequence = run.last()};
    }
    if (!run.Add(type, wal.substr(at + kHeaderBytes, length))) break;
    at = end;
  }
  return {.torn_to_zeros = false, .last_sequence = run.last()};
}

absl::StatusOr<WalTail> ReadWalTails(rocksdb::Env* env,
                                     const std::string& folder) {
  QUORATE_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                           ListFolder(env, folder));
  WalTail tail;
  // Names are numbers with leading zeros: sorted by age.
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, ".log")) continue;
    const auto wal =
        ReadSmallFile(env, absl::StrCat(folder, "/", name), kMaxLogFileBytes);
    if (absl::IsDataLoss(wal.status())) return tail;
    QUORATE_RETURN_IF_ERROR(wal.status());
    const WalTail found = ReadWalTail(*wal);
    tail.last_sequence = std::max(tail.last_sequence, found.last_sequence);
    tail.torn_to_zeros = found.torn_to_zeros;
    tail.damaged = found.damaged;
    if (tail.torn_to_zeros || tail.damaged) return tail;
  }
  return tail;
}

}  // namespace quorate::replication

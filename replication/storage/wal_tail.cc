#include "replication/storage/wal_tail.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "base/status.h"
#include "replication/storage/file_tree.h"

namespace quorate::replication {
namespace {

constexpr size_t kBlockBytes = 32768;
constexpr size_t kHeaderBytes = 7;
constexpr size_t kBatchHeadBytes = 12;

// Many times max_total_wal_size. A larger one is left to RocksDB.
constexpr uint64_t kMaxWalBytes = uint64_t{1} << 30;

enum FragmentType : uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

// The types 5 to 8 are those of recycled files, which we do not have (see
// rocksdb_options). RocksDB takes one, before it looks at its checksum, for a
// left-over of another file and so for the end.
bool IsRecycled(uint8_t type) {
  return type >= 5 && type <= 8;
}

uint64_t Little(absl::string_view bytes, size_t at, size_t size) {
  uint64_t value = 0;
  for (size_t i = size; i > 0; --i) {
    value = value << 8 | static_cast<uint8_t>(bytes[at + i - 1]);
  }
  return value;
}

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

// CRC-32C (Castagnoli, RFC 3720 appendix B.4), a bit at a time: the tail of a
// MANIFEST is at most one block.
uint32_t ExtendCrc32c(uint32_t crc, char byte) {
  crc ^= static_cast<uint8_t>(byte);
  for (int bit = 0; bit < 8; ++bit) {
    crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0U);
  }
  return crc;
}

// As RocksDB stores it (its util/crc32c.h): rotated, plus a constant.
uint32_t Masked(uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

// Whether the record at `at`, which claims to go beyond the end, is whole with
// a length that does not.
bool FitsAShorterLength(absl::string_view log, size_t at) {
  const auto stored = static_cast<uint32_t>(Little(log, at, 4));
  uint32_t crc = ~uint32_t{0};
  for (size_t i = at + kHeaderBytes - 1; i < log.size(); ++i) {
    crc = ExtendCrc32c(crc, log[i]);
    if (Masked(~crc) == stored) return true;
  }
  return false;
}

bool HasAWrongHead(absl::string_view log) {
  size_t at = 0;
  while (at < log.size()) {
    const size_t block_left = kBlockBytes - at % kBlockBytes;
    if (block_left < kHeaderBytes) {
      at += block_left;
      continue;
    }
    if (at + kHeaderBytes > log.size()) return false;
    if (IsRecycled(static_cast<uint8_t>(log[at + 6]))) return true;
    const size_t end = at + kHeaderBytes + Little(log, at + 4, 2);
    if (end > log.size()) return FitsAShorterLength(log, at);
    at = end;
  }
  return false;
}

}  // namespace

WalTail ReadWalTail(absl::string_view wal) {
  const size_t last_byte = wal.find_last_not_of('\0');
  const size_t zeros = last_byte == absl::string_view::npos ? 0 : last_byte + 1;
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
        ReadSmallFile(env, absl::StrCat(folder, "/", name), kMaxWalBytes);
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

absl::Status CheckManifestTail(rocksdb::Env* env, const std::string& folder) {
  const std::string pointer = absl::StrCat(folder, "/CURRENT");
  QUORATE_ASSIGN_OR_RETURN(const bool there, Exists(env, pointer));
  if (!there) return absl::OkStatus();
  QUORATE_ASSIGN_OR_RETURN(const std::string named,
                           ReadSmallFile(env, pointer, kBlockBytes));
  const absl::string_view name = absl::StripSuffix(named, "\n");
  // A pointer to nothing is for RocksDB to complain about.
  if (!absl::StartsWith(name, "MANIFEST-") || absl::StrContains(name, '/')) {
    return absl::OkStatus();
  }
  const std::string path = absl::StrCat(folder, "/", name);
  QUORATE_ASSIGN_OR_RETURN(const bool found, Exists(env, path));
  if (!found) return absl::OkStatus();
  QUORATE_ASSIGN_OR_RETURN(const std::string manifest,
                           ReadSmallFile(env, path, kMaxWalBytes));
  if (!HasAWrongHead(manifest)) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("a record of ", name, " has a wrong length or type"));
}

}  // namespace quorate::replication

#include "replication/storage/manifest_tail.h"

#include <cstdint>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "base/log.h"
#include "base/status.h"
#include "replication/storage/file_tree.h"
#include "replication/storage/log_format.h"
#include "replication/storage/rocksdb_options.h"

namespace quorate::replication {
namespace {

// CRC-32C (Castagnoli, RFC 3720 appendix B.4), a bit at a time: it is taken of
// a record or two, at most a block each.
uint32_t Shifted(uint32_t crc) {
  return (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0U);
}

uint32_t ExtendCrc32c(uint32_t crc, char byte) {
  crc ^= static_cast<uint8_t>(byte);
  for (int bit = 0; bit < 8; ++bit) {
    crc = Shifted(crc);
  }
  return crc;
}

// As RocksDB stores it (its util/crc32c.h): rotated, plus a constant.
constexpr uint32_t kMaskDelta = 0xa282ead8U;

uint32_t Masked(uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + kMaskDelta;
}

uint32_t Unmasked(uint32_t stored) {
  const uint32_t rotated = stored - kMaskDelta;
  return (rotated >> 17) | (rotated << 15);
}

// Of type and payload of a record.
uint32_t ChecksumOf(absl::string_view record) {
  uint32_t crc = ~uint32_t{0};
  for (const char byte : record.substr(kHeaderBytes - 1)) {
    crc = ExtendCrc32c(crc, byte);
  }
  return ~crc;
}

uint32_t StoredChecksum(absl::string_view record) {
  return static_cast<uint32_t>(Little(record, 0, 4));
}

bool ChecksumFits(absl::string_view record) {
  return Masked(ChecksumOf(record)) == StoredChecksum(record);
}

// Whether the record at `at` is whole with a length that it does not say.
bool FitsAnotherLength(absl::string_view log, size_t at) {
  const uint32_t stored = StoredChecksum(log.substr(at));
  uint32_t crc = ~uint32_t{0};
  for (size_t i = at + kHeaderBytes - 1; i < log.size(); ++i) {
    crc = ExtendCrc32c(crc, log[i]);
    if (Masked(~crc) == stored) return true;
  }
  return false;
}

// Whether the checksum fits once one bit of it, or of what it is taken of, is
// turned. A turned bit changes a CRC by a value that depends only on how many
// bits follow it.
bool OneBitIsWrong(absl::string_view record) {
  const uint32_t stored = StoredChecksum(record);
  const uint32_t taken = ChecksumOf(record);
  for (int bit = 0; bit < 32; ++bit) {
    if ((stored ^ (uint32_t{1} << bit)) == Masked(taken)) return true;
  }
  const uint32_t difference = Unmasked(stored) ^ taken;
  uint32_t of_bit = 1;
  for (size_t bits = 8 * (record.size() - (kHeaderBytes - 1)); bits > 0;
       --bits) {
    of_bit = Shifted(of_bit);
    if (of_bit == difference) return true;
  }
  return false;
}

}  // namespace

ManifestTail ReadManifestTail(absl::string_view manifest) {
  using Kind = ManifestTail::Kind;
  const size_t zeros = ZerosFrom(manifest);
  absl::string_view before;  // The record before the one at `at`.
  size_t at = 0;
  while (at < manifest.size()) {
    const size_t block_left = kBlockBytes - at % kBlockBytes;
    if (block_left < kHeaderBytes) {
      at += block_left;
      continue;
    }
    if (at + kHeaderBytes > manifest.size()) return {};
    if (at + kHeaderBytes > zeros) break;
    if (IsRecycled(static_cast<uint8_t>(manifest[at + 6]))) {
      return {.kind = Kind::kDamaged};
    }
    const size_t bytes = kHeaderBytes + Little(manifest, at + 4, 2);
    if (at + bytes > manifest.size()) {
      return {.kind = FitsAnotherLength(manifest, at) ? Kind::kDamaged
                                                      : Kind::kWhole};
    }
    const absl::string_view record = manifest.substr(at, bytes);
    if (at + bytes > zeros && !ChecksumFits(record)) {
      if (bytes > block_left) return {};
      if (OneBitIsWrong(record) || FitsAnotherLength(manifest, at)) {
        return {.kind = Kind::kDamaged};
      }
      break;
    }
    before = record;
    at += bytes;
  }
  // What is wrong before the zeros is no matter of a power loss.
  if (at >= manifest.size() || before.empty() || !ChecksumFits(before)) {
    return {};
  }
  return {.kind = Kind::kTorn, .whole_bytes = at};
}

absl::Status MendManifestTail(rocksdb::Env* env, const std::string& folder) {
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
                           ReadSmallFile(env, path, kMaxLogFileBytes));
  const ManifestTail tail = ReadManifestTail(manifest);
  if (tail.kind == ManifestTail::Kind::kWhole) return absl::OkStatus();
  if (tail.kind == ManifestTail::Kind::kDamaged) {
    return absl::DataLossError(absl::StrCat("a record of ", name,
                                            " has a wrong length or type, or "
                                            "a wrong bit"));
  }
  LogWarn("storage", "torn_manifest",
          {{"file", path},
           {"bytes", absl::StrCat(manifest.size())},
           {"whole", absl::StrCat(tail.whole_bytes)}});
  // RocksDB removes a file of this name, where this is interrupted.
  return ReplaceSynced(env, path, absl::StrCat(folder, "/000000.dbtmp"),
                       absl::string_view(manifest).substr(0, tail.whole_bytes));
}

}  // namespace quorate::replication

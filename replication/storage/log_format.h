// The records of RocksDB's write-ahead logs and MANIFESTs, by its
// db/log_format.h: blocks of 32 KiB, and in them records of 4 bytes of
// checksum, 2 of length, 1 of type, and their payload. A block that has less
// than a head left is filled up with zeros.

#ifndef QUORATE_REPLICATION_STORAGE_LOG_FORMAT_H_
#define QUORATE_REPLICATION_STORAGE_LOG_FORMAT_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace quorate::replication {

inline constexpr size_t kBlockBytes = 32768;
inline constexpr size_t kHeaderBytes = 7;

// Many times max_total_wal_size. A larger file is left to RocksDB.
inline constexpr uint64_t kMaxLogFileBytes = uint64_t{1} << 30;

enum FragmentType : uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

// The types 5 to 8 are those of recycled files, which we do not have (see
// rocksdb_options). RocksDB takes one, before it looks at its checksum, for a
// left-over of another file and so for the end.
inline bool IsRecycled(uint8_t type) {
  return type >= 5 && type <= 8;
}

// `size` bytes from `at`, which are there, as a number.
inline uint64_t Little(absl::string_view bytes, size_t at, size_t size) {
  uint64_t value = 0;
  for (size_t i = size; i > 0; --i) {
    value = value << 8 | static_cast<uint8_t>(bytes[at + i - 1]);
  }
  return value;
}

// Where the zeros begin that reach to the end.
inline size_t ZerosFrom(absl::string_view log) {
  const size_t last = log.find_last_not_of('\0');
  return last == absl::string_view::npos ? 0 : last + 1;
}

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_LOG_FORMAT_H_

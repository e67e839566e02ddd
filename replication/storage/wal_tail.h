// Looks at the end of a write-ahead log before RocksDB does.
// Includes RocksDB: for .cc files only.

#ifndef QUORATE_REPLICATION_STORAGE_WAL_TAIL_H_
#define QUORATE_REPLICATION_STORAGE_WAL_TAIL_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rocksdb/env.h"

namespace quorate::replication {

struct WalTail {
  // The last record runs into zeros that reach to the end of the file: a write
  // that a power loss interrupted, on a file system that grows a file before
  // the bytes are there.
  bool torn_to_zeros = false;

  // There is a record of a kind that was never written.
  bool damaged = false;

  // RocksDB's sequence number after the last whole record; 0 where there is
  // none. Checksums are not looked at: RocksDB does that.
  uint64_t last_sequence = 0;
};

// By RocksDB's format (log_format.h); a batch begins with its sequence number
// (8 bytes) and its count (4), and its numbers go on from those of the batch
// before. What does not fit is not judged here.
WalTail ReadWalTail(absl::string_view wal);

// Of all write-ahead logs in `folder`, up to the first that is torn.
absl::StatusOr<WalTail> ReadWalTails(rocksdb::Env* env,
                                     const std::string& folder);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_WAL_TAIL_H_

// How the two databases of a member are opened. Includes RocksDB: for .cc
// files only.

#ifndef QUORATE_REPLICATION_STORAGE_ROCKSDB_OPTIONS_H_
#define QUORATE_REPLICATION_STORAGE_ROCKSDB_OPTIONS_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/options.h"

#include "replication/storage/fatal.h"

namespace quorate::replication {

struct DatabaseSettings {
  rocksdb::Env* env = nullptr;  // Not owned; null means the system's.
  size_t write_buffer_bytes = 0;
  bool background_compaction = true;
  std::shared_ptr<FatalLatch> fatal;
};

// Bytes that RocksDB keeps for each key of a batch to notice a bit that flips
// between our call and its WAL and memtable.
inline constexpr size_t kProtectionBytesPerKey = 8;

// `raft/`: what is acknowledged is on the platter, or the member refuses.
rocksdb::Options LogDatabaseOptions(const DatabaseSettings& settings);

// `state/`: a prefix of what was written survives, the log has the rest.
rocksdb::Options StateDatabaseOptions(const DatabaseSettings& settings);

// The status of opening or reading a database. Damage is DATA_LOSS; what may
// pass or can be mended without losing anything (a lock, a permission, a full
// disk) is UNAVAILABLE or RESOURCE_EXHAUSTED.
absl::Status FromRocksDb(const rocksdb::Status& status);

// Reads every block of every table, also of records that nothing reads any
// more: a compaction would, in the background, and end the process. DATA_LOSS
// where a checksum is wrong.
absl::Status VerifyTables(rocksdb::DB* db);

rocksdb::Env* EnvOrDefault(rocksdb::Env* env);

// Makes created and renamed entries of `dir` durable.
absl::Status SyncDirectory(rocksdb::Env* env, const std::string& dir);

inline rocksdb::Slice ToSlice(absl::string_view text) {
  return rocksdb::Slice(text.data(), text.size());
}

inline absl::string_view FromSlice(const rocksdb::Slice& slice) {
  return absl::string_view(slice.data(), slice.size());
}

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_ROCKSDB_OPTIONS_H_

// How far a log was synced, beside the log.

#ifndef QUORATE_REPLICATION_STORAGE_SYNCED_MARK_H_
#define QUORATE_REPLICATION_STORAGE_SYNCED_MARK_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rocksdb/env.h"

namespace quorate::replication {

// A file with two slots that hold RocksDB's sequence number after a batch that
// was synced. It is written after the sync and is not synced itself (design §4:
// one synced stream): after the process died it is exact, after a power loss it
// may be older, and it is never ahead of what is durable. So a log that comes
// back with less than the mark says has lost what it had promised
// (docs/adr/0005-synced-mark.md). Thread-compatible.
class SyncedMark {
 public:
  // The file's content where there is no mark yet.
  static std::string Empty();

  // Opens the file, or makes it: a mark that is missing says nothing.
  // UNAVAILABLE or RESOURCE_EXHAUSTED where the disk fails. `env` is not kept.
  static absl::StatusOr<std::unique_ptr<SyncedMark>> Open(
      rocksdb::Env* env, const std::string& path);

  // What was marked last; 0 where nothing legible is there. A slot that is
  // damaged says nothing, the other one is one batch older.
  uint64_t sequence() const { return sequence_; }

  // Costs one small write into the page cache.
  absl::Status Write(uint64_t sequence);

 private:
  explicit SyncedMark(std::unique_ptr<rocksdb::RandomRWFile> file);

  absl::Status ReadSlots();

  const std::unique_ptr<rocksdb::RandomRWFile> file_;
  uint64_t sequence_ = 0;
  int next_slot_ = 0;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_SYNCED_MARK_H_

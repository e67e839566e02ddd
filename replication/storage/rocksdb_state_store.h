// The records of a state machine, in RocksDB.

#ifndef QUORATE_REPLICATION_STORAGE_ROCKSDB_STATE_STORE_H_
#define QUORATE_REPLICATION_STORAGE_ROCKSDB_STATE_STORE_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "replication/state_store.h"
#include "replication/storage/fatal.h"

namespace rocksdb {
class DB;
class Env;
}  // namespace rocksdb

namespace quorate::replication {

class CursorCount;

struct StateStoreOptions {
  // As in LogStoreOptions.
  rocksdb::Env* env = nullptr;
  FatalFunction fatal;
  bool background_compaction = true;

  // Larger than the log's: records are overwritten, and what dies in the buffer
  // is never written to a table.
  size_t write_buffer_bytes = 32 << 20;
};

// Lives in folder `state/` of a member's data directory; docs/storage_format.md
// says what stands there. Holds the directory's lock from Open to destruction.
// Thread-compatible. A failed write calls StateStoreOptions::fatal, and so does
// an Install that fails after it has begun to replace the state. Install and
// the destructor wait for the cursors that are in use.
class RocksDbStateStore : public StateStore {
 public:
  // Makes an empty store where there is none: the log, or a snapshot and the
  // log after it, has everything. Ends an Install that was interrupted.
  // Errors: DATA_LOSS where the store is damaged, FAILED_PRECONDITION where a
  // later version wrote it, UNAVAILABLE or RESOURCE_EXHAUSTED where it cannot
  // be opened now.
  static absl::StatusOr<std::unique_ptr<RocksDbStateStore>> Open(
      const std::string& data_dir, const StateStoreOptions& options);

  ~RocksDbStateStore() override;

  void Write(const std::vector<RecordChange>& changes,
             const AppliedPosition& position) override;
  absl::StatusOr<AppliedPosition> ReadPosition() const override;
  absl::Status ForEach(
      const std::function<absl::Status(absl::string_view key,
                                       absl::string_view value)>& visit)
      const override;
  absl::StatusOr<std::optional<std::string>> Get(
      absl::string_view key) const override;
  absl::StatusOr<std::unique_ptr<RecordCursor>> NewCursor() const override;
  void Fail(const absl::Status& status) override;
  absl::Status Checkpoint(const std::string& directory) override;
  absl::Status Install(const std::string& directory,
                       const Accept& accept) override;

 private:
  // The latch is shared with RocksDB's listener, which its threads call.
  RocksDbStateStore(std::string data_dir, const StateStoreOptions& options,
                    std::shared_ptr<FatalLatch> fatal);

  rocksdb::Env* env() const;
  std::string Folder(absl::string_view name) const;
  absl::Status FinishInterruptedInstall();
  absl::Status OpenDatabase();
  absl::Status CheckCandidate(const std::string& directory,
                              const Accept& accept) const;
  absl::Status Replace(const std::string& directory);

  const std::string data_dir_;
  const StateStoreOptions options_;
  // Shared with RocksDB's listener.
  const std::shared_ptr<FatalLatch> fatal_;
  // Shared with the cursors, which may outlast a call.
  const std::shared_ptr<CursorCount> cursors_;
  std::unique_ptr<rocksdb::DB> db_;  // Null only after a failed Install.
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_ROCKSDB_STATE_STORE_H_

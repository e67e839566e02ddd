// The first records of a log. Includes RocksDB: for .cc files only.

#ifndef QUORATE_REPLICATION_STORAGE_LOG_CREATION_H_
#define QUORATE_REPLICATION_STORAGE_LOG_CREATION_H_

#include <string>

#include "absl/status/status.h"
#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"

#include "replication/raft/types.h"
#include "replication/storage/log_store.h"
#include "replication/storage/rocksdb_log_store.h"

namespace quorate::replication {

// How a member knows who the members are when its log begins.
enum class FirstConfiguration {
  kEntry,  // By entry 1, which all members of a new cluster write.
  kTold,   // By another member; the log is empty.
};

// As RocksDbLogStore::Create and CreateJoining.
absl::Status CreateLog(const std::string& data_dir,
                       const MemberIdentity& identity,
                       const raft::Configuration& configuration,
                       FirstConfiguration kind, const LogStoreOptions& options);

// The records of one entry.
void PutEntry(const raft::Entry& entry, rocksdb::ColumnFamilyHandle* log,
              rocksdb::ColumnFamilyHandle* meta, rocksdb::WriteBatch* batch);

// The SyncedMark of the log in `folder`.
std::string MarkPath(const std::string& folder);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_LOG_CREATION_H_

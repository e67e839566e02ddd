#include "replication/storage/log_creation.h"

#include <memory>

#include "absl/strings/str_cat.h"

#include "base/folder.h"
#include "base/status.h"
#include "replication/storage/bootstrap.h"
#include "replication/storage/file_tree.h"
#include "replication/storage/key_space.h"
#include "replication/storage/rocksdb_options.h"
#include "replication/storage/synced_mark.h"
#include "replication/wire/entry_codec.h"

namespace quorate::replication {

using raft::Entry;
using raft::EntryType;
using raft::HardState;
using raft::Index;

void PutEntry(const Entry& entry, rocksdb::ColumnFamilyHandle* log,
              rocksdb::ColumnFamilyHandle* meta, rocksdb::WriteBatch* batch) {
  internal::v1::Entry proto;
  EncodeEntry(entry, &proto);
  const std::string key = EntryKey(entry.index);
  batch->Put(log, key, SealRecord(key, proto));
  if (entry.type != EntryType::kConfiguration) return;
  const std::string configuration_key = ConfigurationKey(entry.index);
  batch->Put(meta, configuration_key,
             SealRecord(configuration_key, proto.configuration()));
}

std::string MarkPath(const std::string& folder) {
  return absl::StrCat(folder, "/synced");
}

namespace {

// Where Create builds, before a rename makes it the member's log.
constexpr char kUnfinishedFolder[] = "raft.unfinished";

void PutFirstRecords(const MemberIdentity& identity,
                     const raft::Configuration& configuration,
                     FirstConfiguration kind, rocksdb::ColumnFamilyHandle* log,
                     rocksdb::ColumnFamilyHandle* meta,
                     rocksdb::WriteBatch* batch) {
  batch->Put(kIdentityKey, SealIdentity(identity));
  if (kind == FirstConfiguration::kEntry) {
    batch->Put(kHardStateKey, SealHardState(BootstrapHardState()));
    PutEntry(BootstrapEntry(configuration), log, meta, batch);
    return;
  }
  batch->Put(kHardStateKey, SealHardState(HardState()));
  internal::v1::Configuration proto;
  EncodeConfiguration(configuration, &proto);
  const std::string key = ConfigurationKey(Index(0));
  batch->Put(meta, key, SealRecord(key, proto));
}

// Makes a database in `folder` and closes it again.
absl::Status WriteFirstRecords(const std::string& folder,
                               const MemberIdentity& identity,
                               const raft::Configuration& configuration,
                               FirstConfiguration kind,
                               const rocksdb::Options& settings) {
  rocksdb::DB* opened = nullptr;
  QUORATE_RETURN_IF_ERROR(
      FromRocksDb(rocksdb::DB::Open(settings, folder, &opened)));
  const std::unique_ptr<rocksdb::DB> db(opened);
  rocksdb::ColumnFamilyHandle* log = nullptr;
  QUORATE_RETURN_IF_ERROR(
      FromRocksDb(db->CreateColumnFamily(settings, kLogFamily, &log)));
  rocksdb::WriteBatch batch;
  PutFirstRecords(identity, configuration, kind, log, db->DefaultColumnFamily(),
                  &batch);
  rocksdb::WriteOptions synced;
  synced.sync = true;
  const rocksdb::Status written = db->Write(synced, &batch);
  db->DestroyColumnFamilyHandle(log);
  QUORATE_RETURN_IF_ERROR(FromRocksDb(written));
  return FromRocksDb(db->Close());
}

}  // namespace

absl::Status CreateLog(const std::string& data_dir,
                       const MemberIdentity& identity,
                       const raft::Configuration& configuration,
                       FirstConfiguration kind,
                       const LogStoreOptions& options) {
  QUORATE_RETURN_IF_ERROR(CheckBootstrap(identity, configuration));
  rocksdb::Env* const env = EnvOrDefault(options.env);
  const std::string folder = absl::StrCat(data_dir, "/", kLogFolder);
  const std::string unfinished = absl::StrCat(data_dir, "/", kUnfinishedFolder);
  if (env->FileExists(folder).ok()) {
    return absl::AlreadyExistsError(absl::StrCat(
        folder,
        " exists: this is a member's data directory already. A new "
        "member needs a directory of its own"));
  }
  QUORATE_RETURN_IF_ERROR(FromRocksDb(env->CreateDirIfMissing(data_dir)));
  QUORATE_RETURN_IF_ERROR(SyncDirectory(env, ParentOf(data_dir)));
  QUORATE_RETURN_IF_ERROR(RemoveTree(env, unfinished));
  QUORATE_RETURN_IF_ERROR(FromRocksDb(env->CreateDir(unfinished)));
  rocksdb::Options settings = LogDatabaseOptions(
      {.env = options.env,
       .write_buffer_bytes = options.write_buffer_bytes,
       .background_compaction = options.background_compaction,
       .fatal = std::make_shared<FatalLatch>(
           [](absl::string_view, const absl::Status&) {
             // The call that failed returns the error, and
             // Create with it.
           })});
  settings.create_if_missing = true;
  QUORATE_RETURN_IF_ERROR(
      WriteFirstRecords(unfinished, identity, configuration, kind, settings));
  QUORATE_RETURN_IF_ERROR(
      WriteSynced(env, MarkPath(unfinished), SyncedMark::Empty()));
  QUORATE_RETURN_IF_ERROR(SyncDirectory(env, unfinished));
  QUORATE_RETURN_IF_ERROR(FromRocksDb(env->RenameFile(unfinished, folder)));
  return SyncDirectory(env, data_dir);
}

}  // namespace quorate::replication

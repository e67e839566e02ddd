#include "replication/storage/rocksdb_log_store.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rocksdb/convenience.h"
#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"

#include "base/check.h"
#include "base/status.h"
#include "replication/storage/bootstrap.h"
#include "replication/storage/file_tree.h"
#include "replication/storage/key_space.h"
#include "replication/storage/log_creation.h"
#include "replication/storage/log_recovery.h"
#include "replication/storage/manifest_tail.h"
#include "replication/storage/rocksdb_options.h"
#include "replication/storage/synced_mark.h"
#include "replication/storage/wal_tail.h"
#include "replication/wire/entry_codec.h"

namespace quorate::replication {

using raft::Entry;
using raft::EntryType;
using raft::HardState;
using raft::Index;
using raft::Term;

struct RocksDbLogStore::Database {
  std::unique_ptr<SyncedMark> mark;
  std::unique_ptr<rocksdb::DB> db;
  rocksdb::ColumnFamilyHandle* meta = nullptr;  // Family "default".
  rocksdb::ColumnFamilyHandle* log = nullptr;

  ~Database() {
    if (db == nullptr) return;
    db->DestroyColumnFamilyHandle(meta);
    db->DestroyColumnFamilyHandle(log);
    // An error here is of no consequence: what counts was synced before.
    db->Close().PermitUncheckedError();
  }
};

namespace {

// What an operator does about a log that cannot be trusted.
absl::Status NotToBeTrusted(const std::string& folder,
                            const absl::Status& status) {
  if (status.code() != absl::StatusCode::kDataLoss) {
    return Annotate(status, absl::StrCat("the log in ", folder));
  }
  return absl::DataLossError(absl::StrCat(
      "the log in ", folder, " is damaged: ", status.message(),
      ". It may have lost what this member promised, so it must not take part "
      "with it. Move the data directory away and replace the member; do not "
      "repair it"));
}

// RocksDB takes a write-ahead log that someone deleted for one that was never
// there, and forgets what was acknowledged since the last start. But there is
// always one: it is made before the one before it is removed.
absl::Status CheckWriteAheadLog(rocksdb::Env* env, const std::string& folder) {
  std::vector<std::string> names;
  QUORATE_RETURN_IF_ERROR(FromRocksDb(env->GetChildren(folder, &names)));
  for (const std::string& name : names) {
    if (absl::EndsWith(name, ".log")) return absl::OkStatus();
  }
  return absl::DataLossError("its write-ahead log (*.log) is missing");
}

}  // namespace

RocksDbLogStore::RocksDbLogStore(std::unique_ptr<Database> database,
                                 std::shared_ptr<FatalLatch> fatal)
    : database_(std::move(database)), fatal_(std::move(fatal)) {}

RocksDbLogStore::~RocksDbLogStore() = default;

absl::Status RocksDbLogStore::Create(const std::string& data_dir,
                                     const MemberIdentity& identity,
                                     const raft::Configuration& configuration,
                                     const LogStoreOptions& options) {
  return CreateLog(data_dir, identity, configuration,
                   FirstConfiguration::kEntry, options);
}

absl::Status RocksDbLogStore::CreateJoining(
    const std::string& data_dir, const MemberIdentity& identity,
    const raft::Configuration& configuration, const LogStoreOptions& options) {
  return CreateLog(data_dir, identity, configuration, FirstConfiguration::kTold,
                   options);
}

// A tail of zeros makes RocksDB refuse a log whose damaged tail it would
// otherwise tolerate. Where the tail is of that kind, replay stops at the first
// damage instead; what must come back all the same is known by counting.
absl::Status RocksDbLogStore::OpenDatabase(
    const std::string& folder, const LogStoreOptions& options,
    const std::shared_ptr<FatalLatch>& fatal, Database* database) {
  rocksdb::Env* const env = EnvOrDefault(options.env);
  QUORATE_ASSIGN_OR_RETURN(database->mark,
                           SyncedMark::Open(env, MarkPath(folder)));
  QUORATE_RETURN_IF_ERROR(MendManifestTail(env, folder));
  QUORATE_ASSIGN_OR_RETURN(const WalTail tail, ReadWalTails(env, folder));
  if (tail.damaged) {
    return absl::DataLossError(
        "its write-ahead log has a record of a kind "
        "that was never written");
  }
  rocksdb::Options settings = LogDatabaseOptions(
      {.env = options.env,
       .write_buffer_bytes = options.write_buffer_bytes,
       .background_compaction = options.background_compaction,
       .fatal = fatal});
  if (tail.torn_to_zeros) {
    settings.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  }
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  rocksdb::DB* opened = nullptr;
  QUORATE_RETURN_IF_ERROR(FromRocksDb(rocksdb::DB::Open(
      settings, folder,
      {{rocksdb::kDefaultColumnFamilyName, settings}, {kLogFamily, settings}},
      &families, &opened)));
  database->db.reset(opened);
  database->meta = families[0];
  database->log = families[1];
  const uint64_t found = opened->GetLatestSequenceNumber();
  if (tail.torn_to_zeros && found < tail.last_sequence) {
    return absl::DataLossError(
        absl::StrCat("its write-ahead log is damaged at ", found, ", before ",
                     tail.last_sequence, " where it is torn"));
  }
  if (found < database->mark->sequence()) {
    return absl::DataLossError(
        absl::StrCat("it ends at ", found, ", and was synced up to ",
                     database->mark->sequence(),
                     ": the end of its write-ahead log is lost"));
  }
  return VerifyTables(opened);
}

absl::StatusOr<std::unique_ptr<RocksDbLogStore>> RocksDbLogStore::Open(
    const std::string& data_dir, absl::string_view cluster_id,
    const LogStoreOptions& options) {
  const std::string folder = absl::StrCat(data_dir, "/", kLogFolder);
  if (EnvOrDefault(options.env)->FileExists(folder).IsNotFound()) {
    return absl::NotFoundError(absl::StrCat(
        "no log in ", folder,
        ". `quorated init` makes the directory of a new member of a new "
        "cluster. If this member had one, its disk is lost: let it rejoin, do "
        "not start it empty"));
  }
  absl::Status status = CheckWriteAheadLog(EnvOrDefault(options.env), folder);
  if (!status.ok()) return NotToBeTrusted(folder, status);
  auto fatal = std::make_shared<FatalLatch>(options.fatal);
  auto database = std::make_unique<Database>();
  status = OpenDatabase(folder, options, fatal, database.get());
  if (!status.ok()) return NotToBeTrusted(folder, status);
  absl::StatusOr<RecoveredLog> recovered =
      RecoverLog(database->db.get(), database->log, cluster_id);
  if (!recovered.ok()) return NotToBeTrusted(folder, recovered.status());
  std::unique_ptr<RocksDbLogStore> store(
      new RocksDbLogStore(std::move(database), std::move(fatal)));
  store->identity_ = std::move(recovered->identity);
  store->restored_ = recovered->hard_state;
  store->hard_state_ = recovered->hard_state;
  store->configurations_ = std::move(recovered->configurations);
  store->snapshot_ = std::move(recovered->snapshot);
  for (const auto& configuration : store->configurations_) {
    if (store->snapshot_.has_value() &&
        configuration.index <= store->snapshot_->index) {
      continue;  // It has no record of its own.
    }
    store->configuration_indexes_.push_back(configuration.index);
  }
  MutexLock lock(&store->mu_);
  store->terms_ = std::move(recovered->terms);
  return store;
}

// The last line against a bug above: a member that broke one of these rules
// would harm the cluster, one that stops does not.
void RocksDbLogStore::CheckWrite(const LogWrite& write) const {
  if (write.hard_state.has_value()) {
    const HardState& next = *write.hard_state;
    QUORATE_CHECK(next.term >= hard_state_.term);
    QUORATE_CHECK(next.commit >= hard_state_.commit);
    QUORATE_CHECK(next.term != hard_state_.term ||
                  hard_state_.vote == raft::kNobody ||
                  next.vote == hard_state_.vote);
  }
  Index last = LastIndex();
  if (write.install.has_value()) {
    QUORATE_CHECK(write.install->index >= hard_state_.commit);
    last = write.install->index;
  }
  if (!write.entries.empty()) {
    const Index first = write.entries.front().index;
    QUORATE_CHECK(first <= last.Next());
    QUORATE_CHECK(first > hard_state_.commit);
    QUORATE_CHECK(!write.install.has_value() || first == last.Next());
    for (size_t i = 1; i < write.entries.size(); ++i) {
      QUORATE_CHECK(write.entries[i].index == first.Plus(i));
    }
    last = write.entries.back().index;
  }
  QUORATE_CHECK(!write.hard_state.has_value() ||
                write.hard_state->commit <= last);
  if (!write.compact_to.has_value()) return;
  QUORATE_CHECK(!write.install.has_value());
  QUORATE_CHECK(FirstIndex() <= write.compact_to->index.Next());
  QUORATE_CHECK(write.compact_to->index <= last);
}

// A caller that forgot to ask for a sync gets it all the same: entries, terms
// and votes are promises (pitfall 1). And the tables of entries that are gone
// are dropped, so that the record which says so must come first.
bool RocksDbLogStore::MustSync(const LogWrite& write) const {
  return write.must_sync || !write.entries.empty() ||
         write.install.has_value() || write.compact_to.has_value() ||
         (write.hard_state.has_value() &&
          (write.hard_state->term != hard_state_.term ||
           write.hard_state->vote != hard_state_.vote));
}

void RocksDbLogStore::HideBefore(const LogWrite& write) {
  MutexLock lock(&mu_);
  if (write.install.has_value()) {
    terms_.Reset(write.install->index, write.install->term);
  }
  if (!write.entries.empty()) {
    terms_.TruncateFrom(write.entries.front().index);
  }
  if (write.compact_to.has_value()) {
    terms_.CompactTo(std::min(write.compact_to->index, terms_.last()));
  }
}

// A commit index below the log's first entry would ask for what is gone.
void RocksDbLogStore::PutHardState(const LogWrite& write,
                                   rocksdb::WriteBatch* batch) const {
  HardState next = write.hard_state.value_or(hard_state_);
  for (const auto& position : {write.install, write.compact_to}) {
    if (!position.has_value()) continue;
    QUORATE_CHECK(next.term >= position->term);
    next.commit = std::max(next.commit, position->index);
  }
  if (write.hard_state.has_value() || next != hard_state_) {
    batch->Put(database_->meta, kHardStateKey, SealHardState(next));
  }
}

void RocksDbLogStore::FillBatch(const LogWrite& write, Index old_last,
                                rocksdb::WriteBatch* batch) const {
  PutHardState(write, batch);
  Index first_gone = Index(std::numeric_limits<uint64_t>::max());
  if (write.install.has_value()) {
    // A member is given a snapshot once in a while, so that this range delete
    // does not slow down the reads after it, as one for each replaced tail
    // would.
    batch->DeleteRange(database_->log, EntryKey(Index(0)),
                       EntryKey(first_gone));
    batch->Put(database_->meta, kSnapshotKey, SealSnapshot(*write.install));
    first_gone = Index(0);
  } else if (!write.entries.empty()) {
    // Plain deletes, one a key: range deletes slow down every later read, and
    // single deletes are wrong where a key was written twice. Keys that are
    // written again need none.
    for (Index index = write.entries.back().index.Next(); index <= old_last;
         index = index.Next()) {
      batch->Delete(database_->log, EntryKey(index));
    }
    first_gone = write.entries.front().index;
  }
  for (const Index index : configuration_indexes_) {
    if (index >= first_gone) {
      batch->Delete(database_->meta, ConfigurationKey(index));
    }
  }
  for (const Entry& entry : write.entries) {
    PutEntry(entry, database_->log, database_->meta, batch);
  }
  if (!write.compact_to.has_value()) return;
  const Index to = write.compact_to->index;
  // From 0 and not from the first entry: compactions then see one range
  // delete that covers those before it.
  batch->DeleteRange(database_->log, EntryKey(Index(0)), EntryKey(to.Next()));
  batch->Put(database_->meta, kSnapshotKey, SealSnapshot(*write.compact_to));
  const auto forget = [&](Index index) {
    if (index <= to) batch->Delete(database_->meta, ConfigurationKey(index));
  };
  std::for_each(configuration_indexes_.begin(), configuration_indexes_.end(),
                forget);
  for (const Entry& entry : write.entries) {
    if (entry.type == EntryType::kConfiguration) forget(entry.index);
  }
}

void RocksDbLogStore::Append(const LogWrite& write) {
  if (fatal_->Dead()) return;
  CheckWrite(write);
  const Index old_last = LastIndex();
  HideBefore(write);
  rocksdb::WriteBatch batch(0, 0, kProtectionBytesPerKey, 0);
  FillBatch(write, old_last, &batch);
  rocksdb::WriteOptions options;
  options.sync = MustSync(write);
  const rocksdb::Status status = database_->db->Write(options, &batch);
  if (!status.ok()) {
    fatal_->Trip("log_write_failed", FromRocksDb(status));
    return;
  }
  if (options.sync) {
    const absl::Status marked =
        database_->mark->Write(database_->db->GetLatestSequenceNumber());
    if (!marked.ok()) {
      fatal_->Trip("log_mark_failed", marked);
      return;
    }
  }
  Publish(write);
  if (write.install.has_value() || write.compact_to.has_value()) DropTables();
}

void RocksDbLogStore::Publish(const LogWrite& write) {
  if (write.hard_state.has_value()) hard_state_ = *write.hard_state;
  std::vector<Index>& indexes = configuration_indexes_;
  if (write.install.has_value()) indexes.clear();
  if (!write.entries.empty()) {
    const Index first = write.entries.front().index;
    std::erase_if(indexes, [first](Index index) { return index >= first; });
  }
  for (const Entry& entry : write.entries) {
    if (entry.type == EntryType::kConfiguration) indexes.push_back(entry.index);
  }
  MutexLock lock(&mu_);
  for (const Entry& entry : write.entries) {
    terms_.Append(entry.term);
  }
  if (write.compact_to.has_value()) {
    const Index to = write.compact_to->index;
    std::erase_if(indexes, [to](Index index) { return index <= to; });
    terms_.CompactTo(to);
  }
  hard_state_.commit = std::max(hard_state_.commit, terms_.base());
}

// Tables in level 0 overlap and are not dropped here; there are few of them
// (level0_file_num_compaction_trigger), and the next compaction takes them
// together with the range delete.
void RocksDbLogStore::DropTables() {
  const std::string begin = EntryKey(Index(0));
  const std::string end = EntryKey(FirstIndex());
  const rocksdb::Slice begin_slice = begin;
  const rocksdb::Slice end_slice = end;
  const rocksdb::Status status = rocksdb::DeleteFilesInRange(
      database_->db.get(), database_->log, &begin_slice, &end_slice,
      /*include_end=*/false);
  if (!status.ok()) fatal_->Trip("log_compaction_failed", FromRocksDb(status));
}

std::vector<Entry> RocksDbLogStore::Read(Index from, Index to,
                                         size_t max_bytes) const {
  QUORATE_CHECK(from >= FirstIndex() && from < to);
  const std::string lower = EntryKey(from);
  const std::string upper = EntryKey(to);
  const rocksdb::Slice lower_slice = lower;
  const rocksdb::Slice upper_slice = upper;
  rocksdb::ReadOptions options;
  // With bounds an iterator never walks over what was deleted outside of them.
  options.iterate_lower_bound = &lower_slice;
  options.iterate_upper_bound = &upper_slice;
  const std::unique_ptr<rocksdb::Iterator> it(
      database_->db->NewIterator(options, database_->log));
  std::vector<Entry> entries;
  size_t bytes = 0;
  Index next = from;
  for (it->SeekToFirst(); it->Valid() && next < to; it->Next()) {
    absl::StatusOr<Entry> entry =
        OpenEntry(FromSlice(it->key()), FromSlice(it->value()));
    if (entry.ok() && entry->index != next) {
      entry = absl::DataLossError("an entry is missing");
    }
    if (!entry.ok()) {
      fatal_->Trip("log_read_failed", entry.status());
      return entries;
    }
    bytes += raft::EntryCost(*entry);
    if (!entries.empty() && bytes > max_bytes) return entries;
    entries.push_back(*std::move(entry));
    next = next.Next();
  }
  if (!it->status().ok() || next != to) {
    fatal_->Trip("log_read_failed",
                 it->status().ok() ? absl::DataLossError("entries are missing")
                                   : FromRocksDb(it->status()));
  }
  return entries;
}

Term RocksDbLogStore::TermAt(Index index) const {
  MutexLock lock(&mu_);
  return terms_.At(index);
}

Index RocksDbLogStore::FirstIndex() const {
  MutexLock lock(&mu_);
  return terms_.base().Next();
}

Index RocksDbLogStore::LastIndex() const {
  MutexLock lock(&mu_);
  return terms_.last();
}

}  // namespace quorate::replication

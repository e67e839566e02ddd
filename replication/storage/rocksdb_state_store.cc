#include "replication/storage/rocksdb_state_store.h"

#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "rocksdb/db.h"
#include "rocksdb/utilities/checkpoint.h"
#include "rocksdb/write_batch.h"

#include "base/check.h"
#include "base/folder.h"
#include "base/mutex.h"
#include "base/ordered_encoding.h"
#include "base/status.h"
#include "replication/storage/bootstrap.h"
#include "replication/storage/file_tree.h"
#include "replication/storage/key_space.h"
#include "replication/storage/manifest_tail.h"
#include "replication/storage/rocksdb_options.h"

namespace quorate::replication {

// How many cursors are in use. Thread-safe.
class CursorCount {
 public:
  void Add() {
    MutexLock lock(&mu_);
    ++count_;
  }

  void Remove() {
    MutexLock lock(&mu_);
    if (--count_ == 0) none_.NotifyAll();
  }

  void WaitForNone() {
    MutexLock lock(&mu_);
    while (count_ > 0)
      none_.Wait(&mu_);
  }

 private:
  Mutex mu_;
  CondVar none_;
  int count_ ABSL_GUARDED_BY(mu_) = 0;
};

namespace {

using raft::Index;
using raft::Term;

// The store's own records and the state machine's never meet.
constexpr char kPositionKey[] = "m/position";
constexpr char kFormatKey[] = "m/format";
constexpr absl::string_view kRecordPrefix = "r/";
constexpr absl::string_view kAfterRecords = "r0";  // '/' + 1.

std::string RecordKey(absl::string_view key) {
  return absl::StrCat(kRecordPrefix, key);
}

// Four numbers of 8 bytes, big-endian: index, term, cluster time, calendar.
std::string SealPosition(const AppliedPosition& position) {
  std::string body;
  AppendOrdered64(position.index.value(), &body);
  AppendOrdered64(position.term.value(), &body);
  AppendOrdered64(static_cast<uint64_t>(position.stamp.cluster_ms), &body);
  AppendOrdered64(static_cast<uint64_t>(position.stamp.calendar_ms), &body);
  return SealRecord(kPositionKey, body);
}

absl::StatusOr<AppliedPosition> OpenPosition(absl::string_view record) {
  QUORATE_ASSIGN_OR_RETURN(const absl::string_view body,
                           OpenRecord(kPositionKey, record));
  if (body.size() != 32) {
    return absl::DataLossError("the position record has a wrong size");
  }
  const auto number = [body](size_t at) {
    return *ParseOrdered64(body.substr(8 * at, 8));
  };
  return AppliedPosition{
      .index = Index(number(0)),
      .term = Term(number(1)),
      .stamp = {.cluster_ms = static_cast<int64_t>(number(2)),
                .calendar_ms = static_cast<int64_t>(number(3))}};
}

// NOT_FOUND where the store is empty.
absl::Status CheckFormat(rocksdb::DB* db) {
  std::string record;
  const rocksdb::Status status =
      db->Get(rocksdb::ReadOptions(), kFormatKey, &record);
  if (status.IsNotFound()) return absl::NotFoundError("no format version");
  QUORATE_RETURN_IF_ERROR(FromRocksDb(status));
  QUORATE_RETURN_IF_ERROR(OpenRecord(kFormatKey, record).status());
  if (record != SealRecord(kFormatKey, Ordered64(kFormatVersion))) {
    return absl::FailedPreconditionError(
        "it was written in another format version");
  }
  return absl::OkStatus();
}

// Writes the format version to a store that is empty, checks it in others.
absl::Status CheckOrWriteFormat(rocksdb::DB* db) {
  absl::Status status = CheckFormat(db);
  if (!absl::IsNotFound(status)) return status;
  return FromRocksDb(
      db->Put(rocksdb::WriteOptions(), kFormatKey,
              SealRecord(kFormatKey, Ordered64(kFormatVersion))));
}

absl::StatusOr<AppliedPosition> ReadPositionOf(rocksdb::DB* db) {
  std::string record;
  const rocksdb::Status status =
      db->Get(rocksdb::ReadOptions(), kPositionKey, &record);
  if (status.IsNotFound()) return AppliedPosition();
  QUORATE_RETURN_IF_ERROR(FromRocksDb(status));
  return OpenPosition(record);
}

using Visit =
    std::function<absl::Status(absl::string_view key, absl::string_view value)>;

absl::Status ForEachOf(rocksdb::DB* db, const Visit& visit) {
  const rocksdb::Slice lower = ToSlice(kRecordPrefix);
  const rocksdb::Slice upper = ToSlice(kAfterRecords);
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &lower;
  options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(options));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    absl::string_view key = FromSlice(it->key());
    key.remove_prefix(kRecordPrefix.size());
    QUORATE_RETURN_IF_ERROR(visit(key, FromSlice(it->value())));
  }
  return FromRocksDb(it->status());
}

absl::StatusOr<std::optional<std::string>> GetOf(rocksdb::DB* db,
                                                 absl::string_view key) {
  std::string value;
  const rocksdb::Status status =
      db->Get(rocksdb::ReadOptions(), RecordKey(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  QUORATE_RETURN_IF_ERROR(FromRocksDb(status));
  return value;
}

// The iterator keeps what it was made on, also while others write.
class Cursor final : public RecordCursor {
 public:
  // `count` is null where nobody counts.
  Cursor(rocksdb::DB* db, std::shared_ptr<CursorCount> count)
      : count_(std::move(count)) {
    if (count_ != nullptr) count_->Add();
    rocksdb::ReadOptions options;
    options.iterate_lower_bound = &lower_;
    options.iterate_upper_bound = &upper_;
    iterator_.reset(db->NewIterator(options));
  }

  ~Cursor() override {
    iterator_.reset();
    if (count_ != nullptr) count_->Remove();
  }

  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  void Seek(absl::string_view key) override { iterator_->Seek(RecordKey(key)); }

  void SeekForPrev(absl::string_view key) override {
    iterator_->SeekForPrev(RecordKey(key));
  }

  void Next() override { iterator_->Next(); }

  absl::string_view key() const override {
    return FromSlice(iterator_->key()).substr(kRecordPrefix.size());
  }

  absl::string_view value() const override {
    return FromSlice(iterator_->value());
  }

  bool Valid() const override { return iterator_->Valid(); }

  absl::Status status() const override {
    return FromRocksDb(iterator_->status());
  }

 private:
  const std::shared_ptr<CursorCount> count_;  // Shared with the store.
  const rocksdb::Slice lower_ = ToSlice(kRecordPrefix);
  const rocksdb::Slice upper_ = ToSlice(kAfterRecords);
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

// A database that is only looked at.
class Candidate : public StateReader {
 public:
  // `db` is not owned.
  explicit Candidate(rocksdb::DB* db) : db_(db) {}

  absl::StatusOr<AppliedPosition> ReadPosition() const override {
    return ReadPositionOf(db_);
  }

  absl::Status ForEach(const Visit& visit) const override {
    return ForEachOf(db_, visit);
  }

  absl::StatusOr<std::optional<std::string>> Get(
      absl::string_view key) const override {
    return GetOf(db_, key);
  }

  absl::StatusOr<std::unique_ptr<RecordCursor>> NewCursor() const override {
    return std::make_unique<Cursor>(db_, nullptr);
  }

 private:
  rocksdb::DB* const db_;
};

// Damage here costs no promise: the log can make the records anew.
absl::Status NotToBeUsed(const std::string& folder,
                         const absl::Status& status) {
  if (status.code() != absl::StatusCode::kDataLoss) {
    return Annotate(status, absl::StrCat("the state in ", folder));
  }
  return absl::DataLossError(absl::StrCat(
      "the state in ", folder, " is damaged: ", status.message(),
      ". Move this folder away: the member makes it anew from its log"));
}

}  // namespace

RocksDbStateStore::RocksDbStateStore(std::string data_dir,
                                     const StateStoreOptions& options,
                                     std::shared_ptr<FatalLatch> fatal)
    : data_dir_(std::move(data_dir)),
      options_(options),
      fatal_(std::move(fatal)),
      cursors_(std::make_shared<CursorCount>()) {}

RocksDbStateStore::~RocksDbStateStore() {
  cursors_->WaitForNone();
  // An error here is of no consequence: the log has what is lost.
  if (db_ != nullptr) db_->Close().PermitUncheckedError();
}

rocksdb::Env* RocksDbStateStore::env() const {
  return EnvOrDefault(options_.env);
}

std::string RocksDbStateStore::Folder(absl::string_view name) const {
  return absl::StrCat(data_dir_, "/", name);
}

absl::StatusOr<std::unique_ptr<RocksDbStateStore>> RocksDbStateStore::Open(
    const std::string& data_dir, const StateStoreOptions& options) {
  std::unique_ptr<RocksDbStateStore> store(new RocksDbStateStore(
      data_dir, options, std::make_shared<FatalLatch>(options.fatal)));
  rocksdb::Env* const env = store->env();
  const std::string folder = store->Folder(kStateFolder);
  QUORATE_RETURN_IF_ERROR(FromRocksDb(env->CreateDirIfMissing(data_dir)));
  QUORATE_RETURN_IF_ERROR(store->FinishInterruptedInstall());
  QUORATE_RETURN_IF_ERROR(FromRocksDb(env->CreateDirIfMissing(folder)));
  // A checkpoint of this state lets the log forget; the folder must not vanish
  // after that.
  QUORATE_RETURN_IF_ERROR(SyncDirectory(env, data_dir));
  absl::Status status = MendManifestTail(env, folder);
  if (status.ok()) status = store->OpenDatabase();
  if (status.ok()) status = VerifyTables(store->db_.get());
  if (!status.ok()) return NotToBeUsed(folder, status);
  return store;
}

// Install moves the state aside, then the new one in its place. Without the
// second rename the first one is taken back; after it what is aside goes.
absl::Status RocksDbStateStore::FinishInterruptedInstall() {
  const std::string folder = Folder(kStateFolder);
  const std::string replaced = Folder(kReplacedStateFolder);
  QUORATE_ASSIGN_OR_RETURN(const bool there, Exists(env(), folder));
  QUORATE_ASSIGN_OR_RETURN(const bool aside, Exists(env(), replaced));
  if (!aside) return absl::OkStatus();
  if (there) return RemoveTree(env(), replaced);
  QUORATE_RETURN_IF_ERROR(FromRocksDb(env()->RenameFile(replaced, folder)));
  return SyncDirectory(env(), data_dir_);
}

absl::Status RocksDbStateStore::OpenDatabase() {
  const rocksdb::Options settings = StateDatabaseOptions(
      {.env = options_.env,
       .write_buffer_bytes = options_.write_buffer_bytes,
       .background_compaction = options_.background_compaction,
       .fatal = fatal_});
  rocksdb::DB* opened = nullptr;
  QUORATE_RETURN_IF_ERROR(
      FromRocksDb(rocksdb::DB::Open(settings, Folder(kStateFolder), &opened)));
  db_.reset(opened);
  return CheckOrWriteFormat(opened);
}

void RocksDbStateStore::Write(const std::vector<RecordChange>& changes,
                              const AppliedPosition& position) {
  if (fatal_->Dead()) return;
  rocksdb::WriteBatch batch(0, 0, kProtectionBytesPerKey, 0);
  for (const RecordChange& change : changes) {
    QUORATE_CHECK(!change.key.empty());
    const std::string key = RecordKey(change.key);
    if (change.value.has_value()) {
      batch.Put(key, *change.value);
    } else {
      batch.Delete(key);
    }
  }
  batch.Put(kPositionKey, SealPosition(position));
  // Not synced: the log is, and is replayed from the position (design §4).
  const rocksdb::Status status = db_->Write(rocksdb::WriteOptions(), &batch);
  if (!status.ok()) fatal_->Trip("state_write_failed", FromRocksDb(status));
}

absl::StatusOr<AppliedPosition> RocksDbStateStore::ReadPosition() const {
  if (db_ == nullptr) return absl::UnavailableError("the state store is dead");
  return ReadPositionOf(db_.get());
}

absl::Status RocksDbStateStore::ForEach(const Visit& visit) const {
  if (db_ == nullptr) return absl::UnavailableError("the state store is dead");
  return ForEachOf(db_.get(), visit);
}

absl::StatusOr<std::optional<std::string>> RocksDbStateStore::Get(
    absl::string_view key) const {
  if (db_ == nullptr) return absl::UnavailableError("the state store is dead");
  return GetOf(db_.get(), key);
}

absl::StatusOr<std::unique_ptr<RecordCursor>> RocksDbStateStore::NewCursor()
    const {
  if (db_ == nullptr) return absl::UnavailableError("the state store is dead");
  return std::make_unique<Cursor>(db_.get(), cursors_);
}

void RocksDbStateStore::Fail(const absl::Status& status) {
  fatal_->Trip("state_read_failed", status);
}

// A flush first (the 0), so that the tables hold everything and no write-ahead
// log is needed: RocksDB 7.8 may link one that was not synced, or copy one that
// is being written (its #12731 and #12671; pitfall 19).
absl::Status RocksDbStateStore::Checkpoint(const std::string& directory) {
  if (fatal_->Dead() || db_ == nullptr) {
    return absl::UnavailableError("the state store is dead");
  }
  rocksdb::Checkpoint* made = nullptr;
  QUORATE_RETURN_IF_ERROR(
      FromRocksDb(rocksdb::Checkpoint::Create(db_.get(), &made)));
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  absl::Status status = FromRocksDb(
      checkpoint->CreateCheckpoint(directory, /*log_size_for_flush=*/0));
  if (absl::IsDataLoss(status)) {
    // Where a power loss tore the WAL that this start has replayed, RocksDB
    // looks into it once more. The attempt has flushed, and it is gone.
    status = FromRocksDb(
        checkpoint->CreateCheckpoint(directory, /*log_size_for_flush=*/0));
  }
  QUORATE_RETURN_IF_ERROR(status);
  QUORATE_RETURN_IF_ERROR(SyncDirectory(env(), directory));
  return SyncDirectory(env(), ParentOf(directory));
}

absl::Status RocksDbStateStore::CheckCandidate(const std::string& directory,
                                               const Accept& accept) const {
  const rocksdb::Options settings = StateDatabaseOptions(
      {.env = options_.env,
       .write_buffer_bytes = options_.write_buffer_bytes,
       .background_compaction = false,
       // The call that fails returns the error; this store goes on.
       .fatal = std::make_shared<FatalLatch>(
           [](absl::string_view, const absl::Status&) {})});
  rocksdb::DB* opened = nullptr;
  QUORATE_RETURN_IF_ERROR(
      FromRocksDb(rocksdb::DB::OpenForReadOnly(settings, directory, &opened)));
  const std::unique_ptr<rocksdb::DB> db(opened);
  const absl::Status format = CheckFormat(opened);
  if (absl::IsNotFound(format)) {
    return absl::DataLossError("it is the state of nobody");
  }
  QUORATE_RETURN_IF_ERROR(format);
  return accept(Candidate(opened));
}

absl::Status RocksDbStateStore::Install(const std::string& directory,
                                        const Accept& accept) {
  if (fatal_->Dead()) {
    return absl::UnavailableError("the state store is dead");
  }
  if (ParentOf(directory) != data_dir_) {
    return absl::InvalidArgumentError(
        absl::StrCat(directory, " is not in ", data_dir_));
  }
  QUORATE_RETURN_IF_ERROR(Annotate(CheckCandidate(directory, accept),
                                   absl::StrCat("the state in ", directory)));
  QUORATE_RETURN_IF_ERROR(RemoveTree(env(), Folder(kReplacedStateFolder)));
  // What is moved into place must be there after a power loss.
  QUORATE_RETURN_IF_ERROR(SyncDirectory(env(), directory));
  QUORATE_RETURN_IF_ERROR(SyncDirectory(env(), data_dir_));
  absl::Status status = Replace(directory);
  if (!status.ok()) fatal_->Trip("state_install_failed", status);
  return status;
}

// The order of the two renames is what a start relies on
// (FinishInterruptedInstall); they are durable before the old state goes.
absl::Status RocksDbStateStore::Replace(const std::string& directory) {
  cursors_->WaitForNone();
  // What it could not write was of the state that goes.
  db_->Close().PermitUncheckedError();
  db_ = nullptr;
  const std::string folder = Folder(kStateFolder);
  const std::string replaced = Folder(kReplacedStateFolder);
  QUORATE_RETURN_IF_ERROR(FromRocksDb(env()->RenameFile(folder, replaced)));
  QUORATE_RETURN_IF_ERROR(FromRocksDb(env()->RenameFile(directory, folder)));
  QUORATE_RETURN_IF_ERROR(SyncDirectory(env(), data_dir_));
  QUORATE_RETURN_IF_ERROR(OpenDatabase());
  return RemoveTree(env(), replaced);
}

}  // namespace quorate::replication

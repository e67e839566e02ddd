#include "replication/storage/rocksdb_state_store.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"

#include "base/check.h"
#include "base/ordered_encoding.h"
#include "base/status.h"
#include "replication/storage/bootstrap.h"
#include "replication/storage/key_space.h"
#include "replication/storage/rocksdb_options.h"

namespace quorate::replication {
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

// Writes the format version to a store that is empty, checks it in others.
absl::Status CheckFormat(rocksdb::DB* db) {
  const std::string expected =
      SealRecord(kFormatKey, Ordered64(kFormatVersion));
  std::string record;
  const rocksdb::Status status =
      db->Get(rocksdb::ReadOptions(), kFormatKey, &record);
  if (status.IsNotFound()) {
    return FromRocksDb(db->Put(rocksdb::WriteOptions(), kFormatKey, expected));
  }
  QUORATE_RETURN_IF_ERROR(FromRocksDb(status));
  QUORATE_RETURN_IF_ERROR(OpenRecord(kFormatKey, record).status());
  if (record != expected) {
    return absl::FailedPreconditionError(
        "it was written in another format version");
  }
  return absl::OkStatus();
}

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

RocksDbStateStore::RocksDbStateStore(std::unique_ptr<rocksdb::DB> db,
                                     std::shared_ptr<FatalLatch> fatal)
    : db_(std::move(db)), fatal_(std::move(fatal)) {}

RocksDbStateStore::~RocksDbStateStore() {
  // An error here is of no consequence: the log has what is lost.
  db_->Close().PermitUncheckedError();
}

absl::StatusOr<std::unique_ptr<RocksDbStateStore>> RocksDbStateStore::Open(
    const std::string& data_dir, const StateStoreOptions& options) {
  const std::string folder = absl::StrCat(data_dir, "/", kStateFolder);
  rocksdb::Env* const env = EnvOrDefault(options.env);
  QUORATE_RETURN_IF_ERROR(FromRocksDb(env->CreateDirIfMissing(data_dir)));
  QUORATE_RETURN_IF_ERROR(FromRocksDb(env->CreateDirIfMissing(folder)));
  auto fatal = std::make_shared<FatalLatch>(options.fatal);
  const rocksdb::Options settings = StateDatabaseOptions(
      {.env = options.env,
       .write_buffer_bytes = options.write_buffer_bytes,
       .background_compaction = options.background_compaction,
       .fatal = fatal});
  rocksdb::DB* opened = nullptr;
  const absl::Status status =
      FromRocksDb(rocksdb::DB::Open(settings, folder, &opened));
  if (!status.ok()) return NotToBeUsed(folder, status);
  std::unique_ptr<RocksDbStateStore> store(new RocksDbStateStore(
      std::unique_ptr<rocksdb::DB>(opened), std::move(fatal)));
  const absl::Status format = CheckFormat(opened);
  if (!format.ok()) return NotToBeUsed(folder, format);
  return store;
}

void RocksDbStateStore::Write(const std::vector<RecordChange>& changes,
                              const AppliedPosition& position) {
  if (fatal_->tripped()) return;
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
  std::string record;
  const rocksdb::Status status =
      db_->Get(rocksdb::ReadOptions(), kPositionKey, &record);
  if (status.IsNotFound()) return AppliedPosition();
  QUORATE_RETURN_IF_ERROR(FromRocksDb(status));
  return OpenPosition(record);
}

absl::Status RocksDbStateStore::ForEach(
    const std::function<absl::Status(absl::string_view key,
                                     absl::string_view value)>& visit) const {
  const rocksdb::Slice lower = ToSlice(kRecordPrefix);
  const rocksdb::Slice upper = ToSlice(kAfterRecords);
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &lower;
  options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    absl::string_view key = FromSlice(it->key());
    key.remove_prefix(kRecordPrefix.size());
    QUORATE_RETURN_IF_ERROR(visit(key, FromSlice(it->value())));
  }
  return FromRocksDb(it->status());
}

}  // namespace quorate::replication

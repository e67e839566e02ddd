#include "replication/storage/rocksdb_options.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "rocksdb/cache.h"
#include "rocksdb/listener.h"
#include "rocksdb/table.h"

#include "base/log.h"
#include "base/status.h"

namespace quorate::replication {
namespace {

// Entries are read back from tables only by a follower that is far behind.
constexpr size_t kBlockCacheBytes = 8 << 20;

constexpr size_t kMaxManifestBytes = 4 << 20;

constexpr size_t kManifestStepBytes = 64 << 10;

constexpr size_t kVerifyReadBytes = 1 << 20;

// Turns every error of a background thread into the end of the process:
// RocksDB would go on in read-only mode, or try to resume by itself.
class FatalListener : public rocksdb::EventListener {
 public:
  // The latch is shared with the store.
  explicit FatalListener(std::shared_ptr<FatalLatch> fatal)
      : fatal_(std::move(fatal)) {}

  void OnBackgroundError(rocksdb::BackgroundErrorReason,
                         rocksdb::Status* status) override {
    fatal_->Trip("background_error", FromRocksDb(*status));
  }

 private:
  // Shared with the store.
  const std::shared_ptr<FatalLatch> fatal_;
};

// What RocksDB 7.8 warns of and an operator must not be woken by: both are the
// shadow of what we do ourselves, each time.
//
// VerifyChecksum opens tables by their names, apart from the manifest, as
// number 0 and without an id to compare (block_based_table_reader.cc); each
// that is opened to be read is compared. A checkpoint forbids the deletion of
// files, and lists the files, which forbids it once more
// (DBImpl::GetLiveFilesStorageInfo); a third one would be news.
constexpr absl::string_view kExpectedWarnings[] = {
    "At least one SST file opened without unique ID to verify: 0.sst",
    "Another ~1000 SST files opened without unique ID to verify",
    "File Deletions Disabled, but already disabled. Counter: 2",
    "File Deletions Enable, but not really enabled. Counter: 1"};

bool IsExpected(absl::string_view text) {
  text = absl::StripTrailingAsciiWhitespace(text);
  // A line of RocksDB may begin with the place in its code: "[file:line] ".
  return std::any_of(std::begin(kExpectedWarnings), std::end(kExpectedWarnings),
                     [text](absl::string_view expected) {
                       return absl::EndsWith(text, expected);
                     });
}

// RocksDB's own warnings go where ours go; there is no LOG file to rotate.
class LineLogger : public rocksdb::Logger {
 public:
  LineLogger() : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}

  using rocksdb::Logger::Logv;

  void Logv(const rocksdb::InfoLogLevel level, const char* format,
            va_list arguments) override {
    if (level < rocksdb::InfoLogLevel::WARN_LEVEL ||
        level == rocksdb::InfoLogLevel::HEADER_LEVEL) {
      return;
    }
    char text[512];
    std::vsnprintf(text, sizeof(text), format, arguments);
    Log(IsExpected(text) ? LogLevel::kDebug : LogLevel::kWarn, "storage",
        "rocksdb", {{"text", text}});
  }

  void LogHeader(const char*, va_list) override {}

 protected:
  rocksdb::Status CloseImpl() override { return rocksdb::Status::OK(); }
};

rocksdb::Options SharedOptions(const DatabaseSettings& settings) {
  rocksdb::Options options;
  options.env = EnvOrDefault(settings.env);
  options.info_log = std::make_shared<LineLogger>();
  options.listeners.push_back(std::make_shared<FatalListener>(settings.fatal));

  // After a failed write nothing is known about the disk, and RocksDB 7.8's
  // resuming after a full disk says OK while writes go on failing (pitfalls 8
  // and 9). We end the process instead.
  options.max_bgerror_resume_count = 0;
  options.paranoid_checks = true;

  // Each write reaches the file in its own call: nothing acknowledged sits in
  // a buffer of RocksDB (pitfall 8, cockroach #32631).
  options.manual_wal_flush = false;
  // A recycled file has old records behind the new ones, which makes a torn
  // tail and damage look alike.
  options.recycle_log_file_num = 0;
  // There is one writer a database, so nothing gains from overlapping writes,
  // and plain writes are visible only when they are durable.
  options.enable_pipelined_write = false;
  options.unordered_write = false;
  options.two_write_queues = false;
  options.allow_concurrent_memtable_write = false;
  options.enable_write_thread_adaptive_yield = false;

  options.write_buffer_size = settings.write_buffer_bytes;
  options.max_write_buffer_number = 2;
  options.compression = rocksdb::kNoCompression;
  options.disable_auto_compactions = !settings.background_compaction;
  options.max_manifest_file_size = kMaxManifestBytes;
  // RocksDB's 4 MiB are a good part of a small disk.
  options.manifest_preallocation_size = kManifestStepBytes;

  // Few and small files: one flush and one compaction at a time will do, and
  // opening starts no threads to read tables.
  options.max_background_jobs = 2;
  options.max_file_opening_threads = 1;

  // No statistics, so no thread that wakes to write them.
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.skip_stats_update_on_db_open = true;

  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(kBlockCacheBytes);
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace

rocksdb::Options LogDatabaseOptions(const DatabaseSettings& settings) {
  rocksdb::Options options = SharedOptions(settings);
  // A write that was under way when the power went may be cut short at the
  // end. Damage anywhere else must not be taken for the end: the default,
  // kPointInTimeRecovery, would silently drop everything after it, votes
  // included (pitfall 10).
  options.wal_recovery_mode =
      rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  // A WAL that is missing, or shorter than it was when it was closed, is found
  // at the start.
  options.track_and_verify_wals_in_manifest = true;
  // Family "default" hardly grows; without a limit its last unflushed record
  // would keep every WAL since then.
  options.max_total_wal_size = 4 * settings.write_buffer_bytes;
  return options;
}

rocksdb::Options StateDatabaseOptions(const DatabaseSettings& settings) {
  rocksdb::Options options = SharedOptions(settings);
  // Writes are not synced; after a power loss the WAL may end anywhere, or
  // have lost a part. What came before it is a state the member once had, and
  // the log is replayed from there.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.create_if_missing = true;
  return options;
}

absl::Status FromRocksDb(const rocksdb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const std::string text = status.ToString();
  if (status.IsCorruption() || status.IsNotFound() ||
      status.IsInvalidArgument() || status.IsPathNotFound()) {
    return absl::DataLossError(text);
  }
  if (status.IsNoSpace()) return absl::ResourceExhaustedError(text);
  return absl::UnavailableError(text);
}

absl::Status VerifyTables(rocksdb::DB* db) {
  rocksdb::ReadOptions options;
  // Read once: the cache is for what is read again.
  options.fill_cache = false;
  // One large read in place of many small ones.
  options.readahead_size = kVerifyReadBytes;
  return FromRocksDb(db->VerifyChecksum(options));
}

rocksdb::Env* EnvOrDefault(rocksdb::Env* env) {
  return env == nullptr ? rocksdb::Env::Default() : env;
}

absl::Status SyncDirectory(rocksdb::Env* env, const std::string& dir) {
  std::unique_ptr<rocksdb::Directory> directory;
  QUORATE_RETURN_IF_ERROR(FromRocksDb(env->NewDirectory(dir, &directory)));
  return FromRocksDb(directory->Fsync());
}

}  // namespace quorate::replication

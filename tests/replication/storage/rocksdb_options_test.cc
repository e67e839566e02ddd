// What RocksDB says each time of our own doing is no warning; all else that it
// warns of is. A state is opened again and checkpointed, and RocksDB's logger
// is given lines of its own.

#include "replication/storage/rocksdb_options.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/check.h"
#include "base/log.h"
#include "base/mutex.h"
#include "replication/storage/rocksdb_state_store.h"
#include "tests/support/sim_file_system.h"

namespace quorate::replication {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// RocksDB logs from its own threads, too.
class Kept : public LogKeeper {
 public:
  Kept() { SetLogKeeper(this); }

  ~Kept() override { SetLogKeeper(nullptr); }

  void Keep(LogLevel level, absl::string_view area, absl::string_view event,
            const LogFields& fields) override {
    MutexLock lock(&mu_);
    std::string line = absl::StrCat(area, " ", event);
    for (const LogField& field : fields)
      absl::StrAppend(&line, " ", field.value);
    (level == LogLevel::kDebug ? debug_ : graver_).push_back(line);
  }

  void Flush(absl::Duration /*limit*/) override {}

  std::vector<std::string> debug() const {
    MutexLock lock(&mu_);
    return debug_;
  }

  std::vector<std::string> graver() const {
    MutexLock lock(&mu_);
    return graver_;
  }

 private:
  mutable Mutex mu_;
  std::vector<std::string> debug_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> graver_ ABSL_GUARDED_BY(mu_);
};

class RocksDbWarningsTest : public testing::Test {
 protected:
  RocksDbWarningsTest() { ConfigureLog(LogLevel::kDebug, ""); }

  ~RocksDbWarningsTest() override { ConfigureLog(LogLevel::kInfo, ""); }

  Kept kept_;
};

TEST_F(RocksDbWarningsTest, AStartAndASnapshotWarnOfNothing) {
  SimFileSystem files;
  const StateStoreOptions options{
      .env = files.env(),
      .fatal = [](absl::string_view, const absl::Status&) {}};
  for (uint64_t life = 1; life <= 3; ++life) {
    auto store = RocksDbStateStore::Open("/m1", options);
    QUORATE_CHECK_OK(store.status());
    (*store)->Write({{.key = "a", .value = absl::StrCat(life)}},
                    {.index = raft::Index(life), .term = raft::Term(1)});
    EXPECT_TRUE(
        (*store)->Checkpoint(absl::StrCat("/m1/state.checkpoint", life)).ok());
    EXPECT_TRUE(
        (*store)
            ->Install(absl::StrCat("/m1/state.checkpoint", life),
                      [](const StateReader&) { return absl::OkStatus(); })
            .ok());
  }
  EXPECT_THAT(kept_.graver(), IsEmpty());
  // The day they are not said any more, there is nothing to keep quiet.
  EXPECT_THAT(kept_.debug(),
              testing::Contains(testing::HasSubstr("without unique ID")));
  EXPECT_THAT(kept_.debug(),
              testing::Contains(testing::HasSubstr("already disabled")));
}

TEST_F(RocksDbWarningsTest, EverythingElseIsAWarning) {
  const std::shared_ptr<rocksdb::Logger> logger =
      StateDatabaseOptions({}).info_log;
  rocksdb::Warn(logger,
                "At least one SST file opened without unique ID to "
                "verify: %d.sst",
                10);
  rocksdb::Warn(logger,
                "File Deletions Disabled, but already disabled. "
                "Counter: %d",
                3);
  rocksdb::Warn(logger,
                "File Deletions Disabled, but already disabled. "
                "Counter: %d",
                22);
  rocksdb::Error(logger, "something else");
  rocksdb::Info(logger, "not even this");
  EXPECT_THAT(
      kept_.graver(),
      ElementsAre("storage rocksdb At least one SST file opened without "
                  "unique ID to verify: 10.sst",
                  "storage rocksdb File Deletions Disabled, but already "
                  "disabled. Counter: 3",
                  "storage rocksdb File Deletions Disabled, but already "
                  "disabled. Counter: 22",
                  "storage rocksdb something else"));
}

}  // namespace
}  // namespace quorate::replication

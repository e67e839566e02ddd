// Records and position always belong together, whatever happens to the process
// or the power. Both stores keep the contract of state_store.h on random
// changes; the one on disk is crashed at each file operation in turn.

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/check.h"
#include "base/log.h"
#include "replication/storage/memory_state_store.h"
#include "replication/storage/rocksdb_state_store.h"
#include "tests/support/seed.h"
#include "tests/support/sim_file_system.h"

namespace quorate::replication {
namespace {

using raft::Index;
using raft::Term;

struct ExpectedState {
  std::map<std::string, std::string> records;
  AppliedPosition position;

  void Apply(const std::vector<RecordChange>& changes,
             const AppliedPosition& at) {
    for (const RecordChange& change : changes) {
      if (change.value.has_value()) {
        records[change.key] = *change.value;
      } else {
        records.erase(change.key);
      }
    }
    position = at;
  }
};

std::vector<RecordChange> RandomChanges(Random* random) {
  std::vector<RecordChange> changes;
  for (uint64_t left = random->Below(6); left > 0; --left) {
    // Keys around the ends of the byte range, and one key changed twice.
    RecordChange change{.key = std::string(random->Between(1, 3), '\0')};
    for (char& byte : change.key) {
      byte = "\x00/r0m\xff"[random->Below(6)];
    }
    if (!random->OneIn(3)) {
      change.value =
          std::string(random->Below(50), static_cast<char>(random->Next()));
    }
    changes.push_back(std::move(change));
  }
  return changes;
}

AppliedPosition PositionAt(uint64_t index) {
  return {.index = Index(index),
          .term = Term(index / 10 + 1),
          .stamp = {.cluster_ms = static_cast<int64_t>(index * 7),
                    .calendar_ms = -static_cast<int64_t>(index)}};
}

// Empty where the store holds exactly `expected`.
std::string Difference(const StateReader& store,
                       const ExpectedState& expected) {
  const auto position = store.ReadPosition();
  if (!position.ok()) return position.status().ToString();
  if (*position != expected.position) {
    return absl::StrCat("position ", position->index.value(), " not ",
                        expected.position.index.value());
  }
  auto next = expected.records.begin();
  const absl::Status status =
      store.ForEach([&](absl::string_view key, absl::string_view value) {
        if (next == expected.records.end() || key != next->first ||
            value != next->second) {
          return absl::InternalError("a record differs, or the order");
        }
        ++next;
        return absl::OkStatus();
      });
  if (!status.ok()) return status.ToString();
  return next == expected.records.end() ? "" : "a record is missing";
}

TEST(MemoryStateStoreTest, ItHoldsWhatWasWritten) {
  Random random(1);
  MemoryStateStore store;
  ExpectedState expected;
  EXPECT_EQ(Difference(store, expected), "");
  for (uint64_t index = 1; index <= 200; ++index) {
    const auto changes = RandomChanges(&random);
    store.Write(changes, PositionAt(index));
    expected.Apply(changes, PositionAt(index));
    ASSERT_EQ(Difference(store, expected), "");
  }
}

class RocksDbStateStoreTest : public testing::Test {
 protected:
  std::unique_ptr<RocksDbStateStore> Open() {
    auto opened = RocksDbStateStore::Open("/m1", options_);
    QUORATE_CHECK_OK(opened.status());
    return *std::move(opened);
  }

  SimFileSystem files_;
  std::vector<std::string> fatal_events_;
  StateStoreOptions options_{
      .env = files_.env(),
      .fatal = [this](
                   absl::string_view event,
                   const absl::Status&) { fatal_events_.emplace_back(event); },
      .background_compaction = false};
};

TEST_F(RocksDbStateStoreTest, ItHoldsWhatWasWrittenAlsoAfterAKill) {
  for (const uint64_t seed : TestSeeds(1, 20)) {
    SCOPED_TRACE(ReplayLine(seed, "state_store_test", "*AfterAKill"));
    SimFileSystem files;
    options_.env = files.env();
    Random random(seed);
    ExpectedState expected;
    auto store = Open();
    for (uint64_t index = 1; index <= 60; ++index) {
      const auto changes = RandomChanges(&random);
      store->Write(changes, PositionAt(index));
      expected.Apply(changes, PositionAt(index));
      if (!random.OneIn(15)) continue;
      files.disk().KillProcess();
      store = nullptr;
      store = Open();
      ASSERT_EQ(Difference(*store, expected), "");
    }
    EXPECT_EQ(Difference(*store, expected), "");
  }
}

// Crashes at the `operation`th change of the disk; returns what is wrong.
std::string CrashAndLook(uint64_t operation, Random* random) {
  SimFileSystem files;
  const StateStoreOptions options{
      .env = files.env(),
      .fatal = [](absl::string_view, const absl::Status&) {},
      .background_compaction = false};
  std::vector<ExpectedState> history(1);
  for (int life = 0; life < 3; ++life) {
    if (life < 2) files.disk().PowerOffAt(operation);
    auto store = RocksDbStateStore::Open("/m1", options);
    if (files.disk().powered() && !store.ok()) {
      return store.status().ToString();
    }
    if (files.disk().powered()) {
      size_t found = history.size();
      while (found > 0 && !Difference(**store, history[found - 1]).empty()) {
        --found;
      }
      if (found == 0) return "a mixture of states";
      history.resize(found);
    }
    for (int i = 0; i < 30 && files.disk().powered(); ++i) {
      history.push_back(history.back());
      const auto changes = RandomChanges(random);
      const AppliedPosition position =
          PositionAt(history.back().position.index.value() + 1);
      history.back().Apply(changes, position);
      (*store)->Write(changes, position);
    }
    files.Crash(random, {.tail_loss = random->OneIn(3) ? TailLoss::kDrop
                                                       : TailLoss::kPrefix});
  }
  return "";
}

TEST_F(RocksDbStateStoreTest, APowerLossLeavesAStateThatItHad) {
  ConfigureLog(LogLevel::kOff, "");
  for (const uint64_t seed : TestSeeds(1, 3)) {
    for (uint64_t operation = 1; operation <= 70; ++operation) {
      SCOPED_TRACE(absl::StrCat("operation ", operation, " ",
                                ReplayLine(seed, "state_store_test", "*Had")));
      Random random(seed * 1000 + operation);
      ASSERT_EQ(CrashAndLook(operation, &random), "");
    }
  }
  ConfigureLog(LogLevel::kInfo, "");
}

// A torn write may also come with zeros behind it.
TEST_F(RocksDbStateStoreTest, ZerosAtTheEndAreAStateThatItHad) {
  for (const uint64_t seed : TestSeeds(1, 40)) {
    SCOPED_TRACE(ReplayLine(seed, "state_store_test", "*Zeros*"));
    SimFileSystem files;
    options_.env = files.env();
    Random random(seed);
    std::vector<ExpectedState> history(1);
    auto store = Open();
    for (uint64_t index = 1; index <= 30; ++index) {
      history.push_back(history.back());
      const auto changes = RandomChanges(&random);
      history.back().Apply(changes, PositionAt(index));
      store->Write(changes, PositionAt(index));
    }
    store = nullptr;
    files.Crash(&random, {.tail_loss = TailLoss::kPrefixThenZeros});
    store = Open();
    const auto position = store->ReadPosition();
    ASSERT_TRUE(position.ok()) << position.status();
    EXPECT_EQ(Difference(*store, history[position->index.value()]), "");
  }
}

TEST_F(RocksDbStateStoreTest, WritesAreNotSynced) {
  const auto store = Open();
  files_.disk().FailNth(DiskOperation::kSync, 1, DiskError::kIo);
  store->Write({{.key = "a", .value = "1"}}, PositionAt(1));
  EXPECT_TRUE(fatal_events_.empty());
}

TEST_F(RocksDbStateStoreTest, AFailedWriteIsFatalAndNothingFollows) {
  const auto store = Open();
  store->Write({{.key = "a", .value = "1"}}, PositionAt(1));
  files_.disk().FailNth(DiskOperation::kWrite, 1, DiskError::kNoSpace);
  store->Write({{.key = "b", .value = "2"}}, PositionAt(2));
  ASSERT_EQ(fatal_events_.size(), 1u);
  const uint64_t operations = files_.disk().operations();
  store->Write({{.key = "c", .value = "3"}}, PositionAt(3));
  EXPECT_EQ(files_.disk().operations(), operations);
  EXPECT_EQ(fatal_events_.size(), 1u);
}

TEST_F(RocksDbStateStoreTest, AVisitThatFailsStopsAndIsReturned) {
  const auto store = Open();
  store->Write({{.key = "a", .value = "1"}, {.key = "b", .value = "2"}},
               PositionAt(1));
  int visited = 0;
  EXPECT_EQ(store->ForEach([&](absl::string_view, absl::string_view) {
    ++visited;
    return absl::CancelledError("enough");
  }),
            absl::CancelledError("enough"));
  EXPECT_EQ(visited, 1);
}

// Two stores that each hold something else.
template <typename Store>
void ExpectCheckpointAndInstall(Store* from, Store* to,
                                const std::string& directory) {
  ExpectedState saved;
  for (uint64_t index = 1; index <= 20; ++index) {
    const std::vector<RecordChange> changes = {
        {.key = absl::StrCat("k", index % 7), .value = absl::StrCat(index)}};
    from->Write(changes, PositionAt(index));
    saved.Apply(changes, PositionAt(index));
  }
  to->Write({{.key = "other", .value = "x"}}, PositionAt(3));
  ASSERT_EQ(from->Checkpoint(directory), absl::OkStatus());
  from->Write({{.key = "later", .value = "x"}}, PositionAt(21));

  EXPECT_EQ(to->Install(directory,
                        [](const StateReader&) {
                          return absl::DataLossError("another cluster's");
                        })
                .code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(to->ReadPosition()->index, Index(3));
  EXPECT_EQ(to->Install(directory,
                        [&saved](const StateReader& candidate) {
                          EXPECT_EQ(Difference(candidate, saved), "");
                          return absl::OkStatus();
                        }),
            absl::OkStatus());
  EXPECT_EQ(Difference(*to, saved), "");
  // It goes on from there, and the directory is consumed.
  to->Write({{.key = "k1", .value = "on"}}, PositionAt(21));
  saved.Apply({{.key = "k1", .value = "on"}}, PositionAt(21));
  EXPECT_EQ(Difference(*to, saved), "");
  EXPECT_FALSE(to->Install(directory, [](const StateReader&) {
                   return absl::OkStatus();
                 }).ok());
  EXPECT_EQ(Difference(*to, saved), "");
}

TEST(MemoryStateStoreTest, ACheckpointReplacesAnotherState) {
  MemoryStateStore from;
  MemoryStateStore to;
  ExpectCheckpointAndInstall(&from, &to, "/m2/state.received");
}

TEST_F(RocksDbStateStoreTest, ACheckpointReplacesAnotherState) {
  const auto from = Open();
  auto to = RocksDbStateStore::Open("/m2", options_);
  ASSERT_TRUE(to.ok()) << to.status();
  ExpectCheckpointAndInstall(from.get(), to->get(), "/m2/state.received");
  *to = nullptr;
  to = RocksDbStateStore::Open("/m2", options_);
  ASSERT_TRUE(to.ok()) << to.status();
  EXPECT_EQ((*to)->ReadPosition()->index, Index(21));
  EXPECT_TRUE(fatal_events_.empty());
}

constexpr char kReceived[] = "/m1/state.received";

absl::Status AcceptAll(const StateReader&) {
  return absl::OkStatus();
}

TEST_F(RocksDbStateStoreTest, ACheckpointIsDurableAndWhole) {
  ExpectedState expected;
  {
    const auto store = Open();
    Random random(5);
    for (uint64_t index = 1; index <= 40; ++index) {
      const auto changes = RandomChanges(&random);
      store->Write(changes, PositionAt(index));
      expected.Apply(changes, PositionAt(index));
    }
    ASSERT_EQ(store->Checkpoint(kReceived), absl::OkStatus());
    files_.disk().PowerOff();
  }
  Random crash(1);
  files_.Crash(&crash, {.tail_loss = TailLoss::kDrop});
  // Nothing else of this store is needed.
  const auto store = Open();
  ASSERT_EQ(store->Install(kReceived, AcceptAll), absl::OkStatus());
  EXPECT_EQ(Difference(*store, expected), "");
}

// A member with a state of its own and one that was sent to it.
class InstallingMember {
 public:
  InstallingMember() {
    const std::vector<RecordChange> mine = {{.key = "b", .value = "own"}};
    own_.Apply(mine, PositionAt(10));
    Open()->Write(mine, PositionAt(10));
    SimDisk::Handle root;
    disk().Open("/", &root);
    disk().SyncFolder(root);
    Open();  // A start makes tables, so that this state is durable.
    const std::vector<RecordChange> theirs = {{.key = "a", .value = "sent"}};
    sent_.Apply(theirs, PositionAt(99));
    const auto sender = RocksDbStateStore::Open("/sent", options_);
    (*sender)->Write(theirs, PositionAt(99));
    QUORATE_CHECK_OK((*sender)->Checkpoint(kReceived));
  }

  SimDisk& disk() { return files_.disk(); }

  std::unique_ptr<RocksDbStateStore> Open() {
    auto opened = RocksDbStateStore::Open("/m1", options_);
    if (!opened.ok()) QUORATE_CHECK(!disk().powered());
    return opened.ok() ? *std::move(opened) : nullptr;
  }

  bool Install() { return Open()->Install(kReceived, AcceptAll).ok(); }

  // With the power at the `operation`th change of the disk.
  bool InterruptedInstall(uint64_t operation) {
    const auto store = Open();
    disk().PowerOffAt(operation);
    return store->Install(kReceived, AcceptAll).ok() && disk().powered();
  }

  void Crash(Random* random) {
    disk().PowerOff();
    files_.Crash(random, {.tail_loss = TailLoss::kPrefix});
  }

  // What is wrong with what a start finds. Installs what is left to install.
  std::string Look(bool installed) {
    {
      const auto store = Open();
      if (Difference(*store, sent_).empty()) return "";
      const std::string difference = Difference(*store, own_);
      if (!difference.empty()) return difference;
      if (installed) return "an installed state was lost";
    }
    if (!Install()) return "the snapshot is gone and not installed";
    return Difference(*Open(), sent_);
  }

 private:
  SimFileSystem files_;
  const StateStoreOptions options_{
      .env = files_.env(),
      .fatal = [](absl::string_view, const absl::Status&) {},
      .background_compaction = false};
  ExpectedState own_;
  ExpectedState sent_;
};

TEST_F(RocksDbStateStoreTest, ACrashInInstallLeavesOneStateOrTheOther) {
  ConfigureLog(LogLevel::kOff, "");
  int interrupted = 0;
  for (uint64_t operation = 1; operation <= 60; ++operation) {
    for (uint64_t second = 0; second <= 12; second += 1 + operation % 3) {
      SCOPED_TRACE(absl::StrCat("operation ", operation, ", ", second));
      Random random(operation * 100 + second);
      InstallingMember member;
      const bool installed = member.InterruptedInstall(operation);
      if (!installed) ++interrupted;
      member.Crash(&random);
      if (second > 0) {  // Another crash, in the start after it.
        member.disk().PowerOffAt(second);
        member.Open();
        member.Crash(&random);
      }
      ASSERT_EQ(member.Look(installed), "");
    }
  }
  ConfigureLog(LogLevel::kInfo, "");
  EXPECT_GT(interrupted, 60);
  EXPECT_TRUE(InstallingMember().InterruptedInstall(60))
      << "the walk ends too early";
}

TEST_F(RocksDbStateStoreTest, ADamagedTableIsNoticed) {
  ExpectedState expected;
  for (int life = 0; life < 2; ++life) {  // A start makes tables of the WAL.
    const auto store = Open();
    const std::vector<RecordChange> changes = {{.key = "a", .value = "1"},
                                               {.key = "b", .value = "2"}};
    store->Write(changes, PositionAt(1));
    expected.Apply(changes, PositionAt(1));
  }
  ConfigureLog(LogLevel::kOff, "");
  std::vector<std::string> names;
  files_.disk().List("/m1/state", &names);
  int refused = 0;
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, ".sst")) continue;
    const std::string path = absl::StrCat("/m1/state/", name);
    std::string bytes = files_.disk().Contents(path);
    bytes[20] = static_cast<char>(bytes[20] ^ 4);
    files_.disk().Overwrite(path, bytes);
    const auto store = RocksDbStateStore::Open("/m1", options_);
    const absl::Status status =
        !store.ok()
            ? store.status()
            : (*store)->ForEach([](absl::string_view, absl::string_view) {
                return absl::OkStatus();
              });
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    ++refused;
  }
  ConfigureLog(LogLevel::kInfo, "");
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace quorate::replication

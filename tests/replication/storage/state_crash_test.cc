// After a crash at any point a state opens, and is one that it had. The power
// goes at each file operation in turn of writes that fill tables and of
// checkpoints, on a disk that loses what was not synced, tears it, or leaves
// zeros; then the state is opened and read.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/log.h"
#include "base/random.h"
#include "replication/storage/rocksdb_state_store.h"
#include "tests/support/seed.h"
#include "tests/support/sim_file_system.h"

namespace quorate::replication {
namespace {

using Records = std::map<std::string, std::string>;

// Runs one state through lives that end with the power.
class CrashingState {
 public:
  CrashingState(uint64_t seed, TailLoss tail_loss)
      : random_(seed), crash_{.tail_loss = tail_loss} {}

  SimDisk& disk() { return files_.disk(); }

  // Opens the state and writes until the power is gone or `writes` are done.
  // Returns what is wrong, or nothing.
  std::string Live(int writes) {
    auto opened = RocksDbStateStore::Open("/m1", options_);
    if (!disk().powered()) return "";
    if (!opened.ok()) return opened.status().ToString();
    const std::string wrong = CheckFound(**opened);
    if (!wrong.empty()) return wrong;
    for (int i = 0; i < writes && disk().powered(); ++i) {
      Write(opened->get());
      if (!random_.OneIn(4)) continue;
      // Makes a table of what is in memory, as a snapshot does.
      const absl::Status status =
          (*opened)->Checkpoint(absl::StrCat("/m1/checkpoint", checkpoints_++));
      SimFileSystem::WaitForBackground();
      if (!status.ok() && disk().powered()) {
        return absl::StrCat("checkpoint: ", status.ToString());
      }
    }
    return "";
  }

  void Crash() { files_.Crash(&random_, crash_); }

 private:
  // Whatever was not synced may be gone, so it may be any that there was.
  std::string CheckFound(const RocksDbStateStore& store) {
    const auto position = store.ReadPosition();
    if (!position.ok()) return position.status().ToString();
    Records records;
    const absl::Status status = store.ForEach(
        [&records](absl::string_view key, absl::string_view value) {
          records[std::string(key)] = std::string(value);
          return absl::OkStatus();
        });
    if (!status.ok()) return status.ToString();
    const size_t index = position->index.value();
    if (index >= states_.size()) return "a position that was never written";
    if (records != states_[index]) {
      return absl::StrCat("not the state of index ", index);
    }
    states_.resize(index + 1);
    return "";
  }

  void Write(RocksDbStateStore* store) {
    Records next = states_.back();
    const std::string key = absl::StrCat("k", random_.Below(9));
    const std::string value(random_.Below(300), 'v');
    next[key] = value;
    store->Write({{.key = key, .value = value}},
                 {.index = raft::Index(states_.size()), .term = raft::Term(1)});
    states_.push_back(std::move(next));
  }

  Random random_;
  const CrashOptions crash_;
  SimFileSystem files_;
  // Without power every write fails; the check of the power comes after it.
  const StateStoreOptions options_{
      .env = files_.env(),
      .fatal = [](absl::string_view, const absl::Status&) {},
      .background_compaction = false};

  std::vector<Records> states_ = {{}};  // By the index of the position.
  int checkpoints_ = 0;
};

class StateCrashTest : public testing::TestWithParam<TailLoss> {
 protected:
  StateCrashTest() { ConfigureLog(LogLevel::kOff, ""); }

  ~StateCrashTest() override { ConfigureLog(LogLevel::kInfo, ""); }
};

TEST_P(StateCrashTest, OpensAsOneThatItHadAfterACrashAtAnyOperation) {
  for (const uint64_t seed : TestSeeds(1, 1)) {
    uint64_t ended_by_power = 0;
    // Not each one: RocksDB waits a second where a flush meets a dead disk.
    for (uint64_t operation = 1; operation <= 150; operation += 6) {
      SCOPED_TRACE(absl::StrCat("operation ", operation, " ",
                                ReplayLine(seed, "state_crash_test", "*")));
      CrashingState state(seed * 1000 + operation, GetParam());
      state.disk().PowerOffAt(operation);
      ASSERT_EQ(state.Live(30), "");
      if (!state.disk().powered()) ++ended_by_power;
      for (int life = 0; life < 3; ++life) {
        state.Crash();
        ASSERT_EQ(state.Live(8), "");
      }
    }
    EXPECT_GT(ended_by_power, 15u) << "the walk ends too early";
  }
}

TEST_P(StateCrashTest, OpensAfterLivesThatEndAtRandom) {
  for (const uint64_t seed : TestSeeds(1, 2)) {
    SCOPED_TRACE(ReplayLine(seed, "state_crash_test", "*"));
    Random random(seed);
    CrashingState state(seed, GetParam());
    for (int life = 0; life < 10; ++life) {
      state.disk().PowerOffAt(random.Between(1, 150));
      ASSERT_EQ(state.Live(static_cast<int>(random.Below(60))), "");
      state.Crash();
    }
    ASSERT_EQ(state.Live(1), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Tails, StateCrashTest,
                         testing::Values(TailLoss::kDrop, TailLoss::kPrefix,
                                         TailLoss::kPrefixThenZeros));

}  // namespace
}  // namespace quorate::replication

// A state that was damaged on disk is refused, or is one that it had; it is
// never read as something else. Every file of a state is removed and damaged
// bit by bit, then opened and read.

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
#include "base/random.h"
#include "replication/storage/rocksdb_state_store.h"
#include "tests/support/sim_file_system.h"

namespace quorate::replication {
namespace {

constexpr char kFolder[] = "/m1/state";

enum class Verdict {
  kRefused,  // DATA_LOSS
  kSame,
  kEarlier,  // A state that it had: the log has the rest.
  kWrong,
};

struct State {
  std::map<std::string, std::string> records;
  AppliedPosition position;

  friend bool operator==(const State&, const State&) = default;
};

class StateDamageTest : public testing::Test {
 protected:
  StateDamageTest() {
    ConfigureLog(LogLevel::kOff, "");
    Random random(7);
    for (int life = 0; life < 3; ++life) {  // A start makes tables of the WAL.
      auto store = RocksDbStateStore::Open("/m1", options_);
      QUORATE_CHECK_OK(store.status());
      for (int i = 0; i < 12; ++i) {
        history_.push_back(state_);
        const std::string key = absl::StrCat("k", random.Below(9));
        const std::string value(random.Below(300), 'v');
        state_.records[key] = value;
        state_.position.index = state_.position.index.Next();
        state_.position.term = raft::Term(1);
        (*store)->Write({{.key = key, .value = value}}, state_.position);
      }
    }
    std::vector<std::string> names;
    files_.disk().List(kFolder, &names);
    for (const std::string& name : names) {
      good_.emplace_back(name, files_.disk().Contents(Path(name)));
    }
  }

  ~StateDamageTest() override { ConfigureLog(LogLevel::kInfo, ""); }

  static std::string Path(absl::string_view name) {
    return absl::StrCat(kFolder, "/", name);
  }

  void Restore() {
    std::vector<std::string> names;
    files_.disk().List(kFolder, &names);
    for (const std::string& name : names) {
      files_.disk().Remove(Path(name));
    }
    for (const auto& [name, bytes] : good_) {
      SimDisk::Handle file;
      files_.disk().Create(Path(name), &file);
      files_.disk().Overwrite(Path(name), bytes);
    }
  }

  Verdict Open() {
    const auto store = RocksDbStateStore::Open("/m1", options_);
    if (!store.ok()) return Refusal(store.status());
    const auto position = (*store)->ReadPosition();
    if (!position.ok()) return Refusal(position.status());
    State found{.position = *position};
    const absl::Status status = (*store)->ForEach(
        [&found](absl::string_view key, absl::string_view value) {
          found.records[std::string(key)] = std::string(value);
          return absl::OkStatus();
        });
    if (!status.ok()) return Refusal(status);
    if (found == state_) return Verdict::kSame;
    for (const State& earlier : history_) {
      if (found == earlier) return Verdict::kEarlier;
    }
    return Verdict::kWrong;
  }

  static Verdict Refusal(const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    return Verdict::kRefused;
  }

  SimFileSystem files_;
  const StateStoreOptions options_{
      .env = files_.env(),
      .fatal = [](absl::string_view, const absl::Status&) {},
      .background_compaction = false};
  State state_;
  std::vector<State> history_;
  std::vector<std::pair<std::string, std::string>> good_;
};

TEST_F(StateDamageTest, AFlippedBitIsNoticedOrCostsNothingThatTheLogLacks) {
  for (const auto& [name, bytes] : good_) {
    const bool wal = absl::EndsWith(name, ".log");
    const bool counts = wal || absl::EndsWith(name, ".sst") ||
                        name == "CURRENT" || absl::StartsWith(name, "MANIFEST");
    size_t same = 0;
    size_t tried = 0;
    const size_t step = bytes.size() / (counts ? 300 : 10) + 1;
    for (size_t at = 0; at < bytes.size(); at += step) {
      Restore();
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
      files_.disk().Overwrite(Path(name), damaged);
      const Verdict verdict = Open();
      ++tried;
      if (verdict == Verdict::kSame) ++same;
      // Only the WAL may be cut: its rest is replayed from the log.
      EXPECT_TRUE(verdict == Verdict::kRefused || verdict == Verdict::kSame ||
                  (wal && verdict == Verdict::kEarlier))
          << name << " byte " << at << " " << static_cast<int>(verdict);
    }
    if (counts) EXPECT_LE(same, tried / 10) << name;
  }
}

TEST_F(StateDamageTest, AMissingFileIsNoticedOrCostsNothingThatTheLogLacks) {
  for (const auto& [name, bytes] : good_) {
    Restore();
    files_.disk().Remove(Path(name));
    const Verdict verdict = Open();
    if (absl::EndsWith(name, ".sst") || absl::StartsWith(name, "MANIFEST")) {
      EXPECT_EQ(verdict, Verdict::kRefused) << name;
    }
    EXPECT_NE(verdict, Verdict::kWrong) << name;
  }
}

}  // namespace
}  // namespace quorate::replication

// Whatever a log acknowledged is there after a crash at any point, and nothing
// that is half there. The power goes at each file operation in turn of random
// appends, on a disk that loses what was not synced; then the log is opened.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "replication/storage/rocksdb_log_store.h"
#include "tests/replication/storage/log_samples.h"
#include "tests/support/seed.h"
#include "tests/support/sim_file_system.h"

namespace quorate::replication {
namespace {

// Runs one member through lives that end with the power, and checks what each
// finds.
class CrashingMember {
 public:
  CrashingMember(uint64_t seed, TailLoss tail_loss)
      : random_(seed), crash_{.tail_loss = tail_loss} {
    possible_.emplace_back();
  }

  SimDisk& disk() { return files_.disk(); }

  // Makes the member's directory, or as much of it as there is power for.
  std::string Create() {
    const absl::Status status =
        RocksDbLogStore::Create("/m1", FirstMember(), ThreeMembers(), options_);
    created_ = created_ || status.ok();
    return disk().powered() ? std::string(status.message()) : "";
  }

  // Opens the log and appends until the power is gone or `works` are done.
  // Returns what is wrong, or nothing.
  std::string Live(int works) {
    auto opened = RocksDbLogStore::Open("/m1", kClusterId, options_);
    if (!disk().powered()) return "";
    if (opened.status().code() == absl::StatusCode::kNotFound && !created_) {
      return Create();
    }
    if (!opened.ok()) return opened.status().ToString();
    const std::string wrong = CheckFound(**opened);
    if (!wrong.empty()) return wrong;
    for (int i = 0; i < works && disk().powered(); ++i) {
      AppendTo(opened->get());
    }
    return "";
  }

  void Crash() { files_.Crash(&random_, crash_); }

 private:
  // The log must be one of those that the crash may have left.
  std::string CheckFound(const RocksDbLogStore& store) {
    std::string differences;
    for (const ExpectedLog& possible : possible_) {
      const std::string difference = Difference(store, possible);
      if (difference.empty()) {
        ExpectedLog found = possible;
        possible_.assign(1, std::move(found));
        created_ = true;
        return "";
      }
      absl::StrAppend(&differences, difference, "; ");
    }
    return differences;
  }

  void AppendTo(RocksDbLogStore* store) {
    const LogWrite write = ToWrite(RandomWork(&random_, possible_.back()));
    ExpectedLog next = possible_.back();
    next.Apply(write);
    store->Append(write);
    // A write that was acknowledged and synced leaves no choice. Without
    // power, or without a sync, it and those before may be there or not.
    if (disk().powered() && write.must_sync) possible_.clear();
    possible_.push_back(std::move(next));
  }

  Random random_;
  const CrashOptions crash_;
  SimFileSystem files_;
  // Without power every write fails; the check of the power comes after it.
  const LogStoreOptions options_{
      .env = files_.env(),
      .fatal = [](absl::string_view, const absl::Status&) {},
      .background_compaction = false};

  bool created_ = false;
  // What the log may hold after a crash now, oldest first. Never empty.
  std::vector<ExpectedLog> possible_;
};

class LogCrashTest : public testing::TestWithParam<TailLoss> {};

TEST_P(LogCrashTest, NothingAcknowledgedIsLostAtAnyOperation) {
  for (const uint64_t seed : TestSeeds(1, 1)) {
    uint64_t ended_by_power = 0;
    // Beyond the last operation of Create, Open, 12 works and the next Open.
    for (uint64_t operation = 1; operation <= 130; ++operation) {
      SCOPED_TRACE(absl::StrCat("operation ", operation, " ",
                                ReplayLine(seed, "log_crash_test", "*")));
      CrashingMember member(seed * 1000 + operation, GetParam());
      member.disk().PowerOffAt(operation);
      ASSERT_EQ(member.Create(), "");
      if (member.disk().powered()) ASSERT_EQ(member.Live(12), "");
      if (member.disk().powered()) ASSERT_EQ(member.Live(0), "");
      if (!member.disk().powered()) ++ended_by_power;
      for (int life = 0; life < 3; ++life) {
        member.Crash();
        ASSERT_EQ(member.Live(5), "");
      }
    }
    EXPECT_GT(ended_by_power, 100u) << "the walk ends too early";
  }
}

TEST_P(LogCrashTest, LivesThatEndAtRandomKeepWhatWasAcknowledged) {
  for (const uint64_t seed : TestSeeds(1, 30)) {
    SCOPED_TRACE(ReplayLine(seed, "log_crash_test", "*"));
    Random random(seed);
    CrashingMember member(seed, GetParam());
    ASSERT_EQ(member.Create(), "");
    for (int life = 0; life < 8; ++life) {
      member.disk().PowerOffAt(random.Between(1, 120));
      ASSERT_EQ(member.Live(static_cast<int>(random.Below(40))), "");
      member.Crash();
    }
    ASSERT_EQ(member.Live(1), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Tails, LogCrashTest,
                         testing::Values(TailLoss::kDrop, TailLoss::kPrefix,
                                         TailLoss::kPrefixThenZeros));

}  // namespace
}  // namespace quorate::replication

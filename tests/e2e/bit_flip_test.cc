// Property: a flipped bit in any kind of file of a member is found at its next
// start, or does no harm; the member puts its data aside, comes back under a
// new id and votes again, while applications lose nothing.
// Method: a real member of three, started again by the test, is stopped; one
// bit in the middle of one file is turned; sixteen writers keep account.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <signal.h>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/clock.h"
#include "tests/e2e/api.h"
#include "tests/e2e/failover_report.h"
#include "tests/e2e/supervised_member.h"
#include "tests/e2e/test_cluster.h"
#include "tests/e2e/writers.h"
#include <nlohmann/json.hpp>

namespace quorate::e2e {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kLimit = absl::Seconds(120);

enum class Outcome {
  kHealed,    // Found; it came back under a new id.
  kHarmless,  // What the file said is known otherwise, or is of no use.
  kEither,    // Healed where the state shares the file, else no harm yet.
};

struct Kind {
  const char* title;
  const char* folder;  // Of the data directory; files in folders of it too.
  const char* prefix;
  const char* suffix;
  Outcome outcome;  // As docs/storage_format.md has it.
};

constexpr Kind kKinds[] = {
    {"raft write-ahead log", "raft", "", ".log", Outcome::kHealed},
    {"raft table", "raft", "", ".sst", Outcome::kHealed},
    {"raft MANIFEST", "raft", "MANIFEST-", "", Outcome::kHealed},
    {"raft CURRENT", "raft", "CURRENT", "", Outcome::kHealed},
    {"raft OPTIONS", "raft", "OPTIONS-", "", Outcome::kHarmless},
    {"raft IDENTITY", "raft", "IDENTITY", "", Outcome::kHarmless},
    {"raft synced mark", "raft", "synced", "", Outcome::kHarmless},
    {"raft count of starts", "raft", "starts", "", Outcome::kHealed},
    {"raft witnessed", "raft", "witnessed", "", Outcome::kHarmless},
    {"state write-ahead log", "state", "", ".log", Outcome::kHarmless},
    {"state table", "state", "", ".sst", Outcome::kHealed},
    {"state MANIFEST", "state", "MANIFEST-", "", Outcome::kHealed},
    {"state CURRENT", "state", "CURRENT", "", Outcome::kHealed},
    {"snapshot table", "snapshots", "", ".sst", Outcome::kEither},
    {"snapshot manifest", "snapshots", ".manifest", "", Outcome::kHarmless},
};
constexpr const Kind& kSnapshotManifest = kKinds[std::size(kKinds) - 1];

// The largest file of this kind; empty where there is none.
fs::path FindFile(const fs::path& data_dir, const Kind& kind) {
  fs::path best;
  std::error_code error;
  for (const auto& item :
       fs::recursive_directory_iterator(data_dir / kind.folder, error)) {
    const std::string name = item.path().filename().string();
    if (!item.is_regular_file() || item.file_size() == 0 ||
        !absl::StartsWith(name, kind.prefix) ||
        !absl::EndsWith(name, kind.suffix)) {
      continue;
    }
    if (best.empty() || item.file_size() > fs::file_size(best)) {
      best = item.path();
    }
  }
  return best;
}

// The mark has two pages with 16 bytes each; elsewhere the middle.
void FlipBit(const fs::path& path, bool at_begin) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto place =
      at_begin ? 3 : static_cast<std::streamoff>(fs::file_size(path) / 2);
  file.seekg(place);
  char byte = 0;
  file.get(byte);
  file.seekp(place);
  file.put(static_cast<char>(byte ^ 0x10));
}

void RemoveQuarantines(const fs::path& data_dir) {
  std::vector<fs::path> found;
  for (const auto& item : fs::directory_iterator(data_dir)) {
    if (absl::StartsWith(item.path().filename().string(), "quarantine-")) {
      found.push_back(item.path());
    }
  }
  for (const fs::path& each : found)
    fs::remove_all(each);
}

bool Votes(const TestCluster& cluster, const std::string& name) {
  const CommandResult list = cluster.Quorate({"members", "list", "-o", "json"});
  const auto json = nlohmann::json::parse(list.output, nullptr, false);
  if (!json.is_object() || !json.contains("members")) return false;
  for (const auto& member : json["members"]) {
    if (member.value("name", "") == name) {
      return member.value("part", "") == "MEMBER_PART_VOTER";
    }
  }
  return false;
}

class DamageTest : public testing::Test {
 protected:
  void SetUp() override {
    auto cluster = TestCluster::Start();
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = *std::move(cluster);
    leader_ = WaitForLeader(*cluster_);
    name_ = leader_ == "m3" ? "m2" : "m3";
    data_dir_ = cluster_->Member(name_).data_dir;
    std::ofstream(absl::StrCat(cluster_->dir(), "/", name_, "/config.toml"),
                  std::ios::app)
        << "[storage]\nsnapshot_entries = 1000\n";
    writers_ = std::make_unique<Writers>(cluster_.get());
    ASSERT_TRUE(writers_->Start().ok());
    member_ = std::make_unique<SupervisedMember>(cluster_.get(), name_);
    AwaitService();
  }

  void AwaitService() {
    const Environment environment =
        cluster_->EnvironmentWith(cluster_->Member(name_).endpoint);
    const absl::Duration end = SystemClock().SinceBoot() + kLimit;
    bool good = false;
    while (!good && SystemClock().SinceBoot() < end) {
      good = cluster_->Quorate({"status"}, environment).exit_code == 0 &&
             Votes(*cluster_, name_);
    }
    EXPECT_TRUE(good) << name_ << " does not vote and serve";
  }

  // Until there is a file of this kind: some are made only while it runs.
  void AwaitFile(const Kind& kind) const {
    const absl::Duration end = SystemClock().SinceBoot() + kLimit;
    while (FindFile(data_dir_, kind).empty() &&
           SystemClock().SinceBoot() < end) {
      writers_->NextAcknowledged(SystemClock().SinceBoot(), absl::Seconds(5));
    }
  }

  // Stops it, does `work` on its data, starts it, waits until it votes.
  void WhileDown(const std::function<void()>& work) {
    // Its write-ahead logs hold something then.
    for (int i = 0; i < 20; ++i) {
      writers_->NextAcknowledged(SystemClock().SinceBoot(), absl::Seconds(5));
    }
    const size_t ended = member_->exits().size();
    member_->Hold(true);
    member_->Signal(SIGKILL);
    ASSERT_TRUE(member_->AwaitExits(ended + 1, kLimit));
    work();
    member_->Hold(false);
    AwaitService();
  }

  void ExpectNothingLost() {
    writers_->Stop();
    Api api(cluster_->Member(leader_).endpoint, cluster_->environment());
    const WriterTotals totals = writers_->Audit(&api);
    PrintTotals(totals);
    ExpectZeros(totals);
  }

  std::unique_ptr<TestCluster> cluster_;
  std::string leader_;
  std::string name_;
  fs::path data_dir_;
  std::unique_ptr<Writers> writers_;
  std::unique_ptr<SupervisedMember> member_;
};

using BitFlipTest = DamageTest;

TEST_F(BitFlipTest, EachKindOfFileIsFoundAndHealed) {
  std::printf("%-24s %-10s %s\n", "bit flipped in", "outcome", "back after");
  for (const Kind& kind : kKinds) {
    AwaitFile(kSnapshotManifest);
    // A start writes tables out of what the write-ahead logs hold.
    WhileDown([] {});
    AwaitFile(kind);
    const int quarantined = member_->LogCount("comes_back");
    absl::Duration began;
    bool flipped = false;
    WhileDown([&] {
      const fs::path file = FindFile(data_dir_, kind);
      if (file.empty()) return;
      FlipBit(file, kind.prefix == std::string("synced"));
      flipped = true;
      began = SystemClock().SinceBoot();
    });
    ASSERT_TRUE(flipped) << "there is no " << kind.title;
    const bool healed = member_->LogCount("comes_back") > quarantined;
    std::printf("%-24s %-10s %.1f s\n", kind.title,
                healed ? "healed" : "harmless",
                absl::ToDoubleSeconds(SystemClock().SinceBoot() - began));
    std::fflush(stdout);
    if (kind.outcome != Outcome::kEither) {
      EXPECT_EQ(healed, kind.outcome == Outcome::kHealed) << kind.title;
    }
    RemoveQuarantines(data_dir_);
  }
  ExpectNothingLost();
}

using RolledBackTest = DamageTest;

TEST_F(RolledBackTest, ADirectoryThatWasPutBackIsRefusedAndHealed) {
  const fs::path aside = data_dir_.string() + ".aside";
  WhileDown([&] { fs::copy(data_dir_, aside, fs::copy_options::recursive); });
  // Two more starts: the copy is behind in starts and in its log.
  WhileDown([] {});
  writers_->NextAcknowledged(SystemClock().SinceBoot(), kLimit);
  WhileDown([] {});
  const absl::Duration began = SystemClock().SinceBoot();
  WhileDown([&] {
    fs::remove_all(data_dir_);
    fs::rename(aside, data_dir_);
  });
  const absl::Duration end = SystemClock().SinceBoot() + kLimit;
  while (member_->LogCount("comes_back") == 0 &&
         SystemClock().SinceBoot() < end) {
  }
  AwaitService();
  std::printf("put back, found, healed in %.1f s\n",
              absl::ToDoubleSeconds(SystemClock().SinceBoot() - began));
  EXPECT_EQ(member_->LogCount("comes_back"), 1);
  ExpectNothingLost();
}

// Nobody ever saw a later start of the copy than of itself; only what the
// others know of its log gives it away. It led, so it knew that itself and they
// by its word.
TEST_F(RolledBackTest, ACopyOfARunningLeaderIsRefusedAndHealed) {
  const fs::path aside = data_dir_.string() + ".aside";
  const absl::Duration end = SystemClock().SinceBoot() + kLimit;
  while (cluster_->Leader() != name_ && SystemClock().SinceBoot() < end) {
    cluster_->Quorate({"members", "transfer", name_});
  }
  // As of a virtual machine: at one moment.
  member_->Signal(SIGSTOP);
  fs::copy(data_dir_, aside, fs::copy_options::recursive);
  member_->Signal(SIGCONT);
  while (cluster_->Leader() != name_ && SystemClock().SinceBoot() < end) {
    cluster_->Quorate({"members", "transfer", name_});
  }
  ASSERT_EQ(cluster_->Leader(), name_);
  // The others are told once a second.
  const absl::Duration led = SystemClock().SinceBoot();
  while (SystemClock().SinceBoot() < led + absl::Seconds(4)) {
    writers_->NextAcknowledged(SystemClock().SinceBoot(), kLimit);
  }
  ASSERT_EQ(cluster_->Leader(), name_);
  WhileDown([&] {
    fs::remove_all(data_dir_);
    fs::rename(aside, data_dir_);
  });
  while (member_->LogCount("comes_back") == 0 &&
         SystemClock().SinceBoot() < end) {
  }
  AwaitService();
  EXPECT_EQ(member_->LogCount("comes_back"), 1);
  ExpectNothingLost();
}

TEST_F(RolledBackTest, AMachineThatIsMadeAnewUnderItsOldIdNeverVotes) {
  WhileDown([&] {
    fs::remove_all(data_dir_);
    const CommandResult made =
        RunCommand({ProgramPath("quorated"), "init", "--config",
                    absl::StrCat(cluster_->dir(), "/", name_, "/config.toml")});
    ASSERT_EQ(made.exit_code, 0) << made.errors;
  });
  const absl::Duration end = SystemClock().SinceBoot() + kLimit;
  while (member_->LogCount("comes_back") == 0 &&
         SystemClock().SinceBoot() < end) {
  }
  AwaitService();
  EXPECT_EQ(member_->LogCount("comes_back"), 1);
  ExpectNothingLost();
}

}  // namespace
}  // namespace quorate::e2e

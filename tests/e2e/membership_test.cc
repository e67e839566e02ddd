// Property: machines join, leave, lose their data and come back, and take each
// other's place, while applications check seats out and in and lose nothing.
// Method: real processes, the commands that people use, sixteen writers; then
// every seat is compared with the cluster's list.

#include <filesystem>
#include <map>
#include <memory>
#include <signal.h>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/clock.h"
#include "tests/e2e/api.h"
#include "tests/e2e/failover_report.h"
#include "tests/e2e/test_cluster.h"
#include "tests/e2e/writers.h"
#include <nlohmann/json.hpp>

namespace quorate::e2e {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(60);

// What `quorate members list` says of one.
struct Listed {
  std::string id;
  std::string part;
  bool leads = false;
};

class MembershipTest : public testing::Test {
 protected:
  void StartCluster(int members) {
    auto cluster = TestCluster::Start(members);
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = *std::move(cluster);
    ASSERT_TRUE(absl::SimpleAtoi(PortOf(cluster_->Member("m1").endpoint),
                                 &first_port_));
    writers_ = std::make_unique<Writers>(cluster_.get());
    ASSERT_TRUE(writers_->Start().ok());
  }

  static std::string PortOf(const std::string& endpoint) {
    return endpoint.substr(endpoint.rfind(':') + 1);
  }

  // By whoever leads, if that one is asked.
  Listed Find(const std::string& name) const {
    const CommandResult list =
        cluster_->Quorate({"members", "list", "-o", "json"});
    const auto json = nlohmann::json::parse(list.output, nullptr, false);
    if (!json.is_object()) return {};
    for (const auto& member : json["members"]) {
      if (member.value("name", "") != name) continue;
      return {.id = member.value("memberId", ""),
              .part = member.value("part", ""),
              .leads = member.value("leader", false)};
    }
    return {};
  }

  // Waits until the member votes; empty where it does not, else its id.
  std::string AwaitVote(const std::string& name) const {
    const absl::Duration end = SystemClock().SinceBoot() + kLimit;
    while (SystemClock().SinceBoot() < end) {
      const Listed found = Find(name);
      if (found.part == "MEMBER_PART_VOTER") return found.id;
    }
    return "";
  }

  // Runs until the cluster takes it: one change at a time, and the leader must
  // have heard of those who stay.
  CommandResult Insist(const std::vector<std::string>& words) const {
    const absl::Duration end = SystemClock().SinceBoot() + kLimit;
    CommandResult result;
    do {
      result = cluster_->Quorate(words);
    } while (result.exit_code != 0 && SystemClock().SinceBoot() < end);
    return result;
  }

  std::string Folder(const std::string& machine) const {
    return absl::StrCat(cluster_->dir(), "/", machine);
  }

  // A machine that has nothing but the token becomes the member `name`, and
  // runs.
  void Join(const std::string& token, const std::string& name,
            const std::string& machine) {
    // Ports of machines that are gone are used again.
    const int number = 1 + machines_++ % 4;
    const CommandResult joined = RunCommand(
        {ProgramPath("quorated"), "join", "--token", token, "--name", name,
         "--config-dir", Folder(machine), "--data-dir",
         Folder(machine + "-data"), "--client-listen",
         absl::StrCat("127.0.0.1:", first_port_ + 20 + number), "--peer-listen",
         absl::StrCat("127.0.0.1:", first_port_ + 24 + number)});
    ASSERT_EQ(joined.exit_code, 0) << joined.output << joined.errors;
    Run(machine);
  }

  void Run(const std::string& machine) {
    running_[machine] = std::make_unique<BackgroundCommand>(
        std::vector<std::string>{ProgramPath("quorated"), "run", "--config",
                                 Folder(machine) + "/config.toml"},
        Environment());
  }

  // Asks for a token by one of the two commands, and joins with it.
  void JoinBy(const char* command, const std::string& name,
              const std::string& machine) {
    const CommandResult token = Insist({"members", command, name});
    ASSERT_EQ(token.exit_code, 0) << token.errors;
    Join(std::string(absl::StripAsciiWhitespace(token.output)), name, machine);
  }

  // Loses all data of one of the script's members; it comes back.
  void WipeAndRejoin(const std::string& name) {
    const TestMember member = cluster_->Member(name);
    const std::string old_id = Find(name).id;
    cluster_->Signal(name, SIGKILL);
    std::filesystem::remove_all(member.data_dir);
    const std::string config = Folder(name) + "/config.toml";
    // It does not start empty.
    EXPECT_NE(RunCommand({ProgramPath("quorated"), "run", "--config", config})
                  .exit_code,
              0);
    const CommandResult rejoined =
        RunCommand({ProgramPath("quorated"), "rejoin", "--config", config});
    ASSERT_EQ(rejoined.exit_code, 0) << rejoined.output << rejoined.errors;
    const absl::Status restarted = cluster_->Restart(name);
    ASSERT_TRUE(restarted.ok()) << restarted;
    const std::string new_id = AwaitVote(name);
    EXPECT_FALSE(new_id.empty()) << name << " does not vote";
    EXPECT_NE(new_id, old_id);
  }

  void ExpectWork() {
    const absl::Duration now = SystemClock().SinceBoot();
    EXPECT_LT(writers_->NextAcknowledged(now, kLimit), kLimit);
  }

  void StopAndAudit() {
    writers_->Stop();
    Api api(cluster_->Members()[0].endpoint, cluster_->environment());
    const WriterTotals totals = writers_->Audit(&api);
    PrintTotals(totals);
    ExpectZeros(totals);
  }

  void TearDown() override {
    writers_.reset();
    running_.clear();
    cluster_.reset();
  }

  std::unique_ptr<TestCluster> cluster_;
  std::unique_ptr<Writers> writers_;
  std::map<std::string, std::unique_ptr<BackgroundCommand>> running_;
  int first_port_ = 0;
  int machines_ = 0;
};

TEST_F(MembershipTest, MembersComeAndGoUnderLoad) {
  ASSERT_NO_FATAL_FAILURE(StartCluster(3));

  ASSERT_NO_FATAL_FAILURE(JoinBy("token", "m4", "fourth"));
  EXPECT_FALSE(AwaitVote("m4").empty());
  ExpectWork();

  EXPECT_EQ(Insist({"members", "transfer", "m4"}).exit_code, 0);
  EXPECT_TRUE(Find("m4").leads);
  ExpectWork();

  // It leads, and goes.
  EXPECT_EQ(Insist({"members", "remove", "m4"}).exit_code, 0);
  EXPECT_EQ(Find("m4").id, "");
  running_.erase("fourth");
  ExpectWork();

  ASSERT_NO_FATAL_FAILURE(WipeAndRejoin("m3"));
  ExpectWork();

  // Another machine in m2's place, while m2 still runs.
  const std::string old_id = Find("m2").id;
  ASSERT_NO_FATAL_FAILURE(JoinBy("replace", "m2", "other-m2"));
  const std::string new_id = AwaitVote("m2");
  EXPECT_FALSE(new_id.empty());
  EXPECT_NE(new_id, old_id);
  cluster_->Signal("m2", SIGKILL);
  ExpectWork();

  // Who leads now stands in no early configuration; m1 reads those first.
  EXPECT_EQ(Insist({"members", "transfer", "m3"}).exit_code, 0);
  ASSERT_NO_FATAL_FAILURE(WipeAndRejoin("m1"));
  ExpectWork();
  StopAndAudit();
}

// A fourth member is added, its machine replaced by another, made the leader,
// and removed.
TEST_F(MembershipTest, TwentyRoundsOfChangesLoseNothing) {
  ASSERT_NO_FATAL_FAILURE(StartCluster(3));
  for (int round = 1; round <= 20; ++round) {
    SCOPED_TRACE(absl::StrCat("round ", round));
    const std::string first = absl::StrCat("first-", round);
    const std::string second = absl::StrCat("second-", round);
    ASSERT_NO_FATAL_FAILURE(JoinBy("token", "m4", first));
    const std::string first_id = AwaitVote("m4");
    ASSERT_FALSE(first_id.empty());
    ASSERT_NO_FATAL_FAILURE(JoinBy("replace", "m4", second));
    const std::string second_id = AwaitVote("m4");
    ASSERT_FALSE(second_id.empty());
    EXPECT_NE(second_id, first_id);
    running_.erase(first);
    EXPECT_EQ(Insist({"members", "transfer", "m4"}).exit_code, 0);
    EXPECT_EQ(Insist({"members", "remove", "m4"}).exit_code, 0);
    EXPECT_EQ(Find("m4").id, "");
    running_.erase(second);
    ExpectWork();
  }
  StopAndAudit();
}

TEST_F(MembershipTest, OneMemberGrowsToThree) {
  ASSERT_NO_FATAL_FAILURE(StartCluster(1));
  ASSERT_NO_FATAL_FAILURE(JoinBy("token", "m2", "second"));
  EXPECT_FALSE(AwaitVote("m2").empty());
  ExpectWork();
  ASSERT_NO_FATAL_FAILURE(JoinBy("token", "m3", "third"));
  EXPECT_FALSE(AwaitVote("m3").empty());
  ExpectWork();
  EXPECT_EQ(Insist({"members", "transfer", "m3"}).exit_code, 0);
  ExpectWork();
  StopAndAudit();
}

}  // namespace
}  // namespace quorate::e2e

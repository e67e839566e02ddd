// Property: what happened to the members stands in their logs, and one command
// shows it, also of a member that was killed and came back.
// Method: real processes; the leader is killed, the command line asks for the
// logs in every form before, meanwhile and after.

#include <filesystem>
#include <fstream>
#include <memory>
#include <signal.h>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "base/clock.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/failover_report.h"
#include "tests/e2e/test_cluster.h"

namespace quorate::e2e {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(60);

class MemberLogsTest : public testing::Test {
 protected:
  void SetUp() override {
    auto cluster = TestCluster::Start();
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = *std::move(cluster);
  }

  // The lines that `words` find, as "member event".
  std::vector<std::string> Events(std::vector<std::string> words) const {
    words.insert(words.begin(), "logs");
    words.insert(words.end(), {"--format", "jsonl"});
    const CommandResult result = cluster_->Quorate(words);
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    std::vector<std::string> events;
    std::string last;
    for (absl::string_view text :
         absl::StrSplit(result.output, '\n', absl::SkipEmpty())) {
      const auto line = nlohmann::json::parse(text, nullptr, false);
      EXPECT_TRUE(line.is_object()) << text;
      events.push_back(
          absl::StrCat(line.value("member", ""), " ", line.value("event", "")));
      // By time.
      EXPECT_LE(last, line.value("time", ""));
      last = line.value("time", "");
    }
    return events;
  }

  bool AwaitEvent(const std::vector<std::string>& words,
                  const std::string& event) const {
    const absl::Duration end = SystemClock().SinceBoot() + kLimit;
    while (SystemClock().SinceBoot() < end) {
      for (const std::string& each : Events(words)) {
        if (each == event) return true;
      }
    }
    return false;
  }

  std::unique_ptr<TestCluster> cluster_;
};

TEST_F(MemberLogsTest, ShowWhatHappenedToAMemberThatWasKilled) {
  const std::string killed = WaitForLeader(*cluster_);
  ASSERT_FALSE(killed.empty());
  std::vector<std::string> others;
  for (const TestMember& member : cluster_->Members()) {
    EXPECT_TRUE(
        AwaitEvent({"--area", "server"}, absl::StrCat(member.name, " ready")));
    if (member.name != killed) others.push_back(member.name);
  }
  cluster_->Signal(killed, SIGKILL);
  ASSERT_FALSE(WaitForLeader(*cluster_).empty());
  for (const std::string& other : others) {
    EXPECT_TRUE(AwaitEvent({"--since", "10m", "--severity", "warn"},
                           absl::StrCat(other, " leader_lost")));
    EXPECT_TRUE(AwaitEvent({"--severity", "warn", "--grep", killed},
                           absl::StrCat(other, " member_not_heard")));
  }
  // Who does not answer is named, and the others' logs are shown.
  CommandResult result = cluster_->Quorate({"logs"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_TRUE(absl::StrContains(result.errors,
                                absl::StrCat(killed, " does not answer")))
      << result.errors;
  EXPECT_EQ(cluster_->Quorate({"logs", "--member", killed}).exit_code, 3);

  ASSERT_TRUE(cluster_->Restart(killed).ok());
  EXPECT_TRUE(AwaitEvent({"--severity", "warn", "--member", killed},
                         absl::StrCat(killed, " last_run_did_not_end")));
  // Its log of before is still there.
  int starts = 0;
  for (const std::string& event : Events({"--member", killed})) {
    starts += event == absl::StrCat(killed, " starting");
  }
  EXPECT_EQ(starts, 2);
  for (const std::string& other : others) {
    EXPECT_TRUE(AwaitEvent({"--event", "member_heard_again"},
                           absl::StrCat(other, " member_heard_again")));
  }
}

TEST_F(MemberLogsTest, EachFormAndEachMistake) {
  const std::string data_dir = cluster_->Member("m2").data_dir;
  // A hostile name in a line of the past, and a torn line.
  std::ofstream(data_dir + "/logs/quorated.1.jsonl")
      << R"({"time":"2026-01-02T03:04:05.678Z","severity":"error",)"
      << R"("area":"join","event":"refused","member":"m2","fields":)"
      << R"({"name":"=cmd\u001b[2J\n,\"x\"\u009b","peer":"a b"}})"
      << "\n{\"time\":\"2026-01-02T";
  const std::vector<std::string> old = {"logs", "--until", "2026-02-01",
                                        "--severity", "error"};
  CommandResult result = cluster_->Quorate(old);
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_TRUE(absl::StartsWith(result.output, "TIME ")) << result.output;
  EXPECT_TRUE(absl::StrContains(
      result.output, R"(name="=cmd\x1b[2J\x0a,\"x\"\xc2\x9b" peer="a b")"))
      << result.output;
  EXPECT_TRUE(absl::StrContains(result.errors, "m2: 1 lines of its log"))
      << result.errors;
  std::vector<std::string> words = old;
  words.insert(words.end(), {"-o", "csv"});
  result = cluster_->Quorate(words);
  EXPECT_EQ(result.output,
            "time,member,severity,area,event,fields\r\n"
            "2026-01-02T03:04:05.678Z,m2,error,join,refused,\"name=\"\"=cmd"
            "\\x1b[2J\\x0a,\\\"\"x\\\"\"\\xc2\\x9b\"\" peer=\"\"a b\"\"\"\r\n");
  words = old;
  words.insert(words.end(), {"-o", "json"});
  result = cluster_->Quorate(words);
  const auto json = nlohmann::json::parse(result.output, nullptr, false);
  ASSERT_EQ(json.value("lines", nlohmann::json()).size(), 1U) << result.output;
  EXPECT_EQ(json["lines"][0]["severity"], "LOG_SEVERITY_ERROR");

  result = cluster_->Quorate({"logs", "--limit", "2"});
  EXPECT_TRUE(absl::StrContains(result.errors, "only the newest 2 lines"));
  EXPECT_EQ(cluster_->Quorate({"logs", "--member", "m9"}).exit_code, 5);
  EXPECT_EQ(cluster_->Quorate({"logs", "--since", "soon"}).exit_code, 2);
  EXPECT_EQ(cluster_->Quorate({"logs", "--severity", "bad"}).exit_code, 2);
  EXPECT_EQ(cluster_->Quorate({"logs", "--grep", "a\nb"}).exit_code, 2);
}

}  // namespace
}  // namespace quorate::e2e

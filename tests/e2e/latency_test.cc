// Property: how long calls take, and what they wait for, is seen of all members
// by one command, also after the leader was killed.
// Method: real processes; seats are taken, the command line shows it in every
// form, the leader is killed and seats are taken again.

#include <map>
#include <memory>
#include <signal.h>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

#include "base/clock.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/failover_report.h"
#include "tests/e2e/test_cluster.h"

namespace quorate::e2e {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(60);

using Json = nlohmann::json;

class LatencyTest : public testing::Test {
 protected:
  void SetUp() override {
    auto cluster = TestCluster::Start();
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = *std::move(cluster);
  }

  void TakeSeats(const std::string& member, int count) const {
    const Environment environment =
        cluster_->EnvironmentWith(cluster_->Member(member).endpoint);
    for (int i = 0; i < count; ++i) {
      const CommandResult result =
          cluster_->Quorate({"run", "cad", "--", "true"}, environment);
      ASSERT_EQ(result.exit_code, 0) << result.errors;
    }
  }

  // The series of all members, by "member kind".
  std::map<std::string, Json> Series() const {
    const CommandResult result =
        cluster_->Quorate({"latency", "--format", "jsonl"});
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    std::map<std::string, Json> all;
    for (absl::string_view text :
         absl::StrSplit(result.output, '\n', absl::SkipEmpty())) {
      Json series = Json::parse(text, nullptr, false);
      EXPECT_TRUE(series.is_object()) << text;
      const std::string key = absl::StrCat(series.value("member", ""), " ",
                                           series.value("kind", ""));
      all[key] = std::move(series);
    }
    return all;
  }

  static uint64_t CountOf(const std::map<std::string, Json>& all,
                          const std::string& member, const std::string& kind) {
    const auto found = all.find(absl::StrCat(member, " LATENCY_KIND_", kind));
    if (found == all.end()) return 0;
    uint64_t count = 0;
    EXPECT_TRUE(absl::SimpleAtoi(
        found->second["total"].value("count", std::string("x")), &count));
    return count;
  }

  std::unique_ptr<TestCluster> cluster_;
};

TEST_F(LatencyTest, IsSeenOfAllMembers) {
  const std::string leader = WaitForLeader(*cluster_);
  ASSERT_FALSE(leader.empty());
  const std::string other = leader == "m1" ? "m2" : "m1";
  const auto before = Series();
  TakeSeats(leader, 3);
  TakeSeats(other, 2);
  auto all = Series();
  EXPECT_EQ(CountOf(all, leader, "CHECKOUT"),
            CountOf(before, leader, "CHECKOUT") + 3);
  EXPECT_EQ(CountOf(all, other, "CHECKOUT"),
            CountOf(before, other, "CHECKOUT") + 2);
  EXPECT_GE(CountOf(all, leader, "CHANGE"), 6U);
  EXPECT_GE(CountOf(all, leader, "COMMIT"), 15U);
  EXPECT_EQ(CountOf(all, other, "COMMIT"), 0U);
  for (const TestMember& member : cluster_->Members()) {
    EXPECT_GE(CountOf(all, member.name, "SYNC"), 5U) << member.name;
  }
  EXPECT_GE(CountOf(all, leader, "ROUND_TRIP"), 1U);

  const CommandResult graph = cluster_->Quorate({"latency"});
  EXPECT_EQ(graph.exit_code, 0) << graph.errors;
  EXPECT_TRUE(absl::StrContains(graph.output,
                                absl::StrCat(leader, ": checkouts, a column")))
      << graph.output;
  EXPECT_TRUE(absl::StrContains(graph.output, " in all, p50 "));
  EXPECT_TRUE(absl::StrContains(graph.output, " |"));
  for (absl::string_view line : absl::StrSplit(graph.output, '\n')) {
    EXPECT_LE(line.size(), 80U) << line;
  }
  const CommandResult csv = cluster_->Quorate(
      {"latency", "--member", other, "-o", "csv", "--since", "3h"});
  EXPECT_TRUE(absl::StrContains(csv.output,
                                absl::StrCat(",180,", other, ",checkout,,")))
      << csv.output;
  EXPECT_FALSE(absl::StrContains(csv.output, absl::StrCat(",", leader, ",")));

  cluster_->Signal(leader, SIGKILL);
  const absl::Duration end = SystemClock().SinceBoot() + kLimit;
  while (cluster_->Leader().empty() || cluster_->Leader() == leader) {
    ASSERT_LT(SystemClock().SinceBoot(), end);
  }
  const std::string next = cluster_->Leader();
  TakeSeats(next, 1);
  const CommandResult down = cluster_->Quorate({"latency"});
  EXPECT_EQ(down.exit_code, 0);
  EXPECT_TRUE(
      absl::StrContains(down.errors, absl::StrCat(leader, " does not answer")))
      << down.errors;
  all = Series();
  EXPECT_GE(CountOf(all, next, "COMMIT"), 3U);
  EXPECT_GE(CountOf(all, next, "CHECKOUT"), 1U);
  ASSERT_TRUE(cluster_->Restart(leader).ok());
  EXPECT_EQ(cluster_->Quorate({"latency", "--member", leader}).exit_code, 0);
}

TEST_F(LatencyTest, EachMistake) {
  EXPECT_EQ(cluster_->Quorate({"latency", "--step", "90s"}).exit_code, 2);
  EXPECT_EQ(cluster_->Quorate({"latency", "--step", "1s"}).exit_code, 2);
  EXPECT_EQ(cluster_->Quorate({"latency", "--since", "1x"}).exit_code, 2);
  EXPECT_EQ(cluster_->Quorate({"latency", "--kind", "odd"}).exit_code, 2);
  EXPECT_EQ(cluster_->Quorate({"latency", "--until", "3d"}).exit_code, 2);
  EXPECT_EQ(cluster_->Quorate({"latency", "--member", "m9"}).exit_code, 5);
  const CommandResult none =
      cluster_->Quorate({"latency", "--until", "23h", "--since", "23h59m"});
  EXPECT_EQ(none.exit_code, 0);
  EXPECT_TRUE(absl::StrContains(none.errors, "nothing was measured"));
}

}  // namespace
}  // namespace quorate::e2e

// Property: rules and reservations come through kills of the leader unchanged,
// and a change of the rules under thousands of sessions ends none of them.
// Method: the real programs; a policy applied by the command line, kill -9 of
// the leader again and again, and what is refused and reserved looked at each
// time.

#include <atomic>
#include <fstream>
#include <signal.h>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/clock.h"
#include "tests/e2e/api.h"
#include "tests/e2e/failover_report.h"
#include "tests/e2e/test_cluster.h"
#include <nlohmann/json.hpp>

namespace quorate::e2e {
namespace {

using testing::HasSubstr;

constexpr int kKills = 20;
constexpr int kSessions = 10'000;
constexpr int kSeats = 1'000;
constexpr int kThreads = 16;

constexpr char kRules[] = R"(ignore_case = true

[[group]]
name = "staff"
kind = "users"
members = ["ann", "bob"]

[[rule]]
name = "not eve"
kind = "deny"
feature = "cad"
user = ["eve"]

[[rule]]
name = "eighteen for the staff"
kind = "reserve"
feature = "cad"
units = 18
user_group = ["staff"]

[[rule]]
name = "two of solver"
kind = "limit"
feature = "solver"
units = 2
each = "user"
)";

std::string WriteFile(const TestCluster& cluster, const std::string& text) {
  const std::string path = absl::StrCat(cluster.dir(), "/rules.toml");
  std::ofstream(path) << text;
  return path;
}

std::string Open(Api* api, const std::string& user, const std::string& id) {
  checkout::v1::OpenSessionRequest request;
  request.set_request_id(id);
  request.mutable_client()->set_user(user);
  request.mutable_client()->set_host("pc1");
  request.mutable_ttl()->set_seconds(3600);
  checkout::v1::OpenSessionResponse response;
  grpc::ClientContext context;
  SetDeadline(&context, absl::Seconds(20));
  const grpc::Status status =
      api->checkout().OpenSession(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.session();
}

grpc::Status Take(Api* api, const std::string& session,
                  const std::string& feature, uint32_t count,
                  const std::string& id) {
  checkout::v1::CheckoutRequest request;
  request.set_request_id(id);
  request.set_session(session);
  request.add_items()->set_feature(feature);
  request.mutable_items(0)->set_count(count);
  checkout::v1::CheckoutResponse response;
  grpc::ClientContext context;
  SetDeadline(&context, absl::Seconds(20));
  return api->checkout().Checkout(&context, request, &response);
}

// What must be so before and after each kill.
void ExpectPolicyInForce(const TestCluster& cluster, const std::string& ann,
                         const std::string& exported, int round) {
  EXPECT_EQ(cluster.Quorate({"rules", "export"}).output, exported);
  const auto explain = [&cluster](const std::string& user,
                                  const std::string& feature,
                                  const std::string& count) {
    const CommandResult result =
        cluster.Quorate({"explain", "--user", user, "--host", "pc1",
                         "--feature", feature, "--count", count, "-o", "json"});
    const auto json = nlohmann::json::parse(result.output, nullptr, false);
    EXPECT_TRUE(json.is_object()) << result.errors;
    return json.is_object() ? json["reason"].get<std::string>() : "?";
  };
  EXPECT_EQ(explain("EVE", "cad", "1"), "POLICY_DENIED");
  EXPECT_EQ(explain("dan", "cad", "2"), "");
  EXPECT_EQ(explain("dan", "cad", "3"), "SEATS_RESERVED");
  EXPECT_EQ(explain("ann", "cad", "18"), "");
  EXPECT_EQ(explain("ann", "solver", "1"), "POLICY_LIMIT");
  EXPECT_EQ(explain("dan", "solver", "2"), "");
  // And a checkout is refused as it is explained.
  Api api(cluster.Members()[static_cast<size_t>(round) % 3].endpoint,
          cluster.environment());
  EXPECT_EQ(ReasonOfRefusal(
                Take(&api, ann, "solver", 1, absl::StrCat("again-", round))),
            "POLICY_LIMIT");
}

TEST(PolicyEndToEndTest, ComesThroughTwentyKillsOfTheLeader) {
  auto started = TestCluster::Start();
  ASSERT_TRUE(started.ok()) << started.status();
  const TestCluster& cluster = **started;
  const std::string path = WriteFile(cluster, kRules);
  const CommandResult applied =
      cluster.Quorate({"rules", "apply", path, "--comment", "the first"});
  ASSERT_EQ(applied.exit_code, 0) << applied.errors;
  EXPECT_THAT(applied.output, HasSubstr("version 1 of the policy is in force"));
  Api api(cluster.Members()[0].endpoint, cluster.environment());
  const std::string ann = Open(&api, "ann", "open-ann");
  const grpc::Status taken = Take(&api, ann, "solver", 2, "take-ann");
  ASSERT_TRUE(taken.ok()) << taken.error_message();
  const std::string exported = cluster.Quorate({"rules", "export"}).output;
  EXPECT_EQ(exported, kRules);
  ExpectPolicyInForce(cluster, ann, exported, 0);
  for (int round = 1; round <= kKills; ++round) {
    SCOPED_TRACE(absl::StrCat("kill ", round));
    const std::string leader = WaitForLeader(cluster);
    ASSERT_FALSE(leader.empty());
    cluster.Signal(leader, SIGKILL);
    const absl::Status restarted = cluster.Restart(leader);
    ASSERT_TRUE(restarted.ok()) << restarted;
    ExpectPolicyInForce(cluster, ann, exported, round);
    if (testing::Test::HasFailure()) return;
  }
  const CommandResult history = cluster.Quorate({"rules", "history"});
  EXPECT_THAT(history.output, HasSubstr("the first"));
}

TEST(PolicyEndToEndTest, TellsWhatIsWrongAndWhoIsAffected) {
  auto started = TestCluster::Start(1);
  ASSERT_TRUE(started.ok()) << started.status();
  const TestCluster& cluster = **started;
  Api api(cluster.Members()[0].endpoint, cluster.environment());
  const std::string eve = Open(&api, "eve", "open-eve");
  ASSERT_TRUE(Take(&api, eve, "cad", 1, "take-eve").ok());
  const std::string wrong =
      WriteFile(cluster, "[[rule]]\nname = \"a\"\nkind = \"forbid\"\n");
  const CommandResult refused = cluster.Quorate({"rules", "apply", wrong});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.errors, HasSubstr("rules.toml:3: rule.kind must be"));
  const std::string path = WriteFile(cluster, kRules);
  const CommandResult plan = cluster.Quorate({"rules", "plan", path});
  EXPECT_EQ(plan.exit_code, 0) << plan.errors;
  EXPECT_THAT(plan.output, HasSubstr("added rule not eve"));
  EXPECT_THAT(plan.output, HasSubstr("POLICY_DENIED"));
  EXPECT_THAT(plan.output, HasSubstr(eve));
  EXPECT_EQ(cluster.Quorate({"rules", "apply", path}).exit_code, 0);
  const CommandResult denied = cluster.Quorate(
      {"explain", "--user", "eve", "--host", "pc1", "--feature", "cad"});
  EXPECT_THAT(denied.output,
              HasSubstr("NOT granted: rule \"not eve\" denies cad"));
  EXPECT_THAT(denied.output, HasSubstr("Change rule \"not eve\""));
  EXPECT_EQ(cluster.Quorate({"rules", "rollback", "0"}).exit_code, 0);
  EXPECT_TRUE(Take(&api, eve, "cad", 1, "take-more").ok());
}

// Opens its part of the sessions; the first ones take a seat.
void OpenMany(const TestCluster& cluster, int thread, std::atomic<int>* done) {
  Api api(cluster.Members()[static_cast<size_t>(thread) % 3].endpoint,
          cluster.environment());
  for (int i = thread; i < kSessions; i += kThreads) {
    const std::string session =
        Open(&api, absl::StrCat("user", i % 500), absl::StrCat("open-", i));
    if (session.empty()) return;
    if (i < kSeats &&
        !Take(&api, session, "viewer", 1, absl::StrCat("take-", i)).ok()) {
      return;
    }
    done->fetch_add(1);
  }
}

TEST(PolicyEndToEndTest, AChangeUnderTenThousandSessionsEndsNone) {
  auto started = TestCluster::Start();
  ASSERT_TRUE(started.ok()) << started.status();
  const TestCluster& cluster = **started;
  std::atomic<int> done = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back(
        [&cluster, thread, &done] { OpenMany(cluster, thread, &done); });
  }
  for (std::thread& thread : threads)
    thread.join();
  ASSERT_EQ(done.load(), kSessions);
  const std::string path = WriteFile(cluster, absl::StrCat(kRules, R"(
[[rule]]
name = "few viewers"
kind = "limit"
feature = "viewer"
units = 10
)"));
  const absl::Duration begun = SystemClock().SinceBoot();
  const CommandResult applied = cluster.Quorate({"rules", "apply", path});
  const absl::Duration took = SystemClock().SinceBoot() - begun;
  ASSERT_EQ(applied.exit_code, 0) << applied.errors;
  std::cout << "read, planned and applied by the command line under "
            << kSessions << " sessions in " << absl::FormatDuration(took)
            << "\n";
  EXPECT_THAT(applied.output, HasSubstr("few viewers"));
  const auto sessions = nlohmann::json::parse(
      cluster.Quorate({"sessions", "-o", "json"}).output, nullptr, false);
  ASSERT_TRUE(sessions.is_object());
  EXPECT_EQ(sessions["sessions"].size(), static_cast<size_t>(kSessions));
  Api api(cluster.Members()[0].endpoint, cluster.environment());
  const auto pool = api.PoolOf("viewer");
  ASSERT_TRUE(pool.ok()) << pool.status();
  EXPECT_EQ(pool->out(), static_cast<uint64_t>(kSeats));
}

}  // namespace
}  // namespace quorate::e2e

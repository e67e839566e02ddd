// Property: a program that was killed is followed by another one that has its
// seats: the same handles, taken at the same time, also where the leader was
// killed in between.
// Method: kill -9 of the holding process and of the leader, in a real cluster;
// then the library takes the session up.

#include <memory>
#include <signal.h>
#include <string>

#include "gtest/gtest.h"

#include "base/clock.h"
#include "client/client.h"
#include "tests/e2e/api.h"
#include "tests/e2e/failover_report.h"
#include "tests/e2e/test_client.h"
#include "tests/e2e/test_cluster.h"
#include <nlohmann/json.hpp>

namespace quorate::e2e {
namespace {

// The seats of `solver` that are out, as the cluster lists them.
nlohmann::json SeatsOf(const TestCluster& cluster) {
  const CommandResult result =
      cluster.Quorate({"-o", "json", "seats", "solver"});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  const auto json = nlohmann::json::parse(result.output, nullptr, false);
  return json.is_object() ? json.value("seats", nlohmann::json::array())
                          : nlohmann::json::array();
}

TEST(AttachTest, TheSameSeatsAfterTheProgramAndTheLeaderWereKilled) {
  auto started = TestCluster::Start();
  ASSERT_TRUE(started.ok()) << started.status();
  const std::unique_ptr<TestCluster> cluster = *std::move(started);
  BackgroundCommand holder(
      {ProgramPath("quorate"), "checkout", "solver", "--count", "3", "--hold",
       "forever", "--ttl", "10m"},
      cluster->environment());
  const absl::Duration end = SystemClock().SinceBoot() + absl::Seconds(30);
  nlohmann::json before = SeatsOf(*cluster);
  while (before.empty() && SystemClock().SinceBoot() < end) {
    before = SeatsOf(*cluster);
  }
  ASSERT_EQ(before.size(), 1u);
  ASSERT_EQ(kill(holder.pid(), SIGKILL), 0);
  holder.Wait(absl::Seconds(10));

  const std::string leader = WaitForLeader(*cluster);
  ASSERT_FALSE(leader.empty());
  cluster->Signal(leader, SIGKILL);
  ASSERT_FALSE(WaitForLeader(*cluster).empty());

  const auto client = MakeClient(cluster->environment());
  const std::string session = before[0]["session"];
  auto attached = client->Attach(session, {});
  ASSERT_TRUE(attached.ok()) << attached.status();
  EXPECT_TRUE(attached->session->IsValid());
  ASSERT_EQ(attached->seats.size(), 1u);
  EXPECT_EQ(std::to_string(attached->seats[0].handle()),
            before[0]["seat"]["handle"]);
  EXPECT_EQ(attached->seats[0].count(), 3u);
  EXPECT_EQ(SeatsOf(*cluster)[0]["seat"], before[0]["seat"]);
  const std::string since = before[0]["seat"]["grantTime"];
  absl::Time granted;
  std::string problem;
  ASSERT_TRUE(absl::ParseTime(absl::RFC3339_full, since, &granted, &problem));
  EXPECT_EQ(attached->seats[0].grant_time(), granted);
  // And it is a session like any other.
  EXPECT_TRUE(attached->session->Checkout("solver").ok());
  EXPECT_TRUE(attached->session->Close().ok());
  EXPECT_TRUE(SeatsOf(*cluster).empty());
}

}  // namespace
}  // namespace quorate::e2e

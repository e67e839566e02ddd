// Property: what a person types works against every member, and tells what
// happened by exit code and words.
// Method: the real programs against a real cluster, through the CLI and through
// server reflection with buf.

#include <signal.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/clock.h"
#include "tests/e2e/api.h"
#include "tests/e2e/test_cluster.h"
#include <nlohmann/json.hpp>

namespace quorate::e2e {
namespace {

using testing::HasSubstr;
using testing::Not;

class CommandLineTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto cluster = TestCluster::Start();
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = cluster->release();
  }

  static void TearDownTestSuite() {
    delete cluster_;
    cluster_ = nullptr;
  }

  void SetUp() override { ASSERT_NE(cluster_, nullptr); }

  static TestCluster* cluster_;
};

TestCluster* CommandLineTest::cluster_ = nullptr;

TEST_F(CommandLineTest, StatusNamesThreeMembersAndOneLeader) {
  const CommandResult result = cluster_->Quorate({"status", "-o", "json"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const auto json = nlohmann::json::parse(result.output, nullptr, false);
  ASSERT_TRUE(json.is_object()) << result.output;
  ASSERT_EQ(json["members"].size(), 3u);
  int leaders = 0;
  for (const auto& member : json["members"]) {
    leaders += member["role"] == "MEMBER_ROLE_LEADER" ? 1 : 0;
  }
  EXPECT_EQ(leaders, 1);
}

TEST_F(CommandLineTest, CheckoutWorksThroughEachMemberAlone) {
  for (const TestMember& member : cluster_->Members()) {
    const CommandResult result = cluster_->Quorate(
        {"checkout", "cad"}, cluster_->EnvironmentWith(member.endpoint));
    EXPECT_EQ(result.exit_code, 0) << member.name << ": " << result.errors;
  }
}

TEST_F(CommandLineTest, RunHandsOnTheExitCode) {
  EXPECT_EQ(cluster_->Quorate({"run", "viewer", "--", "true"}).exit_code, 0);
  EXPECT_EQ(cluster_->Quorate({"run", "viewer", "--", "false"}).exit_code, 1);
}

TEST_F(CommandLineTest, RunSaysWhoHoldsTheSeats) {
  BackgroundCommand holder({ProgramPath("quorate"), "checkout", "solver",
                            "--count", "8", "--hold", "forever"},
                           cluster_->environment());
  Api api(cluster_->Members()[0].endpoint, cluster_->environment());
  const absl::Duration end = SystemClock().SinceBoot() + absl::Seconds(30);
  bool out = false;
  while (!out && SystemClock().SinceBoot() < end) {
    const auto pool = api.PoolOf("solver");
    ASSERT_TRUE(pool.ok()) << pool.status();
    out = pool->out() == 8;
  }
  ASSERT_TRUE(out);
  const CommandResult result =
      cluster_->Quorate({"run", "solver", "--", "true"});
  EXPECT_EQ(result.exit_code, 6) << result.errors;
  char host[256] = "";
  ASSERT_EQ(gethostname(host, sizeof(host) - 1), 0);
  EXPECT_THAT(result.errors, HasSubstr("solver"));
  EXPECT_THAT(result.errors, HasSubstr(host));
  ASSERT_EQ(kill(holder.pid(), SIGINT), 0);
  EXPECT_NE(holder.Wait(absl::Seconds(30)).exit_code, 124);
}

TEST_F(CommandLineTest, TextThatIsNotUtf8IsRefusedAndFillsNoLog) {
  const CommandResult result = cluster_->Quorate({"checkout", "\xff\xfe"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.errors, HasSubstr("argument 2 is not UTF-8"));
  EXPECT_THAT(result.errors, Not(HasSubstr("libprotobuf")));

  // Who has a stub may send it all the same.
  for (const TestMember& member : cluster_->Members()) {
    Api api(member.endpoint, cluster_->environment());
    EXPECT_FALSE(api.PoolOf("\xff\xfe").ok());
    EXPECT_THAT(cluster_->LogOf(member.name), Not(HasSubstr("libprotobuf")));
  }
}

TEST_F(CommandLineTest, RunIsNotDisturbedByTheDeathOfItsMember) {
  const TestMember victim = cluster_->Members()[1];
  std::string endpoints = victim.endpoint;
  for (const TestMember& member : cluster_->Members()) {
    if (member.name != victim.name) {
      absl::StrAppend(&endpoints, ",", member.endpoint);
    }
  }
  // The command ends when the file is there: after the member has died and
  // the seat is seen to be still out.
  const std::string done = absl::StrCat(cluster_->dir(), "/done");
  BackgroundCommand run(
      {ProgramPath("quorate"), "run", "viewer", "--count", "7", "--", "sh",
       "-c",
       absl::StrCat("until [ -e '", done, "' ]; do sleep 0.1; done; exit 42")},
      cluster_->EnvironmentWith(endpoints));
  Api api(cluster_->Members()[0].endpoint, cluster_->environment());
  const absl::Duration end = SystemClock().SinceBoot() + absl::Seconds(30);
  uint64_t out = 0;
  while (out < 7 && SystemClock().SinceBoot() < end) {
    const auto pool = api.PoolOf("viewer");
    ASSERT_TRUE(pool.ok()) << pool.status();
    out = pool->out();
  }
  ASSERT_EQ(out, 7u);
  cluster_->Signal(victim.name, SIGKILL);
  // The cluster goes on without it, and the seat is still out.
  const CommandResult other = cluster_->Quorate({"checkout", "cad"});
  EXPECT_EQ(other.exit_code, 0) << other.errors;
  const auto pool = api.PoolOf("viewer");
  ASSERT_TRUE(pool.ok()) << pool.status();
  EXPECT_EQ(pool->out(), 7u);
  ASSERT_EQ(RunCommand({"touch", done}).exit_code, 0);
  const CommandResult result = run.Wait(absl::Seconds(30));
  EXPECT_EQ(result.exit_code, 42) << result.errors;
  EXPECT_THAT(result.errors, testing::Not(HasSubstr("lost")));
  ASSERT_TRUE(cluster_->Restart(victim.name).ok());
}

// Nothing but the command itself looks for a connection here; gRPC alone looks
// each five seconds, and the command's ten were over.
TEST_F(CommandLineTest, AMemberThatComesBackIsFound) {
  const TestMember victim = cluster_->Members()[1];
  cluster_->Signal(victim.name, SIGKILL);
  BackgroundCommand pools({ProgramPath("quorate"), "pools"},
                          cluster_->EnvironmentWith(victim.endpoint));
  // Its first attempts are refused. Killing the member is over by then, too.
  const absl::Duration begun = SystemClock().SinceBoot();
  while (SystemClock().SinceBoot() < begun + absl::Milliseconds(300)) {
  }
  const absl::Status restarted = cluster_->Restart(victim.name);
  ASSERT_TRUE(restarted.ok()) << restarted;
  const CommandResult result = pools.Wait(absl::Seconds(60));
  EXPECT_EQ(result.exit_code, 0) << result.errors;
}

class ReflectionTest : public CommandLineTest {
 protected:
  CommandResult Buf(const std::vector<std::string>& arguments,
                    const std::string& path) {
    const Environment& environment = cluster_->environment();
    std::vector<std::string> command = {QUORATE_BUF, "curl", "--protocol",
                                        "grpc"};
    command.insert(command.end(), {"--cacert", environment.at("QUORATE_CA"),
                                   "--cert", environment.at("QUORATE_CERT"),
                                   "--key", environment.at("QUORATE_KEY")});
    command.insert(command.end(), arguments.begin(), arguments.end());
    command.push_back(
        absl::StrCat("https://", cluster_->Members()[0].endpoint, path));
    return RunCommand(command);
  }
};

TEST_F(ReflectionTest, EveryServiceAndMethodIsListed) {
  const CommandResult services = Buf({"--list-services"}, "");
  ASSERT_EQ(services.exit_code, 0) << services.errors;
  for (const char* service :
       {"quorate.checkout.v1.CheckoutService",
        "quorate.monitoring.v1.MonitoringService",
        "quorate.admin.v1.LicenseService", "quorate.admin.v1.ClusterService",
        "grpc.health.v1.Health"}) {
    EXPECT_THAT(services.output, HasSubstr(service));
  }
  const CommandResult methods = Buf({"--list-methods"}, "");
  ASSERT_EQ(methods.exit_code, 0) << methods.errors;
  for (const char* method : {"CheckoutService/OpenSession",
                             "CheckoutService/CloseSession",
                             "CheckoutService/KeepAlive",
                             "CheckoutService/Checkout",
                             "CheckoutService/Checkin",
                             "MonitoringService/GetClusterStatus",
                             "MonitoringService/ListPools",
                             "MonitoringService/ListSessions",
                             "MonitoringService/ListSeats",
                             "MonitoringService/ListReservations",
                             "LicenseService/InstallLicense",
                             "LicenseService/ListLicenses",
                             "LicenseService/GetLicense",
                             "ClusterService/ListMembers",
                             "ClusterService/AddMember",
                             "ClusterService/PromoteMember",
                             "ClusterService/RemoveMember",
                             "ClusterService/TransferLeadership",
                             "ClusterService/CreateJoinToken",
                             "ClusterService/ReplaceMember",
                             "Health/Check"}) {
    EXPECT_THAT(methods.output, HasSubstr(method));
  }
}

TEST_F(ReflectionTest, ACheckoutCanBeMade) {
  const CommandResult opened =
      Buf({"-d", R"({"requestId":"buf-1","client":{"user":"u","host":"h"}})"},
          "/quorate.checkout.v1.CheckoutService/OpenSession");
  ASSERT_EQ(opened.exit_code, 0) << opened.errors;
  const auto session = nlohmann::json::parse(opened.output, nullptr, false);
  ASSERT_TRUE(session.is_object()) << opened.output;
  const CommandResult checkout =
      Buf({"-d", absl::StrCat(R"({"requestId":"buf-2","session":")",
                              session.value("session", ""),
                              R"(","items":[{"feature":"cad","count":2}]})")},
          "/quorate.checkout.v1.CheckoutService/Checkout");
  ASSERT_EQ(checkout.exit_code, 0) << checkout.errors;
  const auto seats = nlohmann::json::parse(checkout.output, nullptr, false);
  ASSERT_TRUE(seats.is_object()) << checkout.output;
  EXPECT_EQ(seats["seats"][0].value("count", 0), 2);
  const CommandResult closed =
      Buf({"-d", absl::StrCat(R"({"requestId":"buf-3","session":")",
                              session.value("session", ""), R"("})")},
          "/quorate.checkout.v1.CheckoutService/CloseSession");
  EXPECT_EQ(closed.exit_code, 0) << closed.errors;
}

}  // namespace
}  // namespace quorate::e2e

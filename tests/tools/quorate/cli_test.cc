// Each command of `quorate` does what its help says, with data on stdout,
// messages on stderr and the documented exit code. By running the program
// against scripted members.

#include <csignal>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "nlohmann/json.hpp"
#include "tests/tools/quorate/cli_fixture.h"

namespace quorate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

TEST_F(CliTest, HelpAndVersionAreData) {
  const ProgramResult help = Run({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.output, HasSubstr("Exit codes"));
  EXPECT_THAT(help.errors, IsEmpty());
  EXPECT_THAT(Run({"--version"}).output, StartsWith("quorate "));
  for (const char* command :
       {"status", "checkout", "run", "pools", "sessions", "seats", "borrow",
        "return", "borrows", "book", "cancel-booking"}) {
    const ProgramResult one = Run({command, "--help"});
    EXPECT_EQ(one.exit_code, 0) << command;
    EXPECT_THAT(one.output, HasSubstr("Example: ")) << command;
  }
  EXPECT_THAT(Run({"vendor", "--help"}).output, HasSubstr("keygen"));
}

TEST_F(CliTest, MistakesAreUsage) {
  EXPECT_EQ(Run({}).exit_code, 2);
  EXPECT_EQ(Run({"dance"}).exit_code, 2);
  EXPECT_EQ(Run({"status", "-o", "xml"}).exit_code, 2);
  EXPECT_EQ(Run({"checkout"}).exit_code, 2);
  EXPECT_EQ(Run({"borrow", "cad"}).exit_code, 2);
  EXPECT_EQ(Run({"borrow", "cad", "--for", "7w"}).exit_code, 2);
  EXPECT_EQ(Run({"borrow", "cad", "--until", "tomorrow"}).exit_code, 2);
  EXPECT_EQ(Run({"book", "cad"}).exit_code, 2);
  EXPECT_EQ(Run({"book", "cad=many", "--hold", "1m"}).exit_code, 2);
  EXPECT_EQ(Run({"run", "--", "true"}).exit_code, 2);
  EXPECT_EQ(Run({"borrows", "write-off", "7"}).exit_code, 2);
  EXPECT_EQ(Run({"checkout", "cad", "--count", "-1"}).exit_code, 2);
  EXPECT_EQ(Run({"checkout", "cad", "--hold", "soon"}).exit_code, 2);
  EXPECT_EQ(Run({"status", "--timeout", "0s"}).exit_code, 2);
  EXPECT_EQ(Run({"license", "install", "/nowhere"}).exit_code, 2);
  EXPECT_THAT(Run({"run", "cad"}).errors, HasSubstr("behind \"--\""));
}

TEST_F(CliTest, SaysWhatToDoWhereNothingIsSet) {
  environment_.clear();
  const ProgramResult result = Run({"status"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.output, IsEmpty());
  EXPECT_THAT(result.errors,
              AllOf(HasSubstr("QUORATE_ENDPOINTS"), HasSubstr(". DIR/env")));
}

TEST_F(CliTest, FlagsGoBeforeVariables) {
  environment_["QUORATE_ENDPOINTS"] = "127.0.0.1:1";
  EXPECT_EQ(Run({"--endpoints", cluster_.address(1), "status"}).exit_code, 0);
  EXPECT_EQ(Run({"status", "--endpoints", cluster_.address(1)}).exit_code, 0);
}

TEST_F(CliTest, StatusAsksTheEndpointsInTurn) {
  cluster_.Kill(0);
  const ProgramResult table = Run({"status"});
  EXPECT_EQ(table.exit_code, 0) << table.errors;
  EXPECT_THAT(table.output,
              AllOf(HasSubstr("leader     m1"), HasSubstr("asked      m2")));
  const ProgramResult json = Run({"status", "-o", "json"});
  const auto status = nlohmann::json::parse(json.output);
  EXPECT_EQ(status["members"].size(), 3u);
  EXPECT_EQ(status["leader"], "m1");
  EXPECT_EQ(status["members"][0]["role"], "MEMBER_ROLE_LEADER");
  // Zeros are printed too.
  EXPECT_EQ(status["commitIndex"], "0");
}

TEST_F(CliTest, StatusPrefersAMemberThatServes) {
  cluster_.SetConduct(0, Conduct::kNoQuorum);
  environment_["QUORATE_ENDPOINTS"] =
      absl::StrCat(cluster_.address(2), ",", cluster_.address(1));
  EXPECT_THAT(Run({"status"}).output, HasSubstr("asked      m3"));
  cluster_.SetConduct(2, Conduct::kNoQuorum);
  EXPECT_THAT(Run({"status"}).output, HasSubstr("asked      m2"));
  cluster_.SetConduct(1, Conduct::kNoQuorum);
  const ProgramResult none = Run({"status"});
  EXPECT_EQ(none.exit_code, 0);
  EXPECT_THAT(none.output,
              AllOf(HasSubstr("asked      m3"), HasSubstr("serving    no")));
  EXPECT_THAT(none.errors, HasSubstr("fewer than two"));
}

TEST_F(CliTest, StatusShowsWhatTheLeaderSees) {
  environment_["QUORATE_ENDPOINTS"] = absl::StrCat(
      cluster_.address(1), ",", cluster_.address(2), ",", cluster_.address(0));
  EXPECT_THAT(Run({"status"}).output, HasSubstr("asked      m1"));
}

TEST_F(CliTest, TellsWhyNobodyCanBeReached) {
  for (size_t i = 0; i < 3; ++i) {
    cluster_.Kill(i);
  }
  const ProgramResult refused = Run({"status"});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.errors, HasSubstr("Nothing listens there"));
  const ProgramResult pools = Run({"pools", "--timeout", "2s"});
  EXPECT_EQ(pools.exit_code, 3) << pools.errors;
}

TEST_F(CliTest, TellsAWrongCaFromADeadMember) {
  environment_["QUORATE_CA"] = certificates_->Path("other-ca.pem");
  const ProgramResult status = Run({"status"});
  EXPECT_EQ(status.exit_code, 4);
  EXPECT_THAT(status.errors, HasSubstr("Is QUORATE_CA the CA"));
  EXPECT_EQ(Run({"pools"}).exit_code, 4);
}

TEST_F(CliTest, ExitsByTheKindOfTrouble) {
  for (size_t i = 0; i < 3; ++i) {
    cluster_.SetConduct(i, Conduct::kNoQuorum);
  }
  const ProgramResult none = Run({"pools", "--timeout", "300ms", "-o", "json"});
  EXPECT_EQ(none.exit_code, 3);
  const auto error = nlohmann::json::parse(none.errors)["error"];
  EXPECT_EQ(error["reason"], "NO_QUORUM");
  EXPECT_EQ(error["exitCode"], 3);
  for (size_t i = 0; i < 3; ++i) {
    cluster_.SetConduct(i, Conduct::kHang);
  }
  EXPECT_EQ(Run({"pools", "--timeout", "2s"}).exit_code, 124);
  for (size_t i = 0; i < 3; ++i) {
    cluster_.SetConduct(i, Conduct::kServe);
  }
  EXPECT_EQ(Run({"checkout", "unknown"}).exit_code, 5);
}

TEST_F(CliTest, ListsTurnAllPages) {
  const ProgramResult table = Run({"pools"});
  EXPECT_EQ(table.exit_code, 0) << table.errors;
  EXPECT_THAT(table.output, AllOf(HasSubstr("cad"), HasSubstr("solver")));
  const auto json = nlohmann::json::parse(Run({"pools", "-o", "json"}).output);
  EXPECT_EQ(json["pools"].size(), 2u);
  EXPECT_EQ(json["pools"][0]["feature"], "cad");
  EXPECT_EQ(json["pools"][0]["out"], "0");
  EXPECT_EQ(cluster_.Arrivals("ListPools").size(), 4u);
}

TEST_F(CliTest, CheckoutReturnsAtOnceAndSaysSo) {
  const ProgramResult result = Run({"checkout", "cad", "--count", "2"});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("cad      2"));
  EXPECT_THAT(result.errors, HasSubstr("returned at once"));
  EXPECT_EQ(cluster_.SeatsOut("cad"), 0u);
  EXPECT_EQ(cluster_.SessionsOpen(), 0u);
}

TEST_F(CliTest, CheckoutWorksThroughEachMemberAlone) {
  for (size_t i = 0; i < 3; ++i) {
    environment_["QUORATE_ENDPOINTS"] = cluster_.address(i);
    const ProgramResult result = Run({"checkout", "cad", "-o", "json"});
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    const auto json = nlohmann::json::parse(result.output);
    EXPECT_EQ(json["seats"][0]["feature"], "cad");
    EXPECT_EQ(cluster_.Arrivals("Checkout").back().member, i);
  }
}

TEST_F(CliTest, SaysWhatTheLicenceAsksFor) {
  ASSERT_EQ(Run({"checkout", "--attribute", "region=eu", "cad", "--version",
                 "2026.1", "--released", "2026-01-01", "--attribute",
                 "class=a=b", "--share-key", "k"})
                .exit_code,
            0);
  const auto items = cluster_.LastItems();
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].version(), "2026.1");
  EXPECT_EQ(items[0].release_time().seconds(), 1'767'225'600);
  EXPECT_EQ(items[0].attributes().at("region"), "eu");
  EXPECT_EQ(items[0].attributes().at("class"), "a=b");
  EXPECT_EQ(items[0].share_key(), "k");
  ASSERT_EQ(Run({"run", "cad", "--version", "3", "--", "true"}).exit_code, 0);
  EXPECT_EQ(cluster_.LastItems().at(0).version(), "3");
  for (const char* wrong : {"region", "=eu", "region="}) {
    EXPECT_EQ(Run({"checkout", "cad", "--attribute", wrong}).exit_code, 2);
  }
  EXPECT_EQ(Run({"checkout", "cad", "--attribute", "a=1", "--attribute", "a=2"})
                .exit_code,
            2);
  EXPECT_THAT(Run({"checkout", "cad", "--released", "January"}).errors,
              HasSubstr("2026-01-31"));
}

TEST_F(CliTest, CheckoutHoldsForATime) {
  const ProgramResult result = Run({"checkout", "cad", "--hold", "50ms"});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.errors, Not(HasSubstr("at once")));
  EXPECT_EQ(cluster_.SeatsOut("cad"), 0u);
}

TEST_F(CliTest, CheckoutHoldsUntilItIsInterrupted) {
  Program holder(Words({"checkout", "cad", "--hold", "forever"}), environment_);
  EXPECT_THAT(holder.ReadLine(), StartsWith("SEAT"));
  EXPECT_EQ(cluster_.SeatsOut("cad"), 1u);
  holder.Signal(SIGINT);
  EXPECT_EQ(holder.Wait().exit_code, 0);
  EXPECT_EQ(cluster_.SeatsOut("cad"), 0u);
}

TEST_F(CliTest, AttachTakesUpTheSessionOfAProgramThatWasKilled) {
  Program holder(Words({"checkout", "cad", "--hold", "forever"}), environment_);
  ASSERT_TRUE(cluster_.Await([this] { return cluster_.SeatsOut("cad") == 1; }));
  holder.Signal(SIGKILL);
  holder.Wait();
  EXPECT_EQ(cluster_.SeatsOut("cad"), 1u);
  const ProgramResult shown = Run({"attach", "sessions/1", "-o", "json"});
  ASSERT_EQ(shown.exit_code, 0) << shown.errors;
  EXPECT_EQ(nlohmann::json::parse(shown.output)["seats"][0]["handle"], "2");
  EXPECT_THAT(shown.errors, HasSubstr("left as it is"));
  EXPECT_EQ(cluster_.SeatsOut("cad"), 1u);
  const ProgramResult held = Run({"attach", "1", "--hold", "50ms"});
  EXPECT_EQ(held.exit_code, 0) << held.errors;
  EXPECT_THAT(held.output, HasSubstr("cad"));
  EXPECT_EQ(cluster_.SessionsOpen(), 0u);
  EXPECT_EQ(Run({"attach", "1"}).exit_code, 5);
}

TEST_F(CliTest, CheckoutCanBeInterruptedWhileItWaits) {
  for (size_t i = 0; i < 3; ++i) {
    cluster_.SetConduct(i, Conduct::kHang);
  }
  Program waiter(Words({"checkout", "cad", "--timeout", "60s"}), environment_);
  ASSERT_TRUE(cluster_.Await(
      [this] { return !cluster_.Arrivals("OpenSession").empty(); }));
  waiter.Signal(SIGTERM);
  EXPECT_EQ(waiter.Wait().exit_code, 128 + SIGTERM);
}

TEST_F(CliTest, RunHandsOnTheExitCode) {
  EXPECT_EQ(Run({"run", "cad", "--", "true"}).exit_code, 0);
  EXPECT_EQ(Run({"run", "cad", "--", "false"}).exit_code, 1);
  EXPECT_EQ(Run({"run", "cad", "--", "sh", "-c", "exit 42"}).exit_code, 42);
  EXPECT_EQ(Run({"run", "cad", "--", "sh", "-c", "kill -9 $$"}).exit_code,
            128 + SIGKILL);
  EXPECT_EQ(Run({"run", "cad", "--", "/nowhere/x"}).exit_code, 127);
  EXPECT_EQ(Run({"run", "cad", "--", "/"}).exit_code, 126);
  EXPECT_EQ(cluster_.SeatsOut("cad"), 0u);
}

TEST_F(CliTest, RunLeavesTheCommandItsWordsAndOutput) {
  const ProgramResult result =
      Run({"run", "cad", "--", "echo", "-o", "--", "json"});
  EXPECT_EQ(result.output, "-o -- json\n");
  EXPECT_THAT(result.errors, IsEmpty());
}

TEST_F(CliTest, RunHoldsTheSeatWhileTheCommandRuns) {
  Program runner(
      Words({"run", "cad", "--", "sh", "-c",
             "sleep 3600 >/dev/null & trap 'kill $!; echo got; exit 9' "
             "TERM; echo up; wait"}),
      environment_);
  EXPECT_EQ(runner.ReadLine(), "up");
  EXPECT_EQ(cluster_.SeatsOut("cad"), 1u);
  // Not disturbed by the loss of members.
  cluster_.Kill(0);
  cluster_.Kill(1);
  runner.Signal(SIGTERM);
  EXPECT_EQ(runner.ReadLine(), "got");
  EXPECT_EQ(runner.Wait().exit_code, 9);
  EXPECT_EQ(cluster_.SeatsOut("cad"), 0u);
}

TEST_F(CliTest, RunWarnsAndGoesOnWhereTheSeatIsLost) {
  cluster_.SetTtl(absl::Milliseconds(600));
  Program runner(
      Words({"run", "cad", "--", "sh", "-c", "echo up; exec sleep 3600"}),
      environment_);
  EXPECT_EQ(runner.ReadLine(), "up");
  cluster_.EndSession("sessions/1");
  EXPECT_TRUE(cluster_.Await([&] {
    return runner.ErrorsSoFar().find("is lost") != std::string::npos;
  }));
  runner.Signal(SIGTERM);
  EXPECT_EQ(runner.Wait().exit_code, 128 + SIGTERM);
}

TEST_F(CliTest, SaysWhoHoldsTheSeatsWhereNoneIsFree) {
  Program holder(
      Words({"checkout", "cad", "--count", "2", "--hold", "forever"}),
      environment_);
  EXPECT_THAT(holder.ReadLine(), StartsWith("SEAT"));
  const ProgramResult none = Run({"run", "cad", "--", "echo", "ran"});
  EXPECT_EQ(none.exit_code, 6);
  EXPECT_THAT(none.output, IsEmpty());
  EXPECT_THAT(none.errors,
              AllOf(HasSubstr("POOL_EXHAUSTED"), HasSubstr("Held by:"),
                    HasSubstr("quorate checkout")));
  EXPECT_EQ(Run({"checkout", "cad"}).exit_code, 6);
  EXPECT_THAT(Run({"seats", "cad"}).output, HasSubstr("quorate checkout"));
  EXPECT_THAT(Run({"sessions"}).output, HasSubstr("quorate checkout"));
  holder.Signal(SIGTERM);
  EXPECT_EQ(holder.Wait().exit_code, 0);
}

TEST_F(CliTest, InstallsLicences) {
  const std::string file = certificates_->Path("license");
  std::ofstream(file) << "good licence";
  const ProgramResult good = Run({"license", "install", file});
  EXPECT_EQ(good.exit_code, 0) << good.errors;
  EXPECT_THAT(good.output, HasSubstr("licenses/good"));
  std::ofstream(file) << "tampered";
  const ProgramResult bad = Run({"license", "install", file});
  EXPECT_EQ(bad.exit_code, 7);
  EXPECT_THAT(bad.errors, HasSubstr("LICENSE_INVALID"));
}

}  // namespace
}  // namespace quorate

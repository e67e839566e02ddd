// Property: a licence that ends soon, a full pool, refusals, a member that is
// killed and one that is back are each mailed once, also when the leader is
// killed in between; a mail server that is away costs nothing but the delay.
// Method: three real members and a real mail server; leaders are killed -9, and
// the letters are counted by what they say.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <poll.h>
#include <set>
#include <signal.h>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "base/clock.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/failover_report.h"
#include "tests/e2e/test_cluster.h"
#include "tests/server/mail/mail_sink.h"

namespace quorate::e2e {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(90);

class AlertsTest : public testing::Test {
 protected:
  void SetUp() override {
    auto cluster = TestCluster::Start();
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = *std::move(cluster);
  }

  // Kills each member in turn, and starts it again with a mail server.
  void ConfigureMail() {
    for (const TestMember& member : cluster_->Members()) {
      cluster_->Signal(member.name, SIGKILL);
      std::ofstream(
          absl::StrCat(cluster_->dir(), "/", member.name, "/config.toml"),
          std::ios::app)
          << "\n[mail]\nserver = \"" << sink_.Url()
          << "\"\nstarttls = \"off\"\nsender = \"quorate@plant.example\"\n"
          << "timeout = \"2s\"\n";
      ASSERT_TRUE(cluster_->Restart(member.name).ok());
      ASSERT_NE(WaitForLeader(*cluster_), "");
    }
  }

  CommandResult Must(const std::vector<std::string>& words) const {
    CommandResult result = cluster_->Quorate(words);
    EXPECT_EQ(result.exit_code, 0) << result.output << result.errors;
    return result;
  }

  // How often each subject was mailed, without "[quorate NAME] ".
  std::map<std::string, int> Mailed() const {
    std::map<std::string, int> subjects;
    for (const mail::KeptLetter& letter : sink_.Letters()) {
      const std::string& subject = letter.headers.at("Subject");
      ++subjects[subject.substr(subject.find(']') + 2)];
    }
    return subjects;
  }

  // Waits for a mail whose subject has this in it.
  bool WaitForMail(const std::string& part) const {
    const Clock& clock = SystemClock();
    const absl::Duration end = clock.SinceBoot() + kLimit;
    while (clock.SinceBoot() < end) {
      for (const auto& [subject, times] : Mailed()) {
        if (absl::StrContains(subject, part)) return true;
      }
      // Others need the processor.
      ::poll(nullptr, 0, 50);
    }
    return false;
  }

  // Waits until the log has what became of all alerts.
  bool WaitUntilNoted() const {
    const Clock& clock = SystemClock();
    const absl::Duration end = clock.SinceBoot() + kLimit;
    while (clock.SinceBoot() < end) {
      const CommandResult sent =
          cluster_->Quorate({"alerts", "sent", "-o", "json"});
      if (sent.exit_code == 0 &&
          !absl::StrContains(sent.output, "ALERT_MAIL_STATE_WAITING")) {
        return true;
      }
    }
    return false;
  }

  std::unique_ptr<TestCluster> cluster_;
  mail::MailSink sink_;
};

TEST_F(AlertsTest, EachIsMailedOnceThroughKilledLeaders) {
  // Without [mail] the test says what to do.
  const CommandResult none =
      cluster_->Quorate({"alerts", "test", "a@x.example"});
  EXPECT_EQ(none.exit_code, 7) << none.errors;
  EXPECT_TRUE(absl::StrContains(none.errors, "[mail]")) << none.errors;

  ConfigureMail();
  Must({"alerts", "recipients", "add", "licences@plant.example"});
  Must({"alerts", "set", "--cluster-name", "plant-a", "--usage-held", "1s",
        "--member-down", "5s", "--denials", "3"});
  Must({"alerts", "test"});
  EXPECT_TRUE(WaitForMail("test of alerts by mail"));

  const std::string license = cluster_->dir() + "/week.license";
  const nlohmann::json pools =
      nlohmann::json::parse(Must({"pools", "-o", "json"}).output);
  // The day of the end counts: from any time of today on it is a week.
  const absl::Time end = SystemClock().Calendar() + absl::Hours(24 * 6);
  Must({"vendor",       "issue",
        "--keys",       cluster_->dir() + "/vendor",
        "--cluster-id", pools.at("header").at("clusterId"),
        "--customer",   "demo-customer",
        "--license-id", "week",
        "--serial",     "1",
        "--start",      "2026-01-01",
        "--end",        absl::FormatTime("%Y-%m-%d", end, absl::UTCTimeZone()),
        "--feature",    "weekly=4",
        "--out",        license});
  Must({"license", "install", license});
  EXPECT_TRUE(WaitForMail("licence week ends in "));

  // A full pool, and people who get nothing of it.
  BackgroundCommand holder({ProgramPath("quorate"), "checkout", "solver",
                            "--count", "8", "--hold", "1h"},
                           cluster_->environment());
  EXPECT_TRUE(WaitForMail("pool solver is at 100 percent (8 of 8)"));
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(cluster_->Quorate({"run", "solver", "--", "true"}).exit_code, 6);
  EXPECT_TRUE(WaitForMail("denials of solver in an hour"));
  ASSERT_TRUE(WaitUntilNoted());
  const std::map<std::string, int> before = Mailed();

  // The one that mailed dies; its heir tells of that and of nothing else.
  const std::string killed = WaitForLeader(*cluster_);
  cluster_->Signal(killed, SIGKILL);
  EXPECT_TRUE(WaitForMail(absl::StrCat("member ", killed, " does not")));
  ASSERT_TRUE(WaitUntilNoted());

  // Without a mail server it waits, and everything else goes on.
  sink_.Stop();
  ASSERT_TRUE(cluster_->Restart(killed).ok());
  const Clock& clock = SystemClock();
  const absl::Duration limit = clock.SinceBoot() + kLimit;
  std::string sent;
  while (!absl::StrContains(sent, "cannot be reached") &&
         clock.SinceBoot() < limit) {
    sent = cluster_->Quorate({"alerts", "sent"}).output;
  }
  EXPECT_TRUE(absl::StrContains(sent, "cannot be reached")) << sent;
  EXPECT_EQ(cluster_->Quorate({"run", "cad", "--", "true"}).exit_code, 0);
  const std::string second = WaitForLeader(*cluster_);
  cluster_->Signal(second, SIGKILL);
  sink_.Restart({});
  EXPECT_TRUE(WaitForMail(absl::StrCat("member ", killed, " answers again")));
  EXPECT_TRUE(WaitForMail(absl::StrCat("member ", second, " does not")));
  ASSERT_TRUE(WaitUntilNoted());

  for (const auto& [subject, times] : Mailed())
    EXPECT_EQ(times, 1) << subject;
  for (const auto& [subject, times] : before)
    EXPECT_EQ(Mailed()[subject], 1) << subject;
  std::set<std::string> ids;
  for (const mail::KeptLetter& letter : sink_.Letters()) {
    EXPECT_TRUE(ids.insert(letter.headers.at("Message-ID")).second);
    EXPECT_TRUE(
        absl::StartsWith(letter.headers.at("Subject"), "[quorate plant-a] "));
  }
}

}  // namespace
}  // namespace quorate::e2e

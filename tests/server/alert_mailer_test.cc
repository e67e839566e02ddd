// What is due is mailed, what was mailed is not mailed again, and a mail server
// that fails, hangs or is away costs a delay. By a mailer over a ledger without
// a log and a real mail server.

#include "server/alert_mailer.h"

#include <memory>
#include <poll.h>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/server/alert_world.h"
#include "tests/server/mail/mail_sink.h"

namespace quorate::server {
namespace {

using internal::v1::AlertRecord;
using testing::ElementsAre;
using testing::HasSubstr;

class AlertMailerTest : public AlertWorld {
 protected:
  ~AlertMailerTest() override { mailer_.reset(); }

  void Start(const std::string& url,
             absl::Duration timeout = absl::Seconds(20)) {
    AlertMailer::Options options = {.cluster_id = kAlertCluster,
                                    .member = "m1"};
    if (!url.empty()) {
      options.access = mail::MailAccess{.server = url,
                                        .starttls = false,
                                        .ca_file = {},
                                        .sender = "quorate@x.example",
                                        .user = {},
                                        .password = {},
                                        .timeout = timeout};
    }
    options.first_retry = first_retry_;
    options.longest_retry = 2 * first_retry_;
    options.period = absl::Milliseconds(10);
    mailer_ = std::make_unique<AlertMailer>(
        AlertMailer::Deps{.node = node_.get(),
                          .view = &replica_->view(),
                          .clock = &SystemClock()},
        options);
  }

  template <typename Condition>
  bool Await(Condition condition) {
    const absl::Duration end = SystemClock().SinceBoot() + kAlertLimit;
    while (SystemClock().SinceBoot() < end) {
      if (condition()) return true;
      // The mailer and the mail server need the processor.
      ::poll(nullptr, 0, 5);
    }
    return false;
  }

  bool AwaitState(internal::v1::AlertMailState state) {
    return Await([&] {
      for (const AlertRecord& alert : Alerts()) {
        if (alert.state() != state) return false;
      }
      return true;
    });
  }

  bool AwaitText(const std::string& part) {
    return Await(
        [&] { return absl::StrContains(Alerts().front().text(), part); });
  }

  static std::vector<std::string> SubjectsOf(const mail::MailSink& sink) {
    std::vector<std::string> subjects;
    for (const mail::KeptLetter& letter : sink.Letters())
      subjects.push_back(letter.headers.at("Subject"));
    return subjects;
  }

  // Waits until a test was mailed. Between two of them the mailer has looked
  // for what waits.
  TestMailOutcome MailTestNow() {
    absl::Notification done;
    TestMailOutcome outcome;
    EXPECT_TRUE(mailer_->Test({.request_id = "r-1",
                               .addresses = {"c@x.example"},
                               .cluster_name = "plant-a",
                               .done = [&](const TestMailOutcome& came) {
                                 outcome = came;
                                 done.Notify();
                               }}));
    done.WaitForNotification();
    return outcome;
  }

  absl::Duration first_retry_ = absl::Milliseconds(50);
  std::unique_ptr<AlertMailer> mailer_;
};

TEST_F(AlertMailerTest, EachAlertIsOneMail) {
  mail::MailSink sink;
  Raise("m2");
  Raise("m3");
  Start(sink.Url());
  EXPECT_TRUE(AwaitState(internal::v1::ALERT_MAIL_STATE_MAILED));
  EXPECT_THAT(SubjectsOf(sink),
              ElementsAre("[quorate 01234567] member m2 does not answer",
                          "[quorate 01234567] member m3 does not answer"));
  const std::vector<AlertRecord> alerts = Alerts();
  EXPECT_EQ(alerts[0].text(), "250 2.0.0 kept as 1");
  EXPECT_EQ(alerts[0].member(), "m1");
  EXPECT_EQ(alerts[0].recipients(), 2U);
  EXPECT_EQ(alerts[1].mail(), 2U);
}

TEST_F(AlertMailerTest, WhoDoesNotLeadMailsNothingButTests) {
  mail::MailSink sink;
  node_->SetLeads(false);
  Raise("m2");
  Start(sink.Url());
  EXPECT_EQ(MailTestNow().problem, "");
  EXPECT_EQ(MailTestNow().problem, "");
  const std::string subject = "[quorate plant-a] test of alerts by mail";
  EXPECT_THAT(SubjectsOf(sink), ElementsAre(subject, subject));
  EXPECT_EQ(Alerts()[0].state(), internal::v1::ALERT_MAIL_STATE_WAITING);
  node_->SetLeads(true);
  EXPECT_TRUE(AwaitState(internal::v1::ALERT_MAIL_STATE_MAILED));
}

TEST_F(AlertMailerTest, TestsAreNoWayToFloodSomebody) {
  mail::MailSink sink;
  Start(sink.Url());
  size_t taken = 0;
  for (size_t i = 0; i <= kMaxMailTestsOfHour; ++i) {
    absl::Notification done;
    if (!mailer_->Test(
            {.request_id = absl::StrCat("r", i),
             .addresses = {"c@x.example"},
             .cluster_name = {},
             .done = [&done](const TestMailOutcome&) { done.Notify(); }})) {
      continue;
    }
    done.WaitForNotification();
    ++taken;
  }
  EXPECT_EQ(taken, kMaxMailTestsOfHour);
  EXPECT_EQ(sink.Letters().size(), kMaxMailTestsOfHour);
}

TEST_F(AlertMailerTest, ANewLeaderDoesNotMailAgain) {
  mail::MailSink sink;
  Raise("m2");
  Start(sink.Url());
  EXPECT_TRUE(AwaitState(internal::v1::ALERT_MAIL_STATE_MAILED));
  mailer_.reset();
  Raise("m3");
  Start(sink.Url());
  EXPECT_TRUE(AwaitState(internal::v1::ALERT_MAIL_STATE_MAILED));
  EXPECT_EQ(sink.Letters().size(), 2U);
}

TEST_F(AlertMailerTest, WhatCouldNotBeNotedIsNotedLaterAndMailedOnce) {
  mail::MailSink sink;
  Raise("m2");
  node_->FailProposals(replication::ProposeOutcome::kNoQuorum);
  Start(sink.Url());
  EXPECT_EQ(sink.WaitForLetters(1).size(), 1U);
  node_->WaitForCalls(node_->commands().size() + 3);
  node_->FailProposals(std::nullopt);
  EXPECT_TRUE(AwaitState(internal::v1::ALERT_MAIL_STATE_MAILED));
  EXPECT_EQ(sink.Letters().size(), 1U);
}

TEST_F(AlertMailerTest, AMailServerThatIsAwayDelays) {
  mail::MailSink sink;
  sink.Stop();
  Raise("m2");
  Start(sink.Url());
  EXPECT_TRUE(AwaitText("cannot be reached"));
  EXPECT_EQ(Alerts()[0].state(), internal::v1::ALERT_MAIL_STATE_WAITING);
  sink.Restart({});
  EXPECT_TRUE(AwaitState(internal::v1::ALERT_MAIL_STATE_MAILED));
  EXPECT_EQ(sink.Letters().size(), 1U);
}

TEST_F(AlertMailerTest, AMailServerThatFailsIsLeftAloneForAWhile) {
  mail::MailSink sink;
  sink.Stop();
  first_retry_ = absl::Hours(1);
  Raise("m2");
  Raise("m3");
  Start(sink.Url());
  EXPECT_TRUE(AwaitText("cannot be reached"));
  sink.Restart({});
  EXPECT_EQ(MailTestNow().problem, "");
  EXPECT_EQ(MailTestNow().problem, "");
  EXPECT_EQ(sink.Letters().size(), 2U);
  EXPECT_EQ(Alerts()[0].attempts(), 1U);
  EXPECT_EQ(Alerts()[1].attempts(), 0U);
}

TEST_F(AlertMailerTest, AMailServerThatHangsHoldsNothingUp) {
  mail::MailSink sink({"--hang"});
  Start(sink.Url(), absl::Seconds(1));
  Raise("m2");
  Raise("m3");
  EXPECT_TRUE(AwaitText("did not answer within 1s"));
  sink.Restart({});
  EXPECT_TRUE(AwaitState(internal::v1::ALERT_MAIL_STATE_MAILED));
}

TEST_F(AlertMailerTest, AStopGivesUpWhatHangs) {
  mail::MailSink sink({"--hang"});
  Raise("m2");
  Start(sink.Url(), absl::Hours(1));
  absl::Notification done;
  ASSERT_TRUE(mailer_->Test(
      {.request_id = "r-1",
       .addresses = {"c@x.example"},
       .cluster_name = {},
       .done = [&done](const TestMailOutcome&) { done.Notify(); }}));
  mailer_->Stop();
  EXPECT_TRUE(done.HasBeenNotified());
  EXPECT_FALSE(mailer_->Test({}));
}

TEST_F(AlertMailerTest, OneWhoPutsOffGetsItLaterAndTheOthersOnce) {
  mail::MailSink sink({"--defer", "b@x.example=2"});
  Raise("m2");
  Start(sink.Url());
  EXPECT_TRUE(AwaitState(internal::v1::ALERT_MAIL_STATE_MAILED));
  const auto letters = sink.Letters();
  ASSERT_EQ(letters.size(), 2U);
  EXPECT_THAT(letters[0].recipients, ElementsAre("a@x.example"));
  EXPECT_THAT(letters[1].recipients, ElementsAre("b@x.example"));
  EXPECT_EQ(letters[0].headers.at("Message-ID"),
            letters[1].headers.at("Message-ID"));
  EXPECT_EQ(Alerts()[0].recipients(), 2U);
}

TEST_F(AlertMailerTest, AnAddressThatIsRefusedIsNamed) {
  mail::MailSink sink({"--refuse", "b@x.example"});
  Raise("m2");
  Start(sink.Url());
  EXPECT_TRUE(AwaitState(internal::v1::ALERT_MAIL_STATE_MAILED));
  EXPECT_THAT(Alerts()[0].text(), HasSubstr("b@x.example is refused: 550"));
  EXPECT_EQ(Alerts()[0].recipients(), 1U);
}

TEST_F(AlertMailerTest, WhatEverybodyRefusesIsNotMailed) {
  mail::MailSink sink({"--refuse-letter"});
  Raise("m2");
  Start(sink.Url());
  EXPECT_TRUE(AwaitState(internal::v1::ALERT_MAIL_STATE_NOT_MAILED));
  EXPECT_THAT(Alerts()[0].text(), HasSubstr("554 5.7.1"));
}

TEST_F(AlertMailerTest, WhatNobodyWantsIsNotMailed) {
  SetRecipients({});
  Raise("m3");
  Start("");
  EXPECT_TRUE(AwaitState(internal::v1::ALERT_MAIL_STATE_NOT_MAILED));
  EXPECT_EQ(Alerts()[0].text(), "not mailed: no recipient wants it");
}

// A machine that joined has no [mail] in its configuration.
TEST_F(AlertMailerTest, ALeaderWithoutAMailServerLeavesItToTheNextOne) {
  mail::MailSink sink;
  Raise("m2");
  Raise("m3");
  Start("");
  EXPECT_TRUE(AwaitText("no [mail] in the configuration of m1, which leads"));
  EXPECT_EQ(Alerts()[0].state(), internal::v1::ALERT_MAIL_STATE_WAITING);
  mailer_.reset();
  Start(sink.Url());
  EXPECT_TRUE(AwaitState(internal::v1::ALERT_MAIL_STATE_MAILED));
  EXPECT_EQ(sink.Letters().size(), 2U);
}

TEST_F(AlertMailerTest, AfterADayWithoutAMailServerAllThatIsOldIsOver) {
  Raise("m2");
  Raise("m3");
  node_->SetTime(node_->ClusterMsHint(),
                 node_->CalendarMsHint() + alerts::kGiveUpMs);
  Raise("m4");
  Start("");
  EXPECT_TRUE(AwaitText("not mailed: no [mail] in the configuration of m1"));
  mailer_.reset();
  const std::vector<AlertRecord> alerts = Alerts();
  ASSERT_EQ(alerts.size(), 3U);
  EXPECT_EQ(alerts[0].state(), internal::v1::ALERT_MAIL_STATE_NOT_MAILED);
  EXPECT_EQ(alerts[1].state(), internal::v1::ALERT_MAIL_STATE_NOT_MAILED);
  EXPECT_EQ(alerts[1].attempts(), 1U);
  EXPECT_EQ(alerts[2].state(), internal::v1::ALERT_MAIL_STATE_WAITING);
}

TEST_F(AlertMailerTest, AnHourHasSoManyMails) {
  mail::MailSink sink;
  SetRecipients({"a@x.example"}, 2);
  for (int i = 1; i <= 6; ++i)
    Raise(absl::StrCat("n", i));
  Start(sink.Url());
  EXPECT_TRUE(AwaitState(internal::v1::ALERT_MAIL_STATE_MAILED));
  EXPECT_THAT(SubjectsOf(sink),
              ElementsAre("[quorate 01234567] member n1 does not answer",
                          "[quorate 01234567] 5 alerts: member n2 does not "
                          "answer, ..."));
}

}  // namespace
}  // namespace quorate::server

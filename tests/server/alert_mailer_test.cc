// What is due is mailed, what was mailed is not mailed again, and a mail server
// that fails, hangs or is away costs a delay. By a mailer over a ledger without
// a log and a real mail server, and by a watch that raises what it sees.

#include "server/alert_mailer.h"

#include <memory>
#include <poll.h>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "replication/storage/memory_state_store.h"
#include "server/alert_watch.h"
#include "server/licensing_replica.h"
#include "tests/server/fake_node.h"
#include "tests/server/licensing/commands.h"
#include "tests/server/mail/mail_sink.h"

namespace quorate::server {
namespace {

using internal::v1::AlertRecord;
using internal::v1::Command;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kCluster[] = "0123456789abcdef0123456789abcdef";
constexpr absl::Duration kLimit = absl::Seconds(60);

// While a cursor of it lives, its member applies and answers nothing: so it is
// where a snapshot waits for the cursors to go (StateStore::Install).
class WaitingStore final : public replication::MemoryStateStore {
 public:
  absl::StatusOr<std::unique_ptr<replication::RecordCursor>> NewCursor()
      const override {
    auto cursor = MemoryStateStore::NewCursor();
    if (!cursor.ok() || node == nullptr) return cursor;
    node->Hold(true);
    ++cursors;
    return std::make_unique<Cursor>(node, *std::move(cursor));
  }

  FakeNode* node = nullptr;
  mutable int cursors = 0;  // That were made.

 private:
  class Cursor final : public replication::RecordCursor {
   public:
    Cursor(FakeNode* node, std::unique_ptr<RecordCursor> cursor)
        : node_(node), cursor_(std::move(cursor)) {}

    ~Cursor() override { node_->Hold(false); }

    void Seek(absl::string_view key) override { cursor_->Seek(key); }

    void SeekForPrev(absl::string_view key) override {
      cursor_->SeekForPrev(key);
    }

    void Next() override { cursor_->Next(); }

    absl::string_view key() const override { return cursor_->key(); }

    absl::string_view value() const override { return cursor_->value(); }

    bool Valid() const override { return cursor_->Valid(); }

    absl::Status status() const override { return cursor_->status(); }

   private:
    FakeNode* const node_;
    const std::unique_ptr<RecordCursor> cursor_;
  };
};

class AlertMailerTest : public testing::Test {
 protected:
  AlertMailerTest() {
    auto replica = LicensingReplica::Restore(kCluster, 1, &store_);
    EXPECT_TRUE(replica.ok()) << replica.status();
    replica_ = *std::move(replica);
    node_ = std::make_unique<FakeNode>(replica_.get());
    SetRecipients({"a@x.example", "b@x.example"});
  }

  ~AlertMailerTest() override {
    mailer_.reset();
    node_->Stop();
  }

  void Refused(Command command) { Propose(std::move(command), false); }

  void Propose(Command command, bool granted = true) {
    command.set_principal("admin");
    command.set_request_id(absl::StrCat("r", ++requests_));
    command.set_not_after_cluster_ms(node_->ClusterMsHint() + 30'000);
    absl::Notification done;
    node_->Propose(
        command.SerializeAsString(), absl::Seconds(10),
        [&done, granted](const replication::ProposeResult& result) {
          EXPECT_EQ(result.outcome, replication::ProposeOutcome::kApplied);
          EXPECT_EQ(
              static_cast<const LicensingAnswer&>(*result.answer).ledger.ok(),
              granted);
          done.Notify();
        });
    done.WaitForNotification();
  }

  void SetRecipients(const std::vector<std::string>& addresses,
                     uint32_t mails_per_hour = 100,
                     uint32_t denials_per_hour = 50) {
    Command command;
    auto* body = command.mutable_update_alert_settings();
    body->set_base_version(versions_++);
    auto* settings = body->mutable_settings();
    *settings = licensing::AlertBook().settings().settings();
    settings->set_mails_per_hour(mails_per_hour);
    settings->set_usage_held_ms(0);
    settings->set_denials_per_hour(denials_per_hour);
    for (const std::string& address : addresses)
      settings->add_recipients()->set_address(address);
    Propose(command);
  }

  void Raise(const std::string& name) {
    Command command;
    auto* facts = command.mutable_raise_alerts()->add_alerts();
    facts->set_key("member_down/" + name);
    facts->set_kind(internal::v1::ALERT_KIND_MEMBER_DOWN);
    facts->set_stage(1);
    facts->set_name(name);
    Propose(command);
  }

  void Start(const std::string& url,
             absl::Duration timeout = absl::Seconds(20)) {
    AlertMailer::Options options = {.cluster_id = kCluster, .member = "m1"};
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

  // As they stand in the book.
  std::vector<AlertRecord> Alerts() {
    std::vector<AlertRecord> alerts;
    absl::Notification done;
    node_->Read({.kind = replication::ReadConsistency::Kind::kLocal},
                absl::Seconds(10), [&](replication::ReadOutcome) {
                  for (const auto& [number, alert] :
                       replica_->view().alerts->alerts()) {
                    alerts.push_back(alert);
                  }
                  done.Notify();
                });
    done.WaitForNotification();
    return alerts;
  }

  template <typename Condition>
  bool Await(Condition condition) {
    const absl::Duration end = SystemClock().SinceBoot() + kLimit;
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
  WaitingStore store_;
  std::unique_ptr<LicensingReplica> replica_;
  std::unique_ptr<FakeNode> node_;
  std::unique_ptr<AlertMailer> mailer_;
  uint64_t requests_ = 0;
  uint64_t versions_ = 0;
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

TEST_F(AlertMailerTest, TheWatchRaisesWhatItSeesOnce) {
  Propose(licensing::InstallCommand("L1", 1, {{"cad", 5}}));
  Propose(licensing::OpenCommand(60'000));
  AlertWatch watch({.node = node_.get(),
                    .view = &replica_->view(),
                    .clock = &SystemClock()});
  watch.Look();
  EXPECT_TRUE(Alerts().empty());
  Propose(licensing::CheckoutCommand(1, {{"cad", 5}}));
  watch.Look();
  watch.Look();
  ASSERT_EQ(Alerts().size(), 1U);
  EXPECT_EQ(Alerts()[0].facts().key(), "pool_usage/cad");
  node_->SetLeads(false);
  watch.Look();
  // Another leader, who has looked at nothing yet.
  node_->SetLeads(true);
  AlertWatch heir({.node = node_.get(),
                   .view = &replica_->view(),
                   .clock = &SystemClock()});
  heir.Look();
  EXPECT_EQ(Alerts().size(), 1U);
}

TEST_F(AlertMailerTest, TheWatchWaitsForNothingWhileItReadsDenials) {
  Propose(licensing::InstallCommand("L1", 1, {{"cad", 5}}));
  Propose(licensing::OpenCommand(60'000));
  Propose(licensing::CheckoutCommand(1, {{"cad", 5}}));
  store_.node = node_.get();
  AlertWatch watch({.node = node_.get(),
                    .view = &replica_->view(),
                    .clock = &SystemClock()});
  absl::Notification looked;
  std::thread looks([&] {
    watch.Look();
    looked.Notify();
  });
  const bool done = looked.WaitForNotificationWithTimeout(kLimit);
  EXPECT_TRUE(done);
  // Else it is answered after all.
  while (!looked.WaitForNotificationWithTimeout(absl::Milliseconds(10)))
    node_->Hold(false);
  looks.join();
  EXPECT_EQ(store_.cursors, 1);
  EXPECT_EQ(Alerts().size(), 1U);
}

// Each look at it is half a second later.
class HurryingClock final : public Clock {
 public:
  absl::Duration SinceBoot() const override {
    return now_ += absl::Milliseconds(500);
  }

  absl::Time Calendar() const override { return SystemClock().Calendar(); }

 private:
  mutable absl::Duration now_ = absl::Hours(1);
};

TEST_F(AlertMailerTest, TheWatchGoesOnWithMoreFeaturesThanOneLookReads) {
  Propose(licensing::OpenCommand(60'000));
  constexpr uint32_t kFew = 2;
  SetRecipients({}, 100, kFew);
  for (uint32_t i = 0; i <= kFew; ++i) {
    for (int feature = 10; feature < 30; ++feature) {
      Refused(
          licensing::CheckoutCommand(1, {{absl::StrCat("no", feature), 1}}));
    }
  }
  const HurryingClock clock;
  AlertWatch watch(
      {.node = node_.get(), .view = &replica_->view(), .clock = &clock});
  for (int i = 0; i < 200; ++i)
    watch.Look();
  EXPECT_EQ(Alerts().size(), 20U);
}

// More is so than the book takes: what is over goes on being looked at, but
// nothing is put into the log again and again.
TEST_F(AlertMailerTest, TheWatchAsksForNothingThatHasNoRoom) {
  for (size_t i = 0; i < licensing::kMaxAlerts; ++i)
    Raise(absl::StrCat("n", i));
  Propose(licensing::InstallCommand("L1", 1, {{"cad", 5}}));
  Propose(licensing::OpenCommand(60'000));
  Propose(licensing::CheckoutCommand(1, {{"cad", 5}}));
  AlertWatch watch({.node = node_.get(),
                    .view = &replica_->view(),
                    .clock = &SystemClock()});
  watch.Look();  // Ends the marks of members that are none.
  const size_t before = node_->commands().size();
  watch.Look();
  watch.Look();
  EXPECT_EQ(node_->commands().size(), before);
}

}  // namespace
}  // namespace quorate::server

// What was raised once is not raised again until it is over, and nothing that
// still has to be mailed is forgotten. By commands at chosen times and by
// random ones against a dumb twin, the book restored from its records each
// time.

#include "server/licensing/alert_book.h"

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "tests/support/seed.h"

namespace quorate::licensing {
namespace {

using internal::v1::AlertFacts;
using internal::v1::AlertMailState;
using internal::v1::AlertSettings;
using internal::v1::Command;

constexpr EntryTime kNow = {.cluster_ms = 1'000'000,
                            .calendar_ms = 1'767'225'600'000};

AlertFacts FactsOf(const std::string& key, uint32_t stage = 1) {
  AlertFacts facts;
  facts.set_key(key);
  facts.set_kind(internal::v1::ALERT_KIND_POOL_USAGE);
  facts.set_stage(stage);
  facts.set_name("cad");
  return facts;
}

Command RaiseCommand(const std::vector<AlertFacts>& alerts,
                     const std::vector<std::string>& ended = {}) {
  Command command;
  command.set_not_after_cluster_ms(kNow.cluster_ms + 30'000);
  for (const AlertFacts& facts : alerts)
    *command.mutable_raise_alerts()->add_alerts() = facts;
  for (const std::string& key : ended)
    command.mutable_raise_alerts()->add_ended_keys(key);
  if (alerts.empty() && ended.empty()) command.mutable_raise_alerts();
  return command;
}

Command MailCommand(const std::vector<uint64_t>& numbers,
                    AlertMailState state) {
  Command command;
  auto* body = command.mutable_record_alert_mail();
  body->mutable_numbers()->Assign(numbers.begin(), numbers.end());
  body->set_state(state);
  body->set_text("250 OK");
  body->set_member("m1");
  body->set_recipients(2);
  return command;
}

class AlertBookTest : public testing::Test {
 protected:
  // Applies, writes the records, and goes on with a book made of them.
  LedgerAnswer Apply(const Command& command, const EntryTime& now = kNow) {
    AlertBook::Changes changes;
    LedgerAnswer answer = book_.Apply(command, now, &changes);
    std::set<std::string> keys;
    for (const RecordChange& change : changes) {
      EXPECT_TRUE(AlertBook::HasKey(change.key));
      EXPECT_TRUE(keys.insert(change.key).second);
      if (change.value.has_value()) {
        records_[change.key] = *change.value;
      } else {
        // None where it began in the same command.
        records_.erase(change.key);
      }
    }
    AlertBook restored;
    std::vector<RecordChange> all;
    for (const auto& [key, value] : records_) {
      EXPECT_TRUE(restored.RestoreRecord(key, value).ok());
      all.push_back({.key = key, .value = value});
    }
    EXPECT_EQ(restored.Dump(), book_.Dump());
    EXPECT_EQ(all, book_.Dump());
    EXPECT_EQ(restored.waiting_count(), book_.waiting_count());
    book_ = std::move(restored);
    return answer;
  }

  Command UpdateCommand(const std::string& request_id, uint64_t base) {
    Command command;
    command.set_request_id(request_id);
    command.set_principal("admin");
    command.set_not_after_cluster_ms(kNow.cluster_ms + 30'000);
    auto* body = command.mutable_update_alert_settings();
    body->set_base_version(base);
    *body->mutable_settings() = AlertBook().settings().settings();
    body->mutable_settings()->add_recipients()->set_address("a@b.example");
    return command;
  }

  AlertBook book_;
  std::map<std::string, std::string> records_;
};

TEST_F(AlertBookTest, OneAlertForOneEpisode) {
  EXPECT_TRUE(Apply(RaiseCommand({FactsOf("pool_usage/cad")})).ok());
  EXPECT_TRUE(Apply(RaiseCommand({FactsOf("pool_usage/cad")})).ok());
  ASSERT_EQ(book_.alerts().size(), 1U);
  EXPECT_EQ(book_.waiting_count(), 1U);
  Apply(RaiseCommand({}, {"pool_usage/cad"}));
  EXPECT_TRUE(book_.marks().empty());
  Apply(RaiseCommand({FactsOf("pool_usage/cad")}));
  ASSERT_EQ(book_.alerts().size(), 2U);
  EXPECT_EQ(book_.alerts().rbegin()->first, 2U);
}

TEST_F(AlertBookTest, ALaterStageIsNewsAndAnEarlierOneIsNot) {
  Apply(RaiseCommand({FactsOf("license_expires/L/1", 2)}));
  Apply(RaiseCommand({FactsOf("license_expires/L/1", 1)}));
  EXPECT_EQ(book_.alerts().size(), 1U);
  Apply(RaiseCommand({FactsOf("license_expires/L/1", 3)}));
  EXPECT_EQ(book_.alerts().size(), 2U);
}

TEST_F(AlertBookTest, AnEndIsToldOnceAndOnlyAfterItsBeginning) {
  AlertFacts back = FactsOf("member_back/m2");
  back.set_ends_key("member_down/m2");
  Apply(RaiseCommand({back}));
  EXPECT_TRUE(book_.alerts().empty());
  Apply(RaiseCommand({FactsOf("member_down/m2")}));
  Apply(RaiseCommand({back}));
  Apply(RaiseCommand({back}));
  EXPECT_EQ(book_.alerts().size(), 2U);
  EXPECT_TRUE(book_.marks().empty());
}

TEST_F(AlertBookTest, ALateCommandRaisesNothing) {
  Command late = RaiseCommand({FactsOf("pool_usage/cad")});
  late.set_not_after_cluster_ms(kNow.cluster_ms - 1);
  EXPECT_EQ(Apply(late).reason, type::v1::ERROR_REASON_REQUEST_EXPIRED);
  EXPECT_TRUE(book_.alerts().empty());
}

TEST_F(AlertBookTest, AMailIsNotedOnce) {
  Apply(RaiseCommand({FactsOf("a"), FactsOf("b")}));
  Apply(MailCommand({1, 2}, internal::v1::ALERT_MAIL_STATE_WAITING));
  EXPECT_EQ(book_.waiting_count(), 2U);
  Apply(MailCommand({1, 2, 77}, internal::v1::ALERT_MAIL_STATE_MAILED));
  Apply(MailCommand({1}, internal::v1::ALERT_MAIL_STATE_NOT_MAILED));
  EXPECT_EQ(book_.waiting_count(), 0U);
  const auto& alert = book_.alerts().at(1);
  EXPECT_EQ(alert.state(), internal::v1::ALERT_MAIL_STATE_MAILED);
  EXPECT_EQ(alert.mail(), 1U);
  EXPECT_EQ(alert.attempts(), 2U);
  EXPECT_EQ(alert.mailed_calendar_ms(), kNow.calendar_ms);
  EXPECT_EQ(book_.alerts().at(2).mail(), 1U);
}

TEST_F(AlertBookTest, SettingsChangeFromTheVersionTheyWereMadeOf) {
  EXPECT_TRUE(Apply(UpdateCommand("r1", 0)).ok());
  EXPECT_EQ(book_.settings().version(), 1U);
  EXPECT_EQ(Apply(UpdateCommand("r2", 0)).reason,
            type::v1::ERROR_REASON_ALERT_SETTINGS_CHANGED);
  const LedgerAnswer again = Apply(UpdateCommand("r1", 0));
  EXPECT_TRUE(again.ok());
  EXPECT_TRUE(again.repeated);
  Command other = UpdateCommand("r1", 1);
  other.mutable_update_alert_settings()->mutable_settings()->set_usage_percent(
      50);
  EXPECT_EQ(Apply(other).reason, type::v1::ERROR_REASON_REQUEST_ID_REUSED);
  EXPECT_TRUE(Apply(UpdateCommand("r3", 1)).ok());
  EXPECT_EQ(book_.settings().version(), 2U);
}

TEST_F(AlertBookTest, SettingsThatCannotBeAreRefused) {
  const auto refused = [this](auto change) {
    Command command = UpdateCommand("r", 0);
    change(command.mutable_update_alert_settings()->mutable_settings());
    return Apply(command).reason == type::v1::ERROR_REASON_BAD_REQUEST;
  };
  EXPECT_TRUE(refused([](AlertSettings* s) { s->set_usage_percent(0); }));
  EXPECT_TRUE(refused([](AlertSettings* s) { s->set_usage_percent(101); }));
  EXPECT_TRUE(refused([](AlertSettings* s) { s->set_usage_held_ms(-1); }));
  EXPECT_TRUE(refused([](AlertSettings* s) { s->set_denials_per_hour(0); }));
  EXPECT_TRUE(refused([](AlertSettings* s) { s->set_member_down_ms(1); }));
  EXPECT_TRUE(refused([](AlertSettings* s) { s->set_mails_per_hour(1); }));
  EXPECT_TRUE(refused([](AlertSettings* s) { s->set_cluster_name("a\nb"); }));
  EXPECT_TRUE(refused([](AlertSettings* s) {
    s->add_recipients()->set_address("a@b.example");
  }));
  EXPECT_TRUE(refused([](AlertSettings* s) {
    for (int i = 0; i < kMaxAlertRecipients; ++i)
      s->add_recipients()->set_address(absl::StrCat("u", i, "@b.example"));
  }));
  EXPECT_TRUE(refused([](AlertSettings* s) {
    s->add_off(static_cast<internal::v1::AlertKind>(99));
  }));
}

TEST(MailAddressTest, WhatIsOneAndWhatIsNot) {
  EXPECT_TRUE(IsMailAddress("a@b"));
  EXPECT_TRUE(IsMailAddress("first.last+tag@mail-1.plant.example"));
  for (const char* address :
       {"",           "a",          "@b",    "a@",
        "a@b@c",      "a b@c",      "a@b c", "a@b\r\nBcc: x@y",
        "a\n@b",      "<a@b>",      "a@b>",  "a,b@c",
        "\"a\"@b",    "a@.b",       "a@b.",  "a@-b",
        "\xc3\xa4@b", "a@\xc3\xa4", "a;b@c", "a:b@c",
        "a(b)@c"}) {
    EXPECT_FALSE(IsMailAddress(address)) << address;
  }
  EXPECT_FALSE(IsMailAddress(std::string(65, 'a') + "@b"));
  EXPECT_FALSE(IsMailAddress("a@" + std::string(253, 'b')));
}

TEST_F(AlertBookTest, TheOldestMakeRoomButNoneThatWaits) {
  std::vector<uint64_t> numbers;
  const auto raise_hundred = [this](int from) {
    std::vector<AlertFacts> facts;
    for (int i = 0; i < 100; ++i)
      facts.push_back(FactsOf(absl::StrCat("k", from + i)));
    Apply(RaiseCommand(facts));
  };
  for (int i = 0; i < 11; ++i)
    raise_hundred(100 * i);
  EXPECT_EQ(book_.alerts().size(), kMaxAlerts);
  EXPECT_EQ(book_.alerts().begin()->first, 1U);
  EXPECT_EQ(book_.alerts().rbegin()->first, 1'000U);
  // What was left out is raised once there is room.
  Apply(MailCommand({5, 6}, internal::v1::ALERT_MAIL_STATE_MAILED));
  raise_hundred(1'000);
  EXPECT_EQ(book_.alerts().size(), kMaxAlerts);
  EXPECT_FALSE(book_.alerts().contains(5));
  EXPECT_TRUE(book_.alerts().contains(1'002));
  EXPECT_FALSE(book_.alerts().contains(1'003));
}

TEST_F(AlertBookTest, DamagedRecordsAreFound) {
  AlertBook book;
  EXPECT_TRUE(absl::IsDataLoss(book.RestoreRecord("l", "")));
  EXPECT_TRUE(absl::IsDataLoss(book.RestoreRecord("lx", "")));
  EXPECT_TRUE(absl::IsDataLoss(book.RestoreRecord("ls", "")));
  EXPECT_TRUE(absl::IsDataLoss(book.RestoreRecord("lmkey", "")));
  Apply(RaiseCommand({FactsOf("a")}));
  for (const auto& [key, value] : records_) {
    EXPECT_TRUE(absl::IsDataLoss(book.RestoreRecord(key + "x", value)));
    EXPECT_TRUE(absl::IsDataLoss(book.RestoreRecord(key, value + "\xff")));
  }
}

// Marks as a map, alerts as a list of keys: what must be so, and no more.
struct Twin {
  std::map<std::string, uint32_t> marks;
  std::vector<std::string> keys;  // Of all alerts ever.
  std::set<size_t> waiting;       // Numbers.

  void Raise(const Command& command) {
    for (const std::string& key : command.raise_alerts().ended_keys())
      marks.erase(key);
    for (const AlertFacts& facts : command.raise_alerts().alerts()) {
      const bool ends = !facts.ends_key().empty();
      if (ends ? marks.erase(facts.ends_key()) == 0
               : marks[facts.key()] >= facts.stage()) {
        continue;
      }
      if (!ends) marks[facts.key()] = facts.stage();
      keys.push_back(facts.key());
      waiting.insert(keys.size());
    }
  }
};

TEST_F(AlertBookTest, RandomCommandsAgreeWithTheTwin) {
  for (const uint64_t seed : TestSeeds(1, 20)) {
    SCOPED_TRACE(ReplayLine(seed, "licensing_alert_book_test",
                            "AlertBookTest.RandomCommandsAgreeWithTheTwin"));
    std::mt19937_64 random(seed);
    const auto draw = [&random](uint64_t below) { return random() % below; };
    book_ = AlertBook();
    records_.clear();
    Twin twin;
    for (int step = 0; step < 150; ++step) {
      if (draw(4) == 0 && !twin.keys.empty()) {
        const uint64_t number = 1 + draw(twin.keys.size());
        const bool done = draw(3) != 0;
        Apply(MailCommand({number},
                          done ? internal::v1::ALERT_MAIL_STATE_MAILED
                               : internal::v1::ALERT_MAIL_STATE_WAITING));
        if (done) twin.waiting.erase(number);
      } else {
        std::vector<AlertFacts> facts;
        std::vector<std::string> ended;
        for (uint64_t i = draw(4); i > 0; --i) {
          facts.push_back(FactsOf(absl::StrCat("k", draw(5)),
                                  static_cast<uint32_t>(1 + draw(3))));
          if (draw(4) == 0) {
            facts.back().set_ends_key(absl::StrCat("k", draw(5)));
          }
        }
        for (uint64_t i = draw(3); i > 0; --i)
          ended.push_back(absl::StrCat("k", draw(5)));
        const Command command = RaiseCommand(facts, ended);
        EXPECT_TRUE(Apply(command).ok());
        twin.Raise(command);
      }
      EXPECT_EQ(book_.waiting_count(), twin.waiting.size());
      EXPECT_EQ(AlertBook::Marks(twin.marks.begin(), twin.marks.end()),
                book_.marks());
      ASSERT_EQ(book_.alerts().size(), twin.keys.size());
      for (const auto& [number, alert] : book_.alerts())
        EXPECT_EQ(alert.facts().key(), twin.keys[number - 1]);
    }
  }
}

}  // namespace
}  // namespace quorate::licensing

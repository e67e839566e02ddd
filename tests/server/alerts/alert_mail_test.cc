// Mails say what happened and what to do, and nothing in them but what we wrote
// becomes a header; an hour has so many mails and no more. By goldens, names
// that mean harm, and plans over chosen alerts.

#include "server/alerts/alert_mail.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace quorate::alerts {
namespace {

using internal::v1::AlertKind;
using internal::v1::AlertRecord;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kRaised = 1'795'478'400'000;  // 2026-11-24 00:00 UTC
constexpr int64_t kDay = int64_t{24} * 3'600'000;

MailOrigin Origin() {
  return {.cluster_id = "0123456789abcdef0123456789abcdef",
          .cluster_name = "plant-a",
          .member = "m1",
          .now_ms = kRaised + 65'000};
}

AlertRecord AlertOf(AlertKind kind, const std::string& name,
                    uint64_t number = 17) {
  AlertRecord alert;
  alert.set_number(number);
  alert.set_raised_calendar_ms(kRaised);
  alert.set_state(internal::v1::ALERT_MAIL_STATE_WAITING);
  alert.mutable_facts()->set_kind(kind);
  alert.mutable_facts()->set_name(name);
  alert.mutable_facts()->set_time_ms(kRaised);
  return alert;
}

AlertRecord ExpiryOf(int64_t end_ms) {
  AlertRecord alert = AlertOf(internal::v1::ALERT_KIND_LICENSE_EXPIRES, "L-1");
  alert.mutable_facts()->set_time_ms(end_ms);
  return alert;
}

TEST(AlertMailTest, AWholeMail) {
  const AlertMail mail = WriteMail(Origin(), {ExpiryOf(kRaised + 7 * kDay)});
  EXPECT_EQ(mail.subject,
            "[quorate plant-a] licence L-1 ends in 7 days (2026-12-01)");
  EXPECT_EQ(mail.message_id,
            "<alert-17.0123456789abcdef0123456789abcdef@quorate.invalid>");
  EXPECT_EQ(mail.date, "Tue, 24 Nov 2026 00:01:05 +0000");
  EXPECT_EQ(mail.body,
            "Licence L-1 ends in 7 days (2026-12-01).\n"
            "\n"
            "The end is at 2026-12-01 00:00 UTC, by the cluster's calendar.\n"
            "\n"
            "What it means: from then on nothing new is granted by it. Seats "
            "that are out\n"
            "stay out.\n"
            "What to do: ask the vendor for a renewed licence, and install "
            "it:\n"
            "  quorate license install FILE\n"
            "More: quorate license list, quorate pools\n"
            "\n"
            "-- \n"
            "Sent by member m1 of cluster plant-a "
            "(0123456789abcdef0123456789abcdef)\n"
            "on 2026-11-24 00:01 UTC. Who gets what: quorate alerts show\n");
}

TEST(AlertMailTest, SubjectsOfAllKinds) {
  EXPECT_EQ(SubjectOf(ExpiryOf(kRaised + kDay)),
            "licence L-1 ends in 1 day (2026-11-25)");
  EXPECT_EQ(SubjectOf(ExpiryOf(kRaised - 1)),
            "licence L-1 has ended (2026-11-23)");
  AlertRecord features = ExpiryOf(kRaised + 30 * kDay);
  features.mutable_facts()->set_feature_count(1);
  features.mutable_facts()->add_features("cad");
  EXPECT_EQ(SubjectOf(features),
            "feature cad of licence L-1 ends in 30 days (2026-12-24)");
  features.mutable_facts()->set_feature_count(25);
  EXPECT_EQ(SubjectOf(features),
            "25 features of licence L-1 end in 30 days (2026-12-24)");
  EXPECT_TRUE(absl::StrContains(WriteMail(Origin(), {features}).body,
                                "It is of cad and 24 more.\n"));
  AlertRecord usage = AlertOf(internal::v1::ALERT_KIND_POOL_USAGE, "cad");
  usage.mutable_facts()->set_amount(19);
  usage.mutable_facts()->set_total(20);
  EXPECT_EQ(SubjectOf(usage), "pool cad is at 95 percent (19 of 20)");
  AlertRecord denials = AlertOf(internal::v1::ALERT_KIND_DENIALS, "cad");
  denials.mutable_facts()->set_amount(57);
  EXPECT_EQ(SubjectOf(denials), "57 denials of cad in an hour");
  EXPECT_EQ(SubjectOf(AlertOf(internal::v1::ALERT_KIND_MEMBER_DOWN, "m2")),
            "member m2 does not answer");
  EXPECT_EQ(SubjectOf(AlertOf(internal::v1::ALERT_KIND_MEMBER_BACK, "m2")),
            "member m2 answers again");
  AlertRecord clock = AlertOf(internal::v1::ALERT_KIND_CLOCK, "m2");
  clock.mutable_facts()->set_amount(-75'000);
  EXPECT_EQ(SubjectOf(clock), "the clock of m2 is 75 s behind");
  EXPECT_EQ(SubjectOf(AlertOf(internal::v1::ALERT_KIND_CLOCK, "")),
            "the calendar and the members' clocks do not agree");
}

TEST(AlertMailTest, EveryKindSaysWhatToDoAndWhoSentIt) {
  for (int kind = 1; kind <= internal::v1::AlertKind_MAX; ++kind) {
    const AlertMail mail =
        WriteMail(Origin(), {AlertOf(static_cast<AlertKind>(kind), "name")});
    EXPECT_TRUE(absl::StrContains(mail.body, "What to do: ")) << kind;
    EXPECT_TRUE(absl::StrContains(mail.body, "More: quorate ")) << kind;
    EXPECT_TRUE(absl::StrContains(mail.body, "Sent by member m1 ")) << kind;
  }
}

TEST(AlertMailTest, ManyAlertsAreOneMail) {
  std::vector<AlertRecord> alerts;
  for (uint64_t i = 0; i < 60; ++i) {
    alerts.push_back(AlertOf(internal::v1::ALERT_KIND_MEMBER_DOWN,
                             absl::StrCat("m", i), 100 + i));
  }
  const AlertMail mail = WriteMail(Origin(), alerts);
  EXPECT_EQ(mail.subject,
            "[quorate plant-a] 60 alerts: member m0 does not answer, ...");
  EXPECT_TRUE(absl::StartsWith(mail.message_id, "<alerts-100-159."));
  EXPECT_TRUE(
      absl::StrContains(mail.body,
                        "  2026-11-24 00:00 UTC  member m49 does not answer\n"
                        "  and 10 more\n"));
}

// RFC 5322: a header's line ends are followed by a blank, or another begins.
bool IsOneHeader(const std::string& text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '\r') {
      if (i + 2 >= text.size() || text[i + 1] != '\n' || text[i + 2] != ' ')
        return false;
      i += 2;
    } else if (c < 0x20 || c >= 0x7f) {
      return false;
    }
  }
  return true;
}

TEST(AlertMailTest, NamesThatMeanHarmBecomeNoHeader) {
  for (const std::string& name :
       {std::string("a\r\nBcc: thief@evil.example"), std::string("a\nb"),
        std::string("a\0b", 3), std::string("\xff\xfe\xc3"),
        std::string("\xc3\xa4\xc3\xb6\xc3\xbc"),
        std::string("a\xe2\x80\xa8"
                    "b"),
        std::string("a\xc2\x85"
                    "b"),
        std::string(5'000, 'x'), std::string(3'000, '\xc3')}) {
    for (int kind = 1; kind <= internal::v1::AlertKind_MAX; ++kind) {
      MailOrigin origin = Origin();
      origin.cluster_name = name;
      AlertRecord alert = AlertOf(static_cast<AlertKind>(kind), name);
      alert.mutable_facts()->set_feature_count(1);
      alert.mutable_facts()->add_features(name);
      const AlertMail mail = WriteMail(origin, {alert});
      const std::string header = EncodeHeader(mail.subject);
      EXPECT_TRUE(IsOneHeader(header)) << header;
      EXPECT_LE(header.size(), 1'500U);
      EXPECT_EQ(mail.message_id.find_first_of("\r\n"), std::string::npos);
    }
  }
}

TEST(AlertMailTest, HeadersThatAreNotAsciiAreEncodedBetweenCharacters) {
  EXPECT_EQ(EncodeHeader("plain"), "plain");
  EXPECT_EQ(EncodeHeader("W\xc3\xa4rme"), "=?UTF-8?B?V8Okcm1l?=");
  std::string text;
  for (int i = 0; i < 40; ++i)
    text += "\xe2\x82\xac";
  const std::string header = EncodeHeader(text);
  EXPECT_TRUE(IsOneHeader(header));
  // 45 bytes are 15 of these.
  EXPECT_EQ(header.find("?=\r\n =?UTF-8?B?"), 10U + 60U);
}

TEST(AlertMailTest, TextIsCutBetweenCharacters) {
  EXPECT_EQ(CleanText("abc", 3), "abc");
  EXPECT_EQ(CleanText("abcd", 3), "abc...");
  EXPECT_EQ(CleanText("ab\xc3\xa4"
                      "c",
                      3),
            "ab...");
  EXPECT_EQ(CleanText("a\tb\x7f", 10), "a?b?");
}

class MailPlanTest : public testing::Test {
 protected:
  MailPlanTest() {
    settings_ = licensing::AlertBook().settings().settings();
    settings_.set_mails_per_hour(4);
    settings_.add_recipients()->set_address("all@x");
    auto* const some = settings_.add_recipients();
    some->set_address("denials@x");
    some->add_kinds(internal::v1::ALERT_KIND_DENIALS);
  }

  void Add(uint64_t number, AlertKind kind) {
    alerts_[number] = AlertOf(kind, "n", number);
  }

  void SetMailed(uint64_t number, uint64_t mail, int64_t time_ms) {
    alerts_[number].set_state(internal::v1::ALERT_MAIL_STATE_MAILED);
    alerts_[number].set_mail(mail);
    alerts_[number].set_mailed_calendar_ms(time_ms);
  }

  std::optional<MailPlan> Plan(const std::set<uint64_t>& held = {}) {
    return PlanMail(alerts_, settings_, kRaised,
                    [&held](uint64_t number) { return held.contains(number); });
  }

  licensing::AlertBook::Alerts alerts_;
  internal::v1::AlertSettings settings_;
};

TEST_F(MailPlanTest, TheFirstThatWaitsGoesToThoseWhoWantIt) {
  EXPECT_FALSE(Plan().has_value());
  Add(1, internal::v1::ALERT_KIND_POOL_USAGE);
  Add(2, internal::v1::ALERT_KIND_DENIALS);
  EXPECT_THAT(Plan()->numbers, ElementsAre(1));
  EXPECT_THAT(Plan()->recipients, ElementsAre("all@x"));
  EXPECT_THAT(Plan({1})->numbers, ElementsAre(2));
  EXPECT_THAT(Plan({1})->recipients, ElementsAre("all@x", "denials@x"));
  EXPECT_FALSE(Plan({1, 2}).has_value());
  settings_.mutable_recipients()->DeleteSubrange(0, 1);
  EXPECT_THAT(Plan()->numbers, ElementsAre(1));
  EXPECT_THAT(Plan()->recipients, IsEmpty());
}

TEST_F(MailPlanTest, TheLastMailOfAnHourTakesAllThatWaits) {
  for (uint64_t i = 1; i <= 9; ++i)
    Add(i, internal::v1::ALERT_KIND_POOL_USAGE);
  SetMailed(1, 1, kRaised - 1);
  SetMailed(2, 2, kRaised - 3'599'999);
  EXPECT_THAT(Plan()->numbers, ElementsAre(3));
  // Two alerts of one mail count once.
  SetMailed(3, 2, kRaised - 1);
  EXPECT_THAT(Plan()->numbers, ElementsAre(4));
  SetMailed(4, 4, kRaised - 1);
  EXPECT_THAT(Plan()->numbers, ElementsAre(5, 6, 7, 8, 9));
  SetMailed(5, 5, kRaised - 1);
  EXPECT_FALSE(Plan().has_value());
  SetMailed(1, 1, kRaised - 3'600'000);
  EXPECT_THAT(Plan()->numbers, ElementsAre(6, 7, 8, 9));
}

TEST_F(MailPlanTest, WhatNobodyWantsTakesNoMailOfTheHour) {
  for (uint64_t i = 1; i <= 5; ++i) {
    Add(i, internal::v1::ALERT_KIND_POOL_USAGE);
    SetMailed(i, i, kRaised);
  }
  Add(6, internal::v1::ALERT_KIND_POOL_USAGE);
  EXPECT_FALSE(Plan().has_value());
  settings_.clear_recipients();
  EXPECT_THAT(Plan()->numbers, ElementsAre(6));
}

}  // namespace
}  // namespace quorate::alerts

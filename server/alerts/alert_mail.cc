#include "server/alerts/alert_mail.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"

#include "base/utf8.h"

namespace quorate::alerts {
namespace {

using internal::v1::AlertFacts;
using internal::v1::AlertKind;
using internal::v1::AlertRecord;
using internal::v1::AlertSettings;

constexpr int64_t kDayMs = int64_t{24} * 3'600'000;

// Of the cluster's id in a subject.
constexpr size_t kIdDigits = 8;

// RFC 2047, §2: an encoded word has 75 characters, 12 of them frame; 45 bytes
// make 60 of Base64.
constexpr size_t kEncodedBytes = 45;

std::string ShowTime(int64_t ms) {
  return absl::FormatTime("%Y-%m-%d %H:%M UTC", absl::FromUnixMillis(ms),
                          absl::UTCTimeZone());
}

std::string ShowDay(int64_t ms) {
  return absl::FormatTime("%Y-%m-%d", absl::FromUnixMillis(ms),
                          absl::UTCTimeZone());
}

std::string NameOf(const AlertFacts& facts) {
  return CleanText(facts.name(), kMaxNameInMail);
}

// "licence L-1", "feature cad of licence L-1", "3 features of licence L-1".
std::string WhatEnds(const AlertFacts& facts) {
  const std::string license = absl::StrCat("licence ", NameOf(facts));
  if (facts.feature_count() == 0) return license;
  if (facts.feature_count() == 1 && facts.features_size() == 1) {
    return absl::StrCat("feature ",
                        CleanText(facts.features(0), kMaxNameInMail), " of ",
                        license);
  }
  return absl::StrCat(facts.feature_count(), " features of ", license);
}

std::string ExpirySubject(const AlertRecord& alert) {
  const AlertFacts& facts = alert.facts();
  const bool many = facts.feature_count() > 1;
  const int64_t left_ms = facts.time_ms() - alert.raised_calendar_ms();
  const std::string day = ShowDay(facts.time_ms());
  if (left_ms <= 0) {
    return absl::StrCat(WhatEnds(facts), many ? " have" : " has", " ended (",
                        day, ")");
  }
  const int64_t days = (left_ms + kDayMs - 1) / kDayMs;
  return absl::StrCat(WhatEnds(facts), many ? " end" : " ends", " in ", days,
                      days == 1 ? " day (" : " days (", day, ")");
}

std::string ClockSubject(const AlertFacts& facts) {
  if (facts.name().empty()) {
    return "the calendar and the members' clocks do not agree";
  }
  return absl::StrCat("the clock of ", NameOf(facts), " is ",
                      std::abs(facts.amount()) / 1000, " s ",
                      facts.amount() < 0 ? "behind" : "ahead");
}

int64_t PercentOf(const AlertFacts& facts) {
  return facts.total() <= 0
             ? 0
             : static_cast<int64_t>(static_cast<double>(facts.amount()) * 100 /
                                    static_cast<double>(facts.total()));
}

std::string ExpiryText(const AlertRecord& alert) {
  const AlertFacts& facts = alert.facts();
  std::string text = absl::StrCat("The end is at ", ShowTime(facts.time_ms()),
                                  ", by the cluster's calendar.\n");
  if (facts.feature_count() > 0) {
    absl::StrAppend(&text, "It is of ", absl::StrJoin(facts.features(), ", "));
    const auto listed = static_cast<uint32_t>(facts.features_size());
    if (facts.feature_count() > listed) {
      absl::StrAppend(&text, " and ", facts.feature_count() - listed, " more");
    }
    text.append(".\n");
  }
  return absl::StrCat(
      text,
      "\nWhat it means: from then on nothing new is granted by it. Seats that "
      "are out\nstay out.\nWhat to do: ask the vendor for a renewed licence, "
      "and install it:\n  quorate license install FILE\nMore: quorate license "
      "list, quorate pools\n");
}

std::string UsageText(const AlertFacts& facts) {
  return absl::StrCat(
      facts.amount(), " of ", facts.total(), " units are out. It is so since ",
      ShowTime(facts.time_ms()),
      ".\n\nWhat it means: soon checkouts wait or are refused.\nWhat to do: "
      "see "
      "who holds what; have idle seats taken back or lent units\nreserved by "
      "rules (docs/licensing.md); buy more where it comes again.\nMore: "
      "quorate "
      "pools, quorate seats, quorate advise\n");
}

std::string DenialsText(const AlertFacts& facts) {
  return absl::StrCat(
      facts.amount(),
      " checkouts were refused within an hour of the calendar; "
      "more than ",
      facts.total(), " are told.\nLooked at: ", ShowTime(facts.time_ms()),
      ".\n\nWhat it means: people do not get what they ask for, or a program "
      "asks again\nand again.\nWhat to do: see who was refused, and "
      "why.\nMore: "
      "quorate denials ",
      facts.name(), "\n");
}

std::string DownText(const AlertFacts& facts) {
  return absl::StrCat(
      "The member that leads has not heard of it since about ",
      ShowTime(facts.time_ms()),
      ".\n\nWhat it means: the others go on without it. Of three members one "
      "may "
      "be\nmissing: with another one lost nothing is granted or renewed any "
      "more.\nWhat to do: look at the machine, its network, and the log of "
      "quorated there.\nWhere it is lost: quorate members replace ",
      facts.name(), "\nMore: quorate status\n");
}

std::string TextOf(const AlertRecord& alert) {
  const AlertFacts& facts = alert.facts();
  switch (facts.kind()) {
    case internal::v1::ALERT_KIND_LICENSE_EXPIRES:
      return ExpiryText(alert);
    case internal::v1::ALERT_KIND_POOL_USAGE:
      return UsageText(facts);
    case internal::v1::ALERT_KIND_DENIALS:
      return DenialsText(facts);
    case internal::v1::ALERT_KIND_MEMBER_DOWN:
      return DownText(facts);
    case internal::v1::ALERT_KIND_MEMBER_BACK:
      return absl::StrCat("It is heard of again since about ",
                          ShowTime(facts.time_ms()),
                          ".\n\nWhat to do: nothing.\nMore: quorate status\n");
    case internal::v1::ALERT_KIND_CLOCK:
      return absl::StrCat(
          "It is so since ", ShowTime(facts.time_ms()),
          ".\n\nWhat it means: licences begin and end by the clocks of a "
          "majority; one that\nis wrong moves nothing, two do.\nWhat to do: "
          "see that time is kept (NTP) on all members. Where a leap is held\n"
          "back: quorate clock accept\nMore: quorate status\n");
    default:
      return "";
  }
}

std::string ClusterOf(const MailOrigin& origin) {
  return origin.cluster_name.empty()
             ? origin.cluster_id.substr(0, kIdDigits)
             : CleanText(origin.cluster_name, kMaxNameInMail);
}

std::string Footer(const MailOrigin& origin) {
  return absl::StrCat("\n-- \nSent by member ", origin.member, " of cluster ",
                      ClusterOf(origin), " (", origin.cluster_id, ")\non ",
                      ShowTime(origin.now_ms),
                      ". Who gets what: quorate alerts show\n");
}

AlertMail Frame(const MailOrigin& origin, absl::string_view subject,
                absl::string_view id, std::string body) {
  return {
      .subject = absl::StrCat("[quorate ", ClusterOf(origin), "] ", subject),
      .message_id =
          absl::StrCat("<", id, ".", origin.cluster_id, "@quorate.invalid>"),
      .date = absl::FormatTime("%a, %d %b %Y %H:%M:%S +0000",
                               absl::FromUnixMillis(origin.now_ms),
                               absl::UTCTimeZone()),
      .body = absl::StrCat(body, Footer(origin))};
}

bool IsPlainAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isprint(static_cast<unsigned char>(c));
  });
}

// The greatest part of `text` within `limit` bytes that ends between
// characters; `text` is UTF-8.
size_t CutAt(absl::string_view text, size_t limit) {
  if (text.size() <= limit) return text.size();
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80)
    --limit;
  return limit;
}

bool Wants(const internal::v1::AlertRecipient& recipient, AlertKind kind) {
  return recipient.kinds().empty() ||
         std::find(recipient.kinds().begin(), recipient.kinds().end(), kind) !=
             recipient.kinds().end();
}

bool Waits(const AlertRecord& alert) {
  return alert.state() == internal::v1::ALERT_MAIL_STATE_WAITING;
}

size_t MailsOfHour(const licensing::AlertBook::Alerts& alerts, int64_t now_ms) {
  std::set<uint64_t> mails;
  for (const auto& [number, alert] : alerts) {
    if (alert.state() == internal::v1::ALERT_MAIL_STATE_MAILED &&
        alert.mailed_calendar_ms() > now_ms - 3'600'000) {
      mails.insert(alert.mail());
    }
  }
  return mails.size();
}

}  // namespace

std::string CleanText(absl::string_view text, size_t limit) {
  std::string clean;
  while (!text.empty()) {
    const absl::string_view before = text;
    const std::optional<uint32_t> point = TakeCodePoint(&text);
    const bool shown = point.has_value() && *point >= 0x20 &&
                       (*point < 0x7F || *point >= 0xA0) && *point != 0x2028 &&
                       *point != 0x2029;
    if (!point.has_value()) text.remove_prefix(1);
    if (shown) {
      clean.append(before.data(), before.size() - text.size());
    } else {
      clean.push_back('?');
    }
    if (clean.size() > limit) break;
  }
  if (clean.size() <= limit) return clean;
  clean.resize(CutAt(clean, limit));
  return clean + "...";
}

std::string EncodeHeader(absl::string_view text) {
  // No line that is too long for a mail server either (RFC 5322, §2.1.1).
  const std::string clean = CleanText(text, 600);
  if (IsPlainAscii(clean)) return clean;
  std::vector<std::string> words;
  absl::string_view left = clean;
  while (!left.empty()) {
    const size_t size = CutAt(left, kEncodedBytes);
    words.push_back(absl::StrCat(
        "=?UTF-8?B?", absl::Base64Escape(left.substr(0, size)), "?="));
    left.remove_prefix(size);
  }
  return absl::StrJoin(words, "\r\n ");
}

std::string SubjectOf(const AlertRecord& alert) {
  const AlertFacts& facts = alert.facts();
  switch (facts.kind()) {
    case internal::v1::ALERT_KIND_LICENSE_EXPIRES:
      return ExpirySubject(alert);
    case internal::v1::ALERT_KIND_POOL_USAGE:
      return absl::StrCat("pool ", NameOf(facts), " is at ", PercentOf(facts),
                          " percent (", facts.amount(), " of ", facts.total(),
                          ")");
    case internal::v1::ALERT_KIND_DENIALS:
      return absl::StrCat(facts.amount(), " denials of ", NameOf(facts),
                          " in an hour");
    case internal::v1::ALERT_KIND_MEMBER_DOWN:
      return absl::StrCat("member ", NameOf(facts), " does not answer");
    case internal::v1::ALERT_KIND_MEMBER_BACK:
      return absl::StrCat("member ", NameOf(facts), " answers again");
    case internal::v1::ALERT_KIND_CLOCK:
      return ClockSubject(facts);
    default:
      return "something of a newer version";
  }
}

AlertMail WriteMail(const MailOrigin& origin,
                    const std::vector<AlertRecord>& alerts) {
  const AlertRecord& first = alerts.front();
  if (alerts.size() == 1) {
    const std::string subject = SubjectOf(first);
    std::string head = subject;
    head.front() = absl::ascii_toupper(static_cast<unsigned char>(head[0]));
    return Frame(origin, subject, absl::StrCat("alert-", first.number()),
                 absl::StrCat(head, ".\n\n", TextOf(first)));
  }
  std::string body =
      absl::StrCat(alerts.size(),
                   " alerts in one mail, since this hour has had its "
                   "others:\n\n");
  for (size_t i = 0; i < std::min(alerts.size(), kMaxLinesOfSummary); ++i) {
    absl::StrAppend(&body, "  ", ShowTime(alerts[i].raised_calendar_ms()), "  ",
                    SubjectOf(alerts[i]), "\n");
  }
  if (alerts.size() > kMaxLinesOfSummary) {
    absl::StrAppend(&body, "  and ", alerts.size() - kMaxLinesOfSummary,
                    " more\n");
  }
  body.append("\nMore: quorate alerts sent\n");
  return Frame(
      origin,
      absl::StrCat(alerts.size(), " alerts: ", SubjectOf(first), ", ..."),
      absl::StrCat("alerts-", first.number(), "-", alerts.back().number()),
      body);
}

AlertMail WriteTestMail(const MailOrigin& origin,
                        absl::string_view request_id) {
  std::string id;
  for (const char c : request_id) {
    id.push_back(absl::ascii_isalnum(static_cast<unsigned char>(c)) ? c : '-');
  }
  return Frame(origin, "test of alerts by mail", absl::StrCat("test-", id),
               "This is a test. Somebody asked for it by quorate alerts "
               "test.\n\nWhat to do: nothing. Alerts of this cluster reach "
               "you.\n");
}

std::optional<MailPlan> PlanMail(
    const licensing::AlertBook::Alerts& alerts, const AlertSettings& settings,
    int64_t now_ms, const std::function<bool(uint64_t number)>& is_held) {
  std::vector<const AlertRecord*> waiting;
  for (const auto& [number, alert] : alerts) {
    if (Waits(alert) && !is_held(number)) waiting.push_back(&alert);
  }
  if (waiting.empty()) return std::nullopt;
  const auto recipients_of = [&settings](const auto& list) {
    std::vector<std::string> recipients;
    for (const internal::v1::AlertRecipient& each : settings.recipients()) {
      if (std::any_of(list.begin(), list.end(), [&each](const auto* alert) {
            return Wants(each, alert->facts().kind());
          })) {
        recipients.push_back(each.address());
      }
    }
    return recipients;
  };
  MailPlan plan;
  std::vector<const AlertRecord*> together = {waiting.front()};
  plan.recipients = recipients_of(together);
  if (!plan.recipients.empty()) {
    const size_t mails = MailsOfHour(alerts, now_ms);
    if (mails >= settings.mails_per_hour()) return std::nullopt;
    // The last one of the hour takes all that waits.
    if (mails + 1 == settings.mails_per_hour()) together = waiting;
    plan.recipients = recipients_of(together);
  }
  for (const AlertRecord* alert : together)
    plan.numbers.push_back(alert->number());
  for (const AlertRecord* alert : waiting) {
    if (now_ms - alert->raised_calendar_ms() >= kGiveUpMs &&
        alert->number() > plan.numbers.back()) {
      plan.old.push_back(alert->number());
    }
  }
  return plan;
}

}  // namespace quorate::alerts

// Alerts as mails, and which mail goes next. Values in, text out.

#ifndef QUORATE_SERVER_ALERTS_ALERT_MAIL_H_
#define QUORATE_SERVER_ALERTS_ALERT_MAIL_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "quorate/internal/v1/alert.pb.h"

#include "server/licensing/alert_book.h"

namespace quorate::alerts {

// Subjects stay readable in a list of mails.
inline constexpr size_t kMaxNameInMail = 64;
// Of a mail about several alerts; the rest is counted.
inline constexpr size_t kMaxLinesOfSummary = 50;
// Of what a mail server said, as it is kept.
inline constexpr size_t kMaxReplyBytes = 250;
// Who has not got a mail after so long does not need it any more.
inline constexpr int64_t kGiveUpMs = int64_t{24} * 3'600'000;

// Which cluster, and which of its members mails.
struct MailOrigin {
  std::string cluster_id;
  std::string cluster_name;  // Empty: none is set.
  std::string member;
  int64_t now_ms = 0;  // By the calendar.
};

// A mail before it is one: header fields without line ends, and its text.
struct AlertMail {
  std::string subject;
  std::string message_id;  // With its brackets.
  std::string date;        // RFC 5322.
  std::string body;        // UTF-8, lines end with "\n".
};

// "licence L-1 ends in 7 days (2026-12-01)": what the subject says behind the
// cluster. Of what was so when it was raised.
std::string SubjectOf(const internal::v1::AlertRecord& alert);

// The mail of one alert, or of several. `alerts` is not empty.
AlertMail WriteMail(const MailOrigin& origin,
                    const std::vector<internal::v1::AlertRecord>& alerts);

// The mail of a test, whose id makes its Message-ID.
AlertMail WriteTestMail(const MailOrigin& origin, absl::string_view request_id);

// As a header may carry it: what is not plain ASCII as RFC 2047 has it, folded
// at blanks. No text, whatever is in it, becomes a second header.
std::string EncodeHeader(absl::string_view text);

// Without control characters, UTF-8, at most `limit` bytes and then "...".
std::string CleanText(absl::string_view text, size_t limit);

// What is to be mailed next.
struct MailPlan {
  std::vector<uint64_t> numbers;        // Of the alerts in it.
  std::vector<std::string> recipients;  // None: nobody wants it.
  // Others that have waited for so long that they are over with these, where
  // the mail server still takes nothing.
  std::vector<uint64_t> old = {};
};

// Nothing where nothing waits, or where this hour has had its mails. `is_held`
// says which alerts are not to be tried now.
std::optional<MailPlan> PlanMail(
    const licensing::AlertBook::Alerts& alerts,
    const internal::v1::AlertSettings& settings, int64_t now_ms,
    const std::function<bool(uint64_t number)>& is_held);

}  // namespace quorate::alerts

#endif  // QUORATE_SERVER_ALERTS_ALERT_MAIL_H_

// Mails what is due, on the member that leads.

#ifndef QUORATE_SERVER_ALERT_MAILER_H_
#define QUORATE_SERVER_ALERT_MAILER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "quorate/internal/v1/alert.pb.h"

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "replication/node/node.h"
#include "server/alerts/alert_mail.h"
#include "server/mail/smtp_client.h"
#include "server/rpc/licensing_view.h"
#include "server/rpc/test_mail.h"

namespace quorate::server {

// Tests that wait; a person sends one at a time.
inline constexpr size_t kMaxMailTests = 8;
// Of one member: a test goes to whom the caller names, and this is no way to
// flood somebody.
inline constexpr size_t kMaxMailTestsOfHour = 30;
// A test is a call that somebody waits for.
inline constexpr absl::Duration kMaxTestTime = absl::Seconds(20);

// A thread of its own, so that a mail server that hangs holds nothing up but
// mails. One mail at a time: what waits, waits in the log (AlertBook), and a
// new leader goes on with it. A mail is sent first and noted in the log then:
// where the leader dies in between it is sent again, with the same Message-ID.
//
// Where the mail server fails, or this member has none, all mails are tried
// again later, by another member if it leads then; where it puts an address
// off, the mail is, for that address. After a day it is over.
//
// Thread-safe. Stop it before the node.
class AlertMailer {
 public:
  struct Deps {
    replication::Node* node = nullptr;    // Not owned.
    const LicensingView* view = nullptr;  // Not owned.
    const Clock* clock = nullptr;         // Not owned.
  };

  struct Options {
    std::string cluster_id;
    std::string member;
    std::optional<mail::MailAccess> access;  // Nothing: no [mail].
    // The first of the waits, which double, and the longest.
    absl::Duration first_retry = absl::Seconds(5);
    absl::Duration longest_retry = absl::Minutes(5);
    // How often it looks.
    absl::Duration period = absl::Seconds(1);
  };

  AlertMailer(const Deps& deps, Options options);
  ~AlertMailer();

  AlertMailer(const AlertMailer&) = delete;
  AlertMailer& operator=(const AlertMailer&) = delete;

  // Mails a test now, whether this member leads or not; false where too many
  // wait, or were sent within the hour, and then `test.done` is not called.
  bool Test(MailTest test);

  // Gives up what is under way. Idempotent.
  void Stop();

 private:
  struct Retry {
    absl::Duration at;  // Since boot.
    absl::Duration wait;
  };

  // A mail that some addresses put off.
  struct Partial {
    Retry retry;
    std::vector<uint64_t> numbers;
    std::map<std::string, bool> settled;  // True: accepted.
  };

  struct Next {
    alerts::MailPlan plan;
    std::vector<internal::v1::AlertRecord> alerts;
    std::string cluster_name;
  };

  void Run();
  void Step();
  void RunTest(const MailTest& test);
  bool Plan(std::optional<Next>* next);
  std::optional<Next> NextOf(const licensing::AlertBook& book);
  void ForgetSettled(const licensing::AlertBook::Alerts& alerts);
  void Send(const Next& next);
  internal::v1::RecordAlertMail Judge(const Next& next,
                                      const mail::LetterOutcome& outcome,
                                      Partial* partial);
  bool Record(const internal::v1::RecordAlertMail& record);
  void Note(internal::v1::RecordAlertMail record);
  void Postpone(Retry* retry) const;
  alerts::MailOrigin Origin(const std::string& cluster_name) const;
  mail::LetterOutcome Post(const alerts::AlertMail& text,
                           const std::vector<std::string>& addresses,
                           absl::Duration limit);

  const Deps deps_;
  const Options options_;
  BoundedQueue<MailTest> tests_;
  std::atomic<bool> stopping_ = false;

  Mutex mu_;
  // When the tests of the last hour were taken, since boot.
  std::deque<absl::Duration> test_times_ ABSL_GUARDED_BY(mu_);

  // Of the thread; forgotten where this member does not lead.
  Retry server_;
  std::map<uint64_t, Partial> partials_;  // By the first alert.
  // What was sent and is not in the log yet.
  std::optional<internal::v1::RecordAlertMail> unrecorded_;

  std::thread thread_;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_ALERT_MAILER_H_

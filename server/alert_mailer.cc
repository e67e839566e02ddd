#include "server/alert_mailer.h"

#include <algorithm>
#include <future>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

#include "quorate/internal/v1/command.pb.h"

#include "base/log.h"

namespace quorate::server {
namespace {

using internal::v1::RecordAlertMail;

// A read or proposal that takes longer is begun again.
constexpr absl::Duration kTimeout = absl::Seconds(2);

}  // namespace

AlertMailer::AlertMailer(const Deps& deps, Options options)
    : deps_(deps),
      options_(std::move(options)),
      tests_(kMaxMailTests),
      thread_([this] { Run(); }) {}

AlertMailer::~AlertMailer() {
  Stop();
}

void AlertMailer::Stop() {
  stopping_ = true;
  tests_.Close();
  if (thread_.joinable()) thread_.join();
}

bool AlertMailer::Test(MailTest test) {
  MutexLock lock(&mu_);
  const absl::Duration now = deps_.clock->SinceBoot();
  while (!test_times_.empty() && test_times_.front() <= now - absl::Hours(1)) {
    test_times_.pop_front();
  }
  if (test_times_.size() >= kMaxMailTestsOfHour ||
      !tests_.TryPush(std::move(test))) {
    return false;
  }
  test_times_.push_back(now);
  return true;
}

void AlertMailer::Run() {
  while (true) {
    const std::vector<MailTest> tests = tests_.TakeAll(options_.period);
    for (const MailTest& test : tests)
      RunTest(test);
    if (stopping_.load()) {
      if (tests.empty()) return;
      continue;
    }
    Step();
  }
}

void AlertMailer::RunTest(const MailTest& test) {
  const alerts::AlertMail text =
      alerts::WriteTestMail(Origin(test.cluster_name), test.request_id);
  const mail::LetterOutcome outcome = Post(text, test.addresses, kMaxTestTime);
  test.done({.reply = outcome.reply,
             .problem = outcome.problem,
             .mail_server = options_.access->server});
}

alerts::MailOrigin AlertMailer::Origin(const std::string& cluster_name) const {
  return {.cluster_id = options_.cluster_id,
          .cluster_name = cluster_name,
          .member = options_.member,
          .now_ms = deps_.node->CalendarMsHint()};
}

mail::LetterOutcome AlertMailer::Post(const alerts::AlertMail& text,
                                      const std::vector<std::string>& addresses,
                                      absl::Duration limit) {
  mail::MailAccess access = *options_.access;
  access.timeout = std::min(access.timeout, limit);
  return mail::SendLetter(access,
                          {.subject = alerts::EncodeHeader(text.subject),
                           .message_id = text.message_id,
                           .date = text.date,
                           .body = text.body},
                          addresses, [this] { return stopping_.load(); });
}

void AlertMailer::Step() {
  // Also where this member leads no more: the one that does would mail again.
  if (unrecorded_.has_value()) {
    if (!Record(*unrecorded_)) return;
    unrecorded_.reset();
  }
  if (!deps_.node->LeadsHint()) {
    server_ = {};
    partials_.clear();
    return;
  }
  if (deps_.view->waiting_alerts.load(std::memory_order_relaxed) == 0) return;
  if (deps_.clock->SinceBoot() < server_.at) return;
  std::optional<Next> next;
  if (!Plan(&next) || !next.has_value()) return;
  if (!next->plan.recipients.empty()) {
    Send(*next);
    return;
  }
  RecordAlertMail record;
  record.mutable_numbers()->Assign(next->plan.numbers.begin(),
                                   next->plan.numbers.end());
  record.set_state(internal::v1::ALERT_MAIL_STATE_NOT_MAILED);
  record.set_text("not mailed: no recipient wants it");
  Note(std::move(record));
}

// What the log has, as it is agreed on: what the leader before mailed is not
// mailed again.
bool AlertMailer::Plan(std::optional<Next>* next) {
  // Shared: who sets it may still hold it when the waiting is over.
  const auto read = std::make_shared<std::promise<bool>>();
  deps_.node->Read({.kind = replication::ReadConsistency::Kind::kLinearizable},
                   kTimeout,
                   [this, next, read](replication::ReadOutcome outcome) {
                     const bool good = outcome == replication::ReadOutcome::kOk;
                     if (good) *next = NextOf(*deps_.view->alerts);
                     read->set_value(good);
                   });
  // The node answers each read, and none later than after its timeout.
  return read->get_future().get();
}

// On the applier thread, while this object's own waits.
std::optional<AlertMailer::Next> AlertMailer::NextOf(
    const licensing::AlertBook& book) {
  ForgetSettled(book.alerts());
  const absl::Duration now = deps_.clock->SinceBoot();
  const auto is_held = [this, now](uint64_t number) {
    return std::any_of(
        partials_.begin(), partials_.end(), [number, now](const auto& each) {
          const auto& numbers = each.second.numbers;
          return now < each.second.retry.at &&
                 std::find(numbers.begin(), numbers.end(), number) !=
                     numbers.end();
        });
  };
  const auto& settings = book.settings().settings();
  auto plan = alerts::PlanMail(book.alerts(), settings,
                               deps_.node->CalendarMsHint(), is_held);
  if (!plan.has_value()) return std::nullopt;
  Next next;
  for (const uint64_t number : plan->numbers)
    next.alerts.push_back(book.alerts().at(number));
  next.plan = *std::move(plan);
  next.cluster_name = settings.cluster_name();
  return next;
}

// A mail that was put off may have gone with others, or be over.
void AlertMailer::ForgetSettled(const licensing::AlertBook::Alerts& alerts) {
  std::erase_if(partials_, [&alerts](const auto& partial) {
    const auto found = alerts.find(partial.first);
    return found == alerts.end() ||
           found->second.state() != internal::v1::ALERT_MAIL_STATE_WAITING;
  });
}

void AlertMailer::Send(const Next& next) {
  const alerts::MailPlan& plan = next.plan;
  Partial& partial = partials_[plan.numbers.front()];
  if (partial.numbers != plan.numbers) partial = {.numbers = plan.numbers};
  std::vector<std::string> addresses;
  for (const std::string& address : plan.recipients) {
    if (!partial.settled.contains(address)) addresses.push_back(address);
  }
  // All settled: somebody who had put it off is no recipient any more.
  mail::LetterOutcome outcome;
  if (!options_.access.has_value()) {
    // Another member may have one, and lead within the day.
    outcome.problem = absl::StrCat("no [mail] in the configuration of ",
                                   options_.member, ", which leads");
  } else if (!addresses.empty()) {
    outcome = Post(alerts::WriteMail(Origin(next.cluster_name), next.alerts),
                   addresses, options_.access->timeout);
    if (stopping_.load() && !outcome.accepted()) return;
  }
  RecordAlertMail record = Judge(next, outcome, &partial);
  if (record.state() != internal::v1::ALERT_MAIL_STATE_WAITING) {
    partials_.erase(plan.numbers.front());
  }
  Note(std::move(record));
}

RecordAlertMail AlertMailer::Judge(const Next& next,
                                   const mail::LetterOutcome& outcome,
                                   Partial* partial) {
  RecordAlertMail record;
  record.mutable_numbers()->Assign(next.plan.numbers.begin(),
                                   next.plan.numbers.end());
  bool put_off = false;
  for (const mail::AddressOutcome& each : outcome.addresses) {
    put_off |= each.delivery == mail::Delivery::kDeferred;
    if (each.delivery == mail::Delivery::kDeferred) continue;
    partial->settled[each.address] = each.delivery == mail::Delivery::kAccepted;
  }
  const bool server_failed = outcome.addresses.empty() && !outcome.accepted();
  if (server_failed) {
    Postpone(&server_);
  } else {
    server_ = {};
    if (put_off) Postpone(&partial->retry);
  }
  const auto taken = static_cast<uint32_t>(
      std::count_if(partial->settled.begin(), partial->settled.end(),
                    [](const auto& each) { return each.second; }));
  record.set_recipients(taken);
  std::string text = outcome.problem.empty() ? outcome.reply : outcome.problem;
  const int64_t age_ms =
      deps_.node->CalendarMsHint() - next.alerts.front().raised_calendar_ms();
  if ((server_failed || put_off) && age_ms < alerts::kGiveUpMs) {
    record.set_state(internal::v1::ALERT_MAIL_STATE_WAITING);
  } else if (taken > 0) {
    record.set_state(internal::v1::ALERT_MAIL_STATE_MAILED);
  } else {
    record.set_state(internal::v1::ALERT_MAIL_STATE_NOT_MAILED);
    text = absl::StrCat("not mailed: ", text);
    // Not one by one, with the wait for a mail server that fails between them.
    if (server_failed) {
      record.mutable_numbers()->Add(next.plan.old.begin(), next.plan.old.end());
    }
  }
  record.set_text(alerts::CleanText(text, alerts::kMaxReplyBytes));
  return record;
}

void AlertMailer::Postpone(Retry* retry) const {
  retry->wait = retry->wait == absl::ZeroDuration()
                    ? options_.first_retry
                    : std::min(2 * retry->wait, options_.longest_retry);
  retry->at = deps_.clock->SinceBoot() + retry->wait;
}

void AlertMailer::Note(RecordAlertMail record) {
  record.set_member(options_.member);
  const std::string mails = absl::StrCat(record.numbers(0));
  switch (record.state()) {
    case internal::v1::ALERT_MAIL_STATE_MAILED:
      LogInfo("alerts", "mailed",
              {{"mail", mails},
               {"alerts", absl::StrCat(record.numbers_size())},
               {"recipients", absl::StrCat(record.recipients())},
               {"reply", record.text()}});
      break;
    case internal::v1::ALERT_MAIL_STATE_NOT_MAILED:
      LogWarn("alerts", "not_mailed",
              {{"mail", mails}, {"reason", record.text()}});
      break;
    default:
      LogWarn("alerts", "mail_put_off",
              {{"mail", mails}, {"reason", record.text()}});
      break;
  }
  if (!Record(record)) unrecorded_ = std::move(record);
}

bool AlertMailer::Record(const RecordAlertMail& record) {
  internal::v1::Command command;
  *command.mutable_record_alert_mail() = record;
  const auto recorded = std::make_shared<std::promise<bool>>();
  deps_.node->Propose(
      command.SerializeAsString(), kTimeout,
      [recorded](const replication::ProposeResult& result) {
        recorded->set_value(result.outcome ==
                            replication::ProposeOutcome::kApplied);
      });
  return recorded->get_future().get();
}

}  // namespace quorate::server

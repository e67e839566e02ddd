#include "client/keep_alive.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/random.h"
#include "client/messages.h"

namespace quorate {
namespace {

// Waits run on a clock that stands still while the machine sleeps, leases on
// one that does not: after a sleep the loss is noticed this late at most.
constexpr absl::Duration kLongestWait = absl::Seconds(1);

}  // namespace

KeepAlive::KeepAlive(EndpointSet* endpoints, const Clock* clock,
                     absl::Duration answer_timeout)
    : endpoints_(endpoints),
      clock_(clock),
      book_(answer_timeout, SystemRandomId()),
      tries_(endpoints->size(), 0) {}

KeepAlive::~KeepAlive() {
  Stop();
}

void KeepAlive::Add(const std::string& name, absl::Duration ttl,
                    absl::Duration sent, Listener listener) {
  MutexLock lock(&mu_);
  if (stopping_) return;
  book_.Add(name, ttl, sent);
  listeners_[name] = std::move(listener);
  if (!started_) {
    started_ = true;
    thread_ = std::thread([this] { Loop(); });
  }
  woken_ = true;
  changed_.NotifyAll();
}

void KeepAlive::Remove(const std::string& name) {
  MutexLock lock(&mu_);
  book_.Remove(name);
  listeners_.erase(name);
  if (started_ && thread_.get_id() == std::this_thread::get_id()) return;
  while (telling_ == name) {
    changed_.Wait(&mu_);
  }
  woken_ = true;
  changed_.NotifyAll();
}

void KeepAlive::RenewNow(const std::string& name) {
  MutexLock lock(&mu_);
  book_.RenewNow(name);
  woken_ = true;
  changed_.NotifyAll();
}

void KeepAlive::ReportActivity(const std::string& name) {
  MutexLock lock(&mu_);
  book_.ReportActivity(name, clock_->SinceBoot());
}

void KeepAlive::Stop() {
  bool join = false;
  {
    MutexLock lock(&mu_);
    join = started_ && !stopping_;
    stopping_ = true;
    changed_.NotifyAll();
  }
  if (join) thread_.join();
}

void KeepAlive::WakeForTest() {
  MutexLock lock(&mu_);
  woken_ = true;
  changed_.NotifyAll();
}

void KeepAlive::Loop() {
  while (true) {
    std::vector<Notice> notices;
    std::vector<uint64_t> ended;
    LeaseBook::Plan plan;
    {
      MutexLock lock(&mu_);
      if (stopping_) break;
      woken_ = false;
      plan = Step(&notices, &ended);
    }
    for (const uint64_t number : ended) {
      Forget(number);
    }
    Carry(plan);
    Tell(notices);
    MutexLock lock(&mu_);
    while (!stopping_ && !woken_ && events_.empty()) {
      const absl::Duration left = plan.wake_at - clock_->SinceBoot();
      if (left <= absl::ZeroDuration()) break;
      if (plan.wake_at == absl::InfiniteDuration()) {
        changed_.Wait(&mu_);
      } else {
        changed_.WaitFor(&mu_, std::min(left, kLongestWait));
      }
    }
  }
  DropStream();
  {
    MutexLock lock(&mu_);
    while (streams_alive_ > 0) {
      changed_.Wait(&mu_);
    }
  }
  streams_.clear();
}

LeaseBook::Plan KeepAlive::Step(std::vector<Notice>* notices,
                                std::vector<uint64_t>* ended) {
  const absl::Duration now = clock_->SinceBoot();
  std::deque<Event> events;
  events.swap(events_);
  for (const Event& event : events) {
    if (!event.response.has_value()) ended->push_back(event.stream);
    TakeEvent(event, now, notices);
  }
  LeaseBook::Plan plan = book_.Next(now);
  for (LeaseBook::Loss& loss : plan.losses) {
    notices->push_back(
        {.name = loss.name, .valid_until = std::nullopt, .loss = loss.reason});
  }
  if (plan.silent) {
    endpoints_->Report(stream_endpoint_, Verdict::kSilent);
    ++tries_[stream_endpoint_];
  }
  return plan;
}

void KeepAlive::TakeEvent(const Event& event, absl::Duration now,
                          std::vector<Notice>* notices) {
  // Late news from a stream that was given up.
  if (!stream_open_ || event.stream != stream_number_) return;
  if (!event.response.has_value()) {
    Verdict verdict = Judge(event.end);
    // An orderly end of the stream: the member is on its way out.
    if (verdict == Verdict::kDone) verdict = Verdict::kRefused;
    endpoints_->Report(stream_endpoint_, verdict);
    ++tries_[stream_endpoint_];
    stream_open_ = false;
    book_.Break(now);
    return;
  }
  const checkout::v1::KeepAliveResponse& response = *event.response;
  if (response.has_event()) {
    notices->push_back({.name = response.event().session(),
                        .valid_until = std::nullopt,
                        .news = response.event()});
    return;
  }
  if (response.has_retry()) {
    endpoints_->Report(stream_endpoint_, Verdict::kAskAgain);
    ++tries_[stream_endpoint_];
    stream_open_ = false;
    book_.Refuse(FromProto(response.retry()), now);
    return;
  }
  std::vector<LeaseBook::Renewal> renewals;
  renewals.reserve(static_cast<size_t>(response.renewals_size()));
  for (const auto& renewal : response.renewals()) {
    if (renewal.state() == checkout::v1::SESSION_STATE_UNSPECIFIED) continue;
    renewals.push_back(
        {.name = renewal.session(),
         .alive = renewal.state() == checkout::v1::SESSION_STATE_ALIVE,
         .ttl = FromProto(renewal.ttl()),
         .terminated =
             renewal.state() == checkout::v1::SESSION_STATE_TERMINATED,
         .seats_taken = renewal.seats_taken()});
    if (renewal.has_terminated()) {
      // Why, before that it is lost.
      checkout::v1::SessionEvent why;
      *why.mutable_terminated() = renewal.terminated();
      notices->push_back({.name = renewal.session(),
                          .valid_until = std::nullopt,
                          .news = why});
    }
  }
  LeaseBook::Outcome outcome =
      book_.Acknowledge(response.sequence(), renewals, now);
  std::fill(tries_.begin(), tries_.end(), 0);
  for (LeaseBook::Extension& extension : outcome.extensions) {
    notices->push_back({.name = extension.name,
                        .valid_until = extension.valid_until,
                        .seats_taken = extension.seats_taken});
  }
  for (LeaseBook::Loss& loss : outcome.losses) {
    notices->push_back(
        {.name = loss.name, .valid_until = std::nullopt, .loss = loss.reason});
  }
}

void KeepAlive::Carry(const LeaseBook::Plan& plan) {
  bool given_up = false;
  {
    MutexLock lock(&mu_);
    given_up = !stream_open_;
  }
  if (given_up || plan.stream != LeaseBook::StreamOrder::kKeep) DropStream();
  if (plan.stream == LeaseBook::StreamOrder::kOpen) OpenStream();
  QUORATE_CHECK(plan.batches.empty() || current_ != nullptr);
  for (const LeaseBook::Batch& batch : plan.batches) {
    checkout::v1::KeepAliveRequest request;
    request.set_sequence(batch.sequence);
    for (const std::string& name : batch.names) {
      request.add_sessions(name);
    }
    for (const LeaseBook::Activity& activity : batch.activities) {
      checkout::v1::SessionActivity* said = request.add_activities();
      said->set_session(activity.name);
      *said->mutable_idle() = ToProto(activity.idle);
    }
    current_->Send(std::move(request));
  }
}

void KeepAlive::OpenStream() {
  uint64_t number = 0;
  size_t endpoint = 0;
  {
    MutexLock lock(&mu_);
    number = ++stream_number_;
    endpoint = endpoints_->Choose(tries_);
    stream_endpoint_ = endpoint;
    stream_open_ = true;
    ++streams_alive_;
  }
  auto stream = KeepAliveStream::Open(
      endpoints_->at(endpoint).checkout.get(),
      {.response =
           [this, number](const checkout::v1::KeepAliveResponse& response) {
             Push({.stream = number, .response = response, .end = {}});
           },
       .end =
           [this, number](const absl::Status& status) {
             StreamEnded(
                 {.stream = number, .response = std::nullopt, .end = status});
           }});
  current_ = stream.get();
  streams_[number] = std::move(stream);
}

void KeepAlive::Forget(uint64_t number) {
  const auto it = streams_.find(number);
  if (it == streams_.end()) return;
  if (it->second.get() == current_) current_ = nullptr;
  streams_.erase(it);
}

void KeepAlive::DropStream() {
  {
    MutexLock lock(&mu_);
    stream_open_ = false;
  }
  if (current_ == nullptr) return;
  current_->Cancel();
  current_ = nullptr;
}

void KeepAlive::Tell(const std::vector<Notice>& notices) {
  for (const Notice& notice : notices) {
    Listener listener;
    {
      MutexLock lock(&mu_);
      const auto it = listeners_.find(notice.name);
      if (it == listeners_.end()) continue;
      listener = it->second;
      telling_ = notice.name;
      if (!notice.valid_until.has_value() && !notice.news.has_value()) {
        listeners_.erase(it);
      }
    }
    if (notice.news.has_value()) {
      listener.news(*notice.news);
    } else if (notice.valid_until.has_value()) {
      listener.extended(*notice.valid_until, notice.seats_taken);
    } else {
      listener.lost(notice.loss);
    }
    MutexLock lock(&mu_);
    telling_.clear();
    changed_.NotifyAll();
  }
}

void KeepAlive::Push(Event event) {
  MutexLock lock(&mu_);
  events_.push_back(std::move(event));
  changed_.NotifyAll();
}

void KeepAlive::StreamEnded(Event event) {
  // Notified under the lock: after it is released, Stop may have returned.
  MutexLock lock(&mu_);
  events_.push_back(std::move(event));
  --streams_alive_;
  changed_.NotifyAll();
}

}  // namespace quorate

#include "client/lease_book.h"

#include <algorithm>
#include <utility>

namespace quorate {
namespace {

// Renewed every third of the TTL, so that two renewals in a row may fail.
constexpr int kRenewalsPerTtl = 3;

// Sessions that are due within this part of their interval go along with one
// that is due now: one message instead of many.
constexpr int kCoalescePart = 4;

// Between streams that keep failing. The first replacement comes at once.
constexpr absl::Duration kFirstBackoff = absl::Milliseconds(50);
constexpr absl::Duration kMostBackoff = absl::Seconds(2);

// A cluster that is slow gets more time with every stream that failed.
constexpr absl::Duration kMostAnswerTimeout = absl::Seconds(6);

// A name that was left out of an answer is sent again after this.
constexpr absl::Duration kUnansweredDelay = absl::Seconds(1);

}  // namespace

absl::string_view Describe(LossReason reason) {
  switch (reason) {
    case LossReason::kGone:
      return "the cluster has ended the session";
    case LossReason::kTimedOut:
      return "the cluster could not be reached for the length of the lease";
    case LossReason::kTerminated:
      return "an administrator has ended the session";
  }
  return "";
}

LeaseBook::LeaseBook(absl::Duration answer_timeout, uint64_t seed)
    : answer_timeout_(answer_timeout), random_(seed) {}

void LeaseBook::Add(const std::string& name, absl::Duration ttl,
                    absl::Duration sent) {
  Lease lease = {.ttl = ttl, .valid_until = sent + ttl};
  lease.renew_at =
      sent + std::min(ttl / kRenewalsPerTtl, kFirstRenewal) * Jitter();
  leases_[name] = lease;
}

void LeaseBook::Remove(const std::string& name) {
  leases_.erase(name);
}

void LeaseBook::RenewNow(const std::string& name) {
  const auto lease = leases_.find(name);
  if (lease != leases_.end()) {
    lease->second.renew_at = -absl::InfiniteDuration();
    lease->second.asked = true;
  }
}

void LeaseBook::ReportActivity(const std::string& name, absl::Duration now) {
  const auto lease = leases_.find(name);
  if (lease == leases_.end()) return;
  if (!lease->second.active_at.has_value()) {
    lease->second.renew_at =
        std::min(lease->second.renew_at, now + kActivityInterval);
  }
  lease->second.active_at = now;
}

// 0.9 to 1.1: sessions that were opened together come apart.
double LeaseBook::Jitter() {
  return 0.9 + static_cast<double>(random_.Below(201)) / 1000.0;
}

absl::Duration LeaseBook::Interval(const Lease& lease) {
  absl::Duration interval = lease.ttl / kRenewalsPerTtl;
  if (lease.active_at.has_value()) {
    interval = std::min(interval, kActivityInterval);
  }
  return interval * Jitter();
}

absl::Duration LeaseBook::AnswerTimeout() const {
  absl::Duration timeout = answer_timeout_;
  for (int i = 0; i < failures_ && timeout < kMostAnswerTimeout; ++i) {
    timeout *= 1.5;
  }
  return std::min(timeout, std::max(kMostAnswerTimeout, answer_timeout_));
}

LeaseBook::Plan LeaseBook::Next(absl::Duration now) {
  Plan plan;
  for (auto it = leases_.begin(); it != leases_.end();) {
    if (it->second.valid_until > now) {
      ++it;
      continue;
    }
    plan.losses.push_back({it->first, LossReason::kTimedOut});
    it = leases_.erase(it);
  }
  if (have_stream_ && leases_.empty()) {
    have_stream_ = false;
    in_flight_.clear();
    plan.stream = StreamOrder::kDrop;
  }
  if (have_stream_ && !in_flight_.empty() &&
      in_flight_.front().sent + AnswerTimeout() <= now) {
    Break(now);
    plan.stream = StreamOrder::kDrop;
    plan.silent = true;
  }
  bool due = false;
  for (const auto& [name, lease] : leases_) {
    due |= lease.renew_at <= now;
  }
  if (due && !have_stream_ && now >= reconnect_at_) {
    have_stream_ = true;
    plan.stream = StreamOrder::kOpen;
  }
  if (due && have_stream_) plan.batches = TakeDue(now);

  for (const auto& [name, lease] : leases_) {
    plan.wake_at = std::min(plan.wake_at, lease.valid_until);
    plan.wake_at = std::min(
        plan.wake_at, have_stream_ ? lease.renew_at
                                   : std::max(lease.renew_at, reconnect_at_));
  }
  if (!in_flight_.empty()) {
    plan.wake_at =
        std::min(plan.wake_at, in_flight_.front().sent + AnswerTimeout());
  }
  return plan;
}

std::vector<LeaseBook::Batch> LeaseBook::TakeDue(absl::Duration now) {
  std::vector<Batch> batches;
  for (auto& [name, lease] : leases_) {
    const absl::Duration slack = lease.ttl / kRenewalsPerTtl / kCoalescePart;
    if (lease.renew_at > now + slack) continue;
    if (batches.empty() || batches.back().names.size() == kMaxNames) {
      batches.push_back({.sequence = ++last_sequence_});
    }
    batches.back().names.push_back(name);
    if (lease.active_at.has_value()) {
      batches.back().activities.push_back(
          {name, std::max(now - *lease.active_at, absl::ZeroDuration())});
    }
    lease.renew_at = now + Interval(lease);
    lease.asked = false;
  }
  for (const Batch& batch : batches) {
    in_flight_.push_back({batch.sequence, now, batch.names});
  }
  return batches;
}

LeaseBook::Outcome LeaseBook::Acknowledge(uint64_t sequence,
                                          absl::Span<const Renewal> renewals,
                                          absl::Duration now) {
  Outcome outcome;
  const auto sent =
      std::find_if(in_flight_.begin(), in_flight_.end(),
                   [&](const InFlight& m) { return m.sequence == sequence; });
  if (sent == in_flight_.end()) return outcome;
  const InFlight message = std::move(*sent);
  in_flight_.erase(sent);
  failures_ = 0;
  std::map<absl::string_view, const Renewal*> answers;
  for (const Renewal& renewal : renewals) {
    answers[renewal.name] = &renewal;
  }
  for (const std::string& name : message.names) {
    const auto it = leases_.find(name);
    if (it == leases_.end()) continue;
    Lease& lease = it->second;
    const auto answer = answers.find(name);
    if (answer == answers.end()) {
      lease.renew_at = std::min(lease.renew_at, now + kUnansweredDelay);
      continue;
    }
    if (!answer->second->alive) {
      outcome.losses.push_back({name, answer->second->terminated
                                          ? LossReason::kTerminated
                                          : LossReason::kGone});
      leases_.erase(it);
      continue;
    }
    if (answer->second->ttl > absl::ZeroDuration()) {
      lease.ttl = answer->second->ttl;
    }
    lease.valid_until = std::max(lease.valid_until, message.sent + lease.ttl);
    if (!lease.asked) lease.renew_at = message.sent + Interval(lease);
    outcome.extensions.push_back(
        {name, lease.valid_until, answer->second->seats_taken});
  }
  return outcome;
}

void LeaseBook::Refuse(absl::Duration delay, absl::Duration now) {
  Abandon(now, std::clamp(delay, kFirstBackoff, kMostBackoff));
}

void LeaseBook::Break(absl::Duration now) {
  absl::Duration backoff = absl::ZeroDuration();
  if (failures_ > 0) {
    backoff = kFirstBackoff;
    for (int i = 1; i < failures_ && backoff < kMostBackoff; ++i) {
      backoff *= 2;
    }
    backoff = std::min(backoff, kMostBackoff);
  }
  Abandon(now, backoff);
}

void LeaseBook::Abandon(absl::Duration now, absl::Duration reconnect_after) {
  have_stream_ = false;
  in_flight_.clear();
  ++failures_;
  // From 1 to 2 times, so that the clients of a dead member come apart.
  reconnect_at_ =
      now + reconnect_after *
                (1.0 + static_cast<double>(random_.Below(1000)) / 1000.0);
  for (auto& [name, lease] : leases_) {
    lease.renew_at = now;
  }
}

}  // namespace quorate

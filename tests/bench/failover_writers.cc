#include "tests/bench/failover_writers.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace quorate::bench {
namespace {

// A client that waits longer would not notice that another member serves.
constexpr absl::Duration kAttemptLimit = absl::Seconds(1);

// After all members failed in a row; else a client would spin while nobody can
// answer.
constexpr absl::Duration kPause = absl::Milliseconds(10);

}  // namespace

FailoverWriters::FailoverWriters(
    std::vector<std::unique_ptr<FailoverWrite>> writes, size_t members,
    const Clock* clock)
    : members_(members),
      clock_(clock),
      writes_(std::move(writes)),
      acknowledged_(kWriters) {
  QUORATE_CHECK(writes_.size() == kWriters);
}

FailoverWriters::~FailoverWriters() {
  Stop();
}

void FailoverWriters::Start() {
  stopping_ = false;
  failed_attempts_ = 0;
  {
    MutexLock lock(&mu_);
    for (auto& of_writer : acknowledged_) {
      of_writer.clear();
    }
  }
  for (size_t i = 0; i < kWriters; ++i) {
    threads_.emplace_back([this, i] { Run(i); });
  }
}

void FailoverWriters::Stop() {
  stopping_ = true;
  for (std::thread& thread : threads_) {
    thread.join();
  }
  threads_.clear();
}

void FailoverWriters::Run(size_t number) {
  size_t member = number % members_;
  while (!stopping_) {
    Acknowledgement one = {.began = clock_->SinceBoot(), .ended = {}};
    size_t failed = 0;
    while (!stopping_ &&
           !writes_[number]->Attempt(member, kAttemptLimit).ok()) {
      ++failed_attempts_;
      member = (member + 1) % members_;
      if (++failed % members_ == 0) PauseAfterFailures();
    }
    if (stopping_) return;
    one.ended = clock_->SinceBoot();
    Note(number, one);
  }
}

void FailoverWriters::PauseAfterFailures() {
  const absl::Duration end = clock_->SinceBoot() + kPause;
  MutexLock lock(&mu_);
  while (clock_->SinceBoot() < end) {
    changed_.WaitFor(&mu_, end - clock_->SinceBoot());
  }
}

void FailoverWriters::Note(size_t number, const Acknowledgement& one) {
  MutexLock lock(&mu_);
  acknowledged_[number].push_back(one);
  changed_.NotifyAll();
}

bool FailoverWriters::AllAfterLocked(absl::Duration moment) const {
  return std::all_of(acknowledged_.begin(), acknowledged_.end(),
                     [&](const std::vector<Acknowledgement>& of_writer) {
                       return !of_writer.empty() &&
                              of_writer.back().began > moment;
                     });
}

bool FailoverWriters::WaitForAll(absl::Duration moment, absl::Duration limit) {
  const absl::Duration end = moment + limit;
  MutexLock lock(&mu_);
  while (!AllAfterLocked(moment)) {
    const absl::Duration left = end - clock_->SinceBoot();
    if (left <= absl::ZeroDuration()) return false;
    changed_.WaitFor(&mu_, left);
  }
  return true;
}

absl::Duration FailoverWriters::FirstAfter(absl::Duration moment) const {
  absl::Duration first = absl::InfiniteDuration();
  MutexLock lock(&mu_);
  for (const auto& of_writer : acknowledged_) {
    for (const Acknowledgement& one : of_writer) {
      if (one.began > moment) first = std::min(first, one.ended - moment);
    }
  }
  return first;
}

std::vector<absl::Duration> FailoverWriters::LongestPauses(
    absl::Duration moment) const {
  std::vector<absl::Duration> longest;
  MutexLock lock(&mu_);
  for (const auto& of_writer : acknowledged_) {
    absl::Duration served = moment;
    absl::Duration pause;
    for (const Acknowledgement& one : of_writer) {
      if (one.ended <= moment) continue;
      pause = std::max(pause, one.ended - served);
      served = one.ended;
    }
    longest.push_back(pause);
  }
  return longest;
}

}  // namespace quorate::bench

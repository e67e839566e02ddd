#include "tests/e2e/beliefs.h"

#include <algorithm>
#include <utility>

#include "gtest/gtest.h"

#include "client/error.h"
#include "tests/e2e/test_client.h"

namespace quorate::e2e {

Beliefs::Beliefs() : thread_([this] { Watch(); }) {}

Beliefs::~Beliefs() {
  {
    MutexLock lock(&mu_);
    stop_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

void Beliefs::Add(Seat seat) {
  MutexLock lock(&mu_);
  seats_.push_back(std::move(seat));
  CountLocked();
}

Seat Beliefs::TakeOldest() {
  MutexLock lock(&mu_);
  if (seats_.empty()) return Seat();
  Seat seat = std::move(seats_.front());
  seats_.pop_front();
  return seat;
}

int Beliefs::Now() {
  MutexLock lock(&mu_);
  return CountLocked();
}

int Beliefs::most() {
  MutexLock lock(&mu_);
  return most_;
}

int Beliefs::CountLocked() {
  uint32_t valid = 0;
  for (const Seat& seat : seats_) {
    valid += seat.IsValid() ? seat.count() : 0;
  }
  most_ = std::max(most_, static_cast<int>(valid));
  return static_cast<int>(valid);
}

void Beliefs::Watch() {
  MutexLock lock(&mu_);
  while (!stop_) {
    CountLocked();
    changed_.WaitFor(&mu_, absl::Milliseconds(5));
  }
}

TwoFaced::TwoFaced(const Environment& old_cluster, const Environment& restored,
                   Beliefs* beliefs)
    : beliefs_(beliefs) {
  clusters_[0].client = MakeClient(old_cluster);
  clusters_[1].client = MakeClient(restored);
  thread_ = std::thread([this] { Run(); });
}

TwoFaced::~TwoFaced() {
  {
    MutexLock lock(&mu_);
    stop_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

void TwoFaced::Run() {
  for (size_t turn = 0;; ++turn) {
    Ask(&clusters_[turn % 2]);
    if (turn % 3 == 2) beliefs_->TakeOldest().Return().IgnoreError();
    MutexLock lock(&mu_);
    if (stop_) return;
    changed_.WaitFor(&mu_, absl::Milliseconds(5));
    if (stop_) return;
  }
}

void TwoFaced::Ask(Cluster* cluster) {
  const CallOptions soon = {.deadline = absl::Seconds(1)};
  if (cluster->session == nullptr) {
    auto session = cluster->client->OpenSession({.ttl = kShortTtl}, soon);
    if (session.ok()) cluster->session = *std::move(session);
  }
  if (cluster->session == nullptr) {
    ++cluster->refused;
    return;
  }
  auto seat = cluster->session->Checkout("solver", 2, soon);
  if (seat.ok()) {
    ++cluster->granted;
    beliefs_->Add(*std::move(seat));
    return;
  }
  ++cluster->refused;
  // Lost with its cluster: another one.
  if (ReasonOf(seat.status()) == ErrorReason::kSessionNotFound) {
    cluster->session.reset();
  }
}

}  // namespace quorate::e2e

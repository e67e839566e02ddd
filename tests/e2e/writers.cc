#include "tests/e2e/writers.h"

#include <algorithm>
#include <cstdio>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "client/error.h"
#include "tests/e2e/test_client.h"

namespace quorate::e2e {
namespace {

constexpr size_t kWriters = 16;
constexpr int64_t kCadSeats = 20;
constexpr size_t kMostHeld = 6;

}  // namespace

Writers::Writers(const TestCluster* cluster) : cluster_(cluster) {}

Writers::~Writers() {
  Stop();
}

absl::Status Writers::Start() {
  const std::vector<TestMember> members = cluster_->Members();
  for (size_t i = 0; i < kWriters; ++i) {
    QUORATE_ASSIGN_OR_RETURN(ClientOptions options,
                             OptionsFrom(cluster_->environment()));
    options.endpoints.clear();
    for (size_t k = 0; k < members.size(); ++k) {
      options.endpoints.push_back(members[(i + k) % members.size()].endpoint);
    }
    options.endpoint_order = EndpointOrder::kGiven;
    auto writer = std::make_unique<Writer>();
    QUORATE_ASSIGN_OR_RETURN(writer->client, Client::Create(options));
    SessionOptions session;
    session.application = absl::StrCat("writer-", i);
    QUORATE_ASSIGN_OR_RETURN(writer->session,
                             writer->client->OpenSession(session));
    writers_.push_back(std::move(writer));
  }
  for (size_t i = 0; i < kWriters; ++i) {
    Writer* writer = writers_[i].get();
    writer->thread = std::thread([this, writer, i] { Run(writer, i); });
  }
  return absl::OkStatus();
}

void Writers::Stop() {
  stopping_ = true;
  for (const auto& writer : writers_) {
    if (writer->thread.joinable()) writer->thread.join();
  }
}

void Writers::Run(Writer* writer, uint64_t number) {
  Random random(number);
  while (!stopping_) {
    if (writer->seats.size() < kMostHeld && random.Chance(3, 5)) {
      CheckOut(writer, random.OneIn(2),
               static_cast<uint32_t>(random.Between(1, 2)));
    } else if (!writer->seats.empty()) {
      GiveBack(writer);
    }
  }
}

void Writers::Believe(const Seat& seat, int64_t sign) {
  if (seat.feature() != "cad") return;
  const int64_t believed = believed_cad_ += sign * seat.count();
  if (believed <= kCadSeats) return;
  MutexLock lock(&mu_);
  ++totals_.over_total;
}

void Writers::CheckOut(Writer* writer, bool contended, uint32_t count) {
  const absl::Duration began = SystemClock().SinceBoot();
  auto seat = writer->session->Checkout(contended ? "cad" : "viewer", count);
  const absl::Duration ended = SystemClock().SinceBoot();
  if (seat.ok()) {
    Believe(*seat, 1);
    writer->seats.push_back(*std::move(seat));
    MutexLock lock(&mu_);
    ++totals_.checkouts;
    if (began > wanted_after_ && ended < first_after_) first_after_ = ended;
    acknowledged_.NotifyAll();
    return;
  }
  const bool exhausted = ReasonOf(seat.status()) == ErrorReason::kPoolExhausted;
  MutexLock lock(&mu_);
  if (exhausted) {
    ++totals_.exhausted;
  } else {
    ++totals_.failures;
    std::fprintf(stderr, "checkout: %s\n", seat.status().ToString().c_str());
  }
}

void Writers::GiveBack(Writer* writer) {
  Seat seat = std::move(writer->seats.front());
  writer->seats.pop_front();
  // Whoever gives a seat back stops using it before he says so.
  Believe(seat, -1);
  const absl::Status returned = seat.Return();
  if (returned.ok()) return;
  MutexLock lock(&mu_);
  if (absl::IsNotFound(returned)) {
    ++totals_.lost;
  } else {
    ++totals_.failures;
  }
  std::fprintf(stderr, "return: %s\n", returned.ToString().c_str());
}

absl::Duration Writers::NextAcknowledged(absl::Duration moment,
                                         absl::Duration limit) {
  const Clock& clock = SystemClock();
  MutexLock lock(&mu_);
  wanted_after_ = moment;
  first_after_ = absl::InfiniteDuration();
  while (first_after_ == absl::InfiniteDuration()) {
    const absl::Duration left = moment + limit - clock.SinceBoot();
    if (left <= absl::ZeroDuration()) return limit;
    acknowledged_.WaitFor(&mu_, left);
  }
  return first_after_ - moment;
}

WriterTotals Writers::Audit(Api* api) {
  MutexLock lock(&mu_);
  for (const auto& writer : writers_) {
    std::set<uint64_t> believed;
    for (const Seat& seat : writer->seats)
      believed.insert(seat.handle());
    const auto held = api->SeatsOf(writer->session->name());
    if (!held.ok()) {
      ++totals_.failures;
      std::fprintf(stderr, "audit: %s\n", held.status().ToString().c_str());
      continue;
    }
    for (const uint64_t handle : believed) {
      if (held->count(handle) == 0) ++totals_.lost;
    }
    for (const uint64_t handle : *held) {
      if (believed.count(handle) == 0) ++totals_.doubled;
    }
  }
  for (const auto& writer : writers_) {
    writer->seats.clear();
    if (!writer->session->Close().ok()) ++totals_.failures;
  }
  return totals_;
}

}  // namespace quorate::e2e

#include "server/rpc/renewal_batcher.h"

#include <iterator>
#include <utility>

#include "quorate/internal/v1/command.pb.h"

#include "server/rpc/licensing_view.h"

namespace quorate::server {
namespace {

// A renewal that has not gone through after this is better sent again.
constexpr absl::Duration kProposalTimeout = absl::Seconds(5);

}  // namespace

RenewalBatcher::RenewalBatcher(replication::Node* node, const Clock* clock,
                               const Options& options)
    : node_(node),
      clock_(clock),
      options_(options),
      thread_([this] { Run(); }) {}

RenewalBatcher::~RenewalBatcher() {
  Stop();
}

bool RenewalBatcher::Submit(Renewals renewals, Done done) {
  bool wake = false;
  {
    MutexLock lock(&mu_);
    if (stopping_) return false;
    const size_t with_these = waiting_sessions_ + renewals.session_ids.size();
    if (with_these > options_.max_waiting) return false;
    // The thread waits for the first of a batch, and for a full one.
    wake = waiting_.empty() ||
           (waiting_sessions_ < options_.full && with_these >= options_.full);
    waiting_sessions_ = with_these;
    waiting_.push_back(
        {.renewals = std::move(renewals), .done = std::move(done)});
  }
  if (wake) wake_.NotifyOne();
  return true;
}

void RenewalBatcher::Stop() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void RenewalBatcher::Run() {
  while (true) {
    std::vector<Waiter> batch;
    {
      MutexLock lock(&mu_);
      while (waiting_.empty() && !stopping_)
        wake_.Wait(&mu_);
      if (waiting_.empty()) return;
      CollectLocked();
      batch = TakeBatchLocked();
    }
    Propose(std::move(batch));
  }
}

// Waits for the batch to become full, up to the window.
void RenewalBatcher::CollectLocked() {
  const absl::Duration end = clock_->SinceBoot() + options_.window;
  while (waiting_sessions_ < options_.full && !stopping_) {
    const absl::Duration left = end - clock_->SinceBoot();
    if (left <= absl::ZeroDuration()) return;
    wake_.WaitFor(&mu_, left);
  }
}

std::vector<RenewalBatcher::Waiter> RenewalBatcher::TakeBatchLocked() {
  size_t taken = 0;
  size_t sessions = 0;
  while (taken < waiting_.size() && sessions < options_.full) {
    sessions += waiting_[taken++].renewals.session_ids.size();
  }
  waiting_sessions_ -= sessions;
  if (taken == waiting_.size()) return std::exchange(waiting_, {});
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(taken);
  std::vector<Waiter> batch(std::make_move_iterator(waiting_.begin()),
                            std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  return batch;
}

void RenewalBatcher::Propose(std::vector<Waiter> batch) {
  internal::v1::Command command;
  internal::v1::RenewSessions* body = command.mutable_renew_sessions();
  for (const Waiter& waiter : batch) {
    for (const uint64_t session_id : waiter.renewals.session_ids) {
      internal::v1::Renewal* renewal = body->add_renewals();
      renewal->set_session_id(session_id);
      renewal->set_principal(waiter.renewals.principal);
      const auto idle = waiter.renewals.idle_ms.find(session_id);
      if (idle != waiter.renewals.idle_ms.end()) {
        renewal->set_idle_ms(idle->second);
      }
    }
  }
  // Shared, since a std::function must be able to be copied.
  auto waiters = std::make_shared<std::vector<Waiter>>(std::move(batch));
  node_->Propose(
      command.SerializeAsString(), kProposalTimeout,
      [waiters](const replication::ProposeResult& result) {
        RenewalResult renewed = {.index = result.index, .term = result.term};
        std::span<const int64_t> ttl_ms;
        if (result.outcome != replication::ProposeOutcome::kApplied) {
          renewed.refusal = RefusalOf(result.outcome);
        } else {
          const licensing::LedgerAnswer& answer =
              static_cast<const LicensingAnswer&>(*result.answer).ledger;
          if (!answer.ok()) renewed.refusal = RefusalOf(answer);
          renewed.calendar_ms = answer.time.calendar_ms;
          ttl_ms = answer.renewed_ttl_ms;
        }
        for (const Waiter& waiter : *waiters) {
          if (!renewed.refusal.has_value()) {
            renewed.ttl_ms = ttl_ms.first(waiter.renewals.session_ids.size());
            ttl_ms = ttl_ms.subspan(waiter.renewals.session_ids.size());
          }
          waiter.done(renewed);
        }
      });
}

}  // namespace quorate::server

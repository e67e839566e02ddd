#include "server/clock_driver.h"

#include "absl/time/time.h"

#include "quorate/internal/v1/command.pb.h"

namespace quorate::server {
namespace {

// After this another look decides again.
constexpr absl::Duration kProposalTimeout = absl::Seconds(2);

}  // namespace

void ClockDriver::LookForDue() {
  if (!deps_.node->LeadsHint() || under_way_.load() || !SomethingIsDue()) {
    return;
  }
  under_way_.store(true);
  internal::v1::Command command;
  command.mutable_advance_clock();
  // Whatever the outcome, the next look sees what is due then.
  deps_.node->Propose(
      command.SerializeAsString(), kProposalTimeout,
      [this](const replication::ProposeResult&) { under_way_.store(false); });
}

bool ClockDriver::SomethingIsDue() const {
  const LicensingView& view = *deps_.view;
  const int64_t now_ms = deps_.node->ClusterMsHint();
  return view.due_cluster_ms.load(std::memory_order_relaxed) <= now_ms ||
         view.cluster_ms.load(std::memory_order_relaxed) + kMaxQuietMs <=
             now_ms ||
         view.due_calendar_ms.load(std::memory_order_relaxed) <=
             deps_.node->CalendarMsHint();
}

}  // namespace quorate::server

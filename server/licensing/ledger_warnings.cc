// The warnings that stand: a client with a new stream has not heard of them.

#include <algorithm>

#include "server/licensing/ledger_state.h"

namespace quorate::licensing {

using internal::v1::SeatRecord;

std::vector<LedgerEvent> Ledger::WarningsOf(uint64_t session_id) const {
  const Tables& tables = state_->tables();
  std::vector<LedgerEvent> warnings;
  const Session* const session = tables.sessions.Find(session_id);
  if (session == nullptr) return warnings;
  const auto warn = [&](LedgerEvent::Kind kind, const SeatRecord& seat,
                        const std::string& rule, int64_t due_cluster_ms) {
    warnings.push_back({.session_id = session_id,
                        .kind = kind,
                        .seats = {seat},
                        .by = rule,
                        .left_ms = std::max<int64_t>(
                            due_cluster_ms - tables.counters.cluster_ms, 0)});
  };
  for (const uint64_t handle : session->seats) {
    const SeatRecord& seat = tables.seats.Find(handle)->record;
    if (seat.call_due_cluster_ms() != 0) {
      warn(LedgerEvent::Kind::kSeatCalledBack, seat, seat.call_rule(),
           seat.call_due_cluster_ms());
    }
    const int64_t warned_ms = seat.idle_warned_cluster_ms();
    if (session->record.idle_since_cluster_ms() == 0 || warned_ms == 0) {
      continue;
    }
    const auto terms = tables.policies.FindIdleTerms(
        session->record.description(), seat.feature());
    if (!terms.has_value()) continue;
    warn(LedgerEvent::Kind::kSeatIdle, seat,
         tables.policies.RuleName(terms->rule), warned_ms + terms->warning_ms);
  }
  return warnings;
}

}  // namespace quorate::licensing

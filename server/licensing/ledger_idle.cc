// Idle seats: their holders are warned, then they are taken back.
//
// A client says with its renewals how long ago its user did something. Only
// then seats are looked at: no time passes for one whose client is silent, so
// that nobody loses a seat while his words do not arrive, and there is nothing
// to be done for those whose users work.

#include <algorithm>
#include <vector>

#include "server/licensing/ledger_state.h"
#include "server/licensing/record_codec.h"
#include "server/policy/policy_check.h"
#include "server/policy/seat_terms.h"

namespace quorate::licensing {

using internal::v1::SeatRecord;
using internal::v1::SessionRecord;

void Ledger::State::HeedActivity(const internal::v1::Renewal& renewal,
                                 Session* session, size_t* work,
                                 Changes* changes) {
  // The rest says it again with its next renewal.
  if (!renewal.has_idle_ms() || *work >= limits_.expiries_per_entry) return;
  const int64_t idle_ms =
      std::clamp<int64_t>(renewal.idle_ms(), 0, policy::kMaxIdleMs);
  SessionRecord& record = session->record;
  const int64_t before = record.idle_since_cluster_ms();
  if (idle_ms < kIdleAfterMs) {
    if (before == 0) return;
    record.clear_idle_since_cluster_ms();
  } else {
    // Cluster time stands still now and then, a client's does not.
    const int64_t since =
        std::max<int64_t>(tables_.counters.cluster_ms - idle_ms, 1);
    // What the way of the message adds is no change.
    if (before == 0 || since < before || since - before >= kIdleAfterMs) {
      record.set_idle_since_cluster_ms(since);
    }
  }
  const std::vector<uint64_t> handles = session->seats;
  for (const uint64_t handle : handles) {
    WatchIdleSeat(*session, handle, idle_ms, changes);
  }
  *work += handles.size();
}

void Ledger::State::WatchIdleSeat(const Session& session, uint64_t handle,
                                  int64_t idle_ms, Changes* changes) {
  const int64_t now = tables_.counters.cluster_ms;
  const SeatRecord& seat = tables_.seats.Find(handle)->record;
  const auto terms = tables_.policies.FindIdleTerms(
      session.record.description(), seat.feature());
  const int64_t warned_ms = seat.idle_warned_cluster_ms();
  const bool due =
      terms.has_value() && idle_ms >= terms->span_ms - terms->warning_ms;
  if (!due || (warned_ms == 0 && terms->warning_ms > 0)) {
    if (!due && warned_ms == 0) return;
    tables_.seats.SetIdleWarned(handle, due ? now : 0);
    changes->push_back(PutRecord(seat));
    if (!due) return;
    events_.push_back(
        {.session_id = seat.session_id(),
         .kind = LedgerEvent::Kind::kSeatIdle,
         .seats = {seat},
         .by = tables_.policies.RuleName(terms->rule),
         .left_ms = std::max(terms->span_ms - idle_ms, terms->warning_ms)});
    return;
  }
  if (idle_ms < terms->span_ms || now - warned_ms < terms->warning_ms) return;
  TakeAway(handle, "idle", tables_.policies.RuleName(terms->rule), changes);
}

}  // namespace quorate::licensing

// Lent units are called back: those who wait for what is reserved for them come
// first, and seats of others are called for them, and taken when it is time.
//
// Nothing is called while nobody waits, and nothing is taken unless somebody
// still does: the calls of a feature are thought through again whenever its
// line was looked at.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"

#include "server/licensing/ledger_state.h"
#include "server/licensing/recall.h"
#include "server/licensing/record_codec.h"

namespace quorate::licensing {

void Ledger::State::RankCalling(absl::string_view feature) {
  const policy::CompiledPolicy& compiled = tables_.policies.compiled();
  const QueueLine* const line = tables_.queue.FindLine(feature);
  if (line->claimed() == 0 &&
      (compiled.empty() || !compiled.RulesOf(feature).some_call_back)) {
    return;
  }
  recalls_.features.insert(std::string(feature));
  Claims claims(tables_, feature);
  std::vector<uint64_t> changed;
  int looked = 0;
  line->Visit([&](const QueuePlace& place) {
    if (claims.ClaimFor(place).has_value() != place.record.calls_back()) {
      changed.push_back(place.record.number());
    }
    return ++looked < kMaxCalling;
  });
  for (const uint64_t number : changed) {
    QueuePlace* const place = tables_.queue.Find(number);
    tables_.queue.SetCallsBack(place, !place->record.calls_back());
  }
}

void Ledger::State::CallBack(Changes* changes) {
  // One that was retired grants nothing any more.
  if (tables_.retirement.has_value()) return;
  // Of a line that is gone nobody looks.
  for (const auto& [feature, calls] : tables_.seats.calls()) {
    const QueueLine* const line = tables_.queue.FindLine(feature);
    if (line == nullptr || line->claimed() == 0) {
      recalls_.features.insert(feature);
    }
  }
  const std::set<uint64_t> fresh = ReviewCalls(changes);
  if (TakeCalled(fresh, changes)) {
    ServeQueue(changes);
    ReviewCalls(changes);
  }
}

std::set<uint64_t> Ledger::State::ReviewCalls(Changes* changes) {
  std::set<uint64_t> fresh;
  for (const std::string& feature : std::exchange(recalls_.features, {})) {
    const std::map<uint64_t, Call> plan = PlanCalls(tables_, feature);
    std::vector<uint64_t> kept;
    const auto standing = tables_.seats.calls().find(feature);
    if (standing != tables_.seats.calls().end()) {
      for (const auto& [due_ms, handle] : standing->second) {
        if (plan.count(handle) == 0) kept.push_back(handle);
      }
    }
    for (const uint64_t handle : kept)
      SetCalled(handle, {}, changes);
    for (const auto& [handle, call] : plan) {
      if (tables_.seats.Find(handle)->record.call_due_cluster_ms() != 0) {
        continue;
      }
      SetCalled(handle, call, changes);
      fresh.insert(handle);
    }
  }
  return fresh;
}

void Ledger::State::SetCalled(uint64_t handle, const Call& call,
                              Changes* changes) {
  const Seat& seat = *tables_.seats.Find(handle);
  const std::string rule =
      call.rule.empty() ? seat.record.call_rule() : call.rule;
  tables_.seats.SetCalled(handle, call.due_cluster_ms, call.rule);
  changes->push_back(PutRecord(seat.record));
  recalls_.some_changed = true;
  if (IsLinger(seat.session->record)) return;
  const bool is_called = call.due_cluster_ms != 0;
  events_.push_back(
      {.session_id = seat.record.session_id(),
       .kind = is_called ? LedgerEvent::Kind::kSeatCalledBack
                         : LedgerEvent::Kind::kSeatKept,
       .seats = {seat.record},
       .by = rule,
       .left_ms =
           is_called ? call.due_cluster_ms - tables_.counters.cluster_ms : 0});
}

bool Ledger::State::TakeCalled(const std::set<uint64_t>& fresh,
                               Changes* changes) {
  const int64_t now = tables_.counters.cluster_ms;
  std::vector<uint64_t> due;
  for (const auto& [feature, calls] : tables_.seats.calls()) {
    for (const auto& [due_ms, handle] : calls) {
      if (due_ms > now || due.size() >= limits_.expiries_per_entry) break;
      if (fresh.count(handle) == 0) due.push_back(handle);
    }
  }
  for (const uint64_t handle : due) {
    const Seat& seat = *tables_.seats.Find(handle);
    if (IsLinger(seat.session->record)) {
      EndSession(seat.session, changes);
    } else {
      const std::string rule = seat.record.call_rule();
      TakeAway(handle, "called back", rule, changes);
    }
    recalls_.some_changed = true;
  }
  return !due.empty();
}

void Ledger::State::KeepLastChanges(Changes* changes) {
  recalls_.some_changed = false;
  absl::flat_hash_set<std::string> seen;
  Changes last;
  while (changes->size() > recalls_.first_change) {
    if (seen.insert(changes->back().key).second) {
      last.push_back(std::move(changes->back()));
    }
    changes->pop_back();
  }
  changes->insert(changes->end(), std::make_move_iterator(last.rbegin()),
                  std::make_move_iterator(last.rend()));
}

}  // namespace quorate::licensing

// Seats that are given back and stay out for their users for some time, and are
// taken up again by them before anybody is asked.

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "server/licensing/ledger_state.h"
#include "server/licensing/record_codec.h"
#include "server/licensing/times.h"

namespace quorate::licensing {
namespace {

using internal::v1::CheckoutItem;
using internal::v1::SessionRecord;

}  // namespace

// What its licences say or what the policy says, whichever is longer.
int64_t Ledger::State::LingerMs(const Seat& seat, const Session& holder) const {
  if (IsUsedUp(seat.pool) || IsUsedUp(seat.token_pool)) return 0;
  int64_t linger_ms = tables_.policies.FindLingerMs(holder.record.description(),
                                                    seat.record.feature());
  for (const CapacityTerm& term : seat.pool->terms) {
    if (!term.InForce(tables_.counters.calendar_ms)) continue;
    linger_ms = std::max(linger_ms, term.linger_ms);
  }
  return linger_ms;
}

bool Ledger::State::Linger(uint64_t handle, Changes* changes) {
  const Seat& seat = *tables_.seats.Find(handle);
  const Session& holder = *seat.session;
  const int64_t linger_ms = LingerMs(seat, holder);
  // What is called back, or of one that was terminated, is wanted elsewhere.
  if (linger_ms == 0 || seat.record.call_due_cluster_ms() != 0 ||
      tables_.terminations.Find(holder.record.session_id()) != nullptr ||
      tables_.sessions.size() >= limits_.sessions) {
    return false;
  }
  Counters& counters = tables_.counters;
  SessionRecord record;
  record.set_session_id(counters.next_session_id++);
  record.set_principal(holder.record.principal());
  *record.mutable_description() = holder.record.description();
  record.set_kind(internal::v1::SESSION_KIND_LINGER);
  record.set_ttl_ms(linger_ms);
  record.set_opened_calendar_ms(counters.calendar_ms);
  record.set_lease_end_cluster_ms(AddMs(counters.cluster_ms, linger_ms));
  changes->push_back(PutRecord(record));
  Session* const linger = tables_.sessions.Add(std::move(record));
  changes->push_back(PutRecord(tables_.seats.Move(handle, linger)->record));
  return true;
}

Takeovers Ledger::State::FindTakeovers(const Session& session,
                                       const CheckoutItems& items) const {
  Takeovers takeovers;
  for (const CheckoutItem& item : items) {
    uint64_t found = 0;
    const auto* const lingering =
        tables_.seats.LingeringFor(session.record, item.feature());
    if (lingering != nullptr) {
      const auto fits = std::find_if(
          lingering->begin(), lingering->end(), [&](uint64_t handle) {
            const Seat& seat = *tables_.seats.Find(handle);
            return seat.session->record.lease_end_cluster_ms() >
                       tables_.counters.cluster_ms &&
                   FitsInPlace(seat.record, item, session.record.description(),
                               tables_.pools) &&
                   std::find(takeovers.handles.begin(), takeovers.handles.end(),
                             handle) == takeovers.handles.end();
          });
      if (fits != lingering->end()) found = *fits;
    }
    takeovers.handles.push_back(found);
    takeovers.some |= found != 0;
  }
  return takeovers;
}

LedgerAnswer Ledger::State::CheckoutAgain(const internal::v1::Command& command,
                                          const Takeovers& takeovers,
                                          Session* session, Changes* changes) {
  const CheckoutItems& items = command.checkout().items();
  CheckoutItems again;
  CheckoutItems rest;
  for (int i = 0; i < items.size(); ++i) {
    *(takeovers.handles[static_cast<size_t>(i)] != 0 ? again : rest).Add() =
        items[i];
  }
  Allotments allotments;
  std::optional<LedgerAnswer> refusal = RefuseDenied(*session, again);
  if (!refusal.has_value()) refusal = RefuseCoolingDown(*session, again);
  if (!refusal.has_value()) refusal = RefuseClient(*session, rest);
  if (!refusal.has_value()) {
    refusal = AllotNow(rest, session->record.description(), &allotments);
  }
  if (!refusal.has_value()) refusal = RefuseTooMany(*session, items);
  if (!refusal.has_value()) refusal = RefuseUnserved(rest);
  if (refusal.has_value()) {
    return RefuseOrQueue(command, *session, *std::move(refusal));
  }
  LedgerAnswer answer;
  answer.granted_calendar_ms = tables_.counters.calendar_ms;
  const LedgerAnswer granted =
      Grant(session, rest, allotments, /*waited_ms=*/0, changes);
  auto next = granted.seat_handles.begin();
  for (const uint64_t handle : takeovers.handles) {
    answer.seat_handles.push_back(handle != 0 ? handle : *next++);
    if (handle != 0) TakeOver(handle, session, changes);
  }
  return answer;
}

void Ledger::State::TakeOver(uint64_t handle, Session* session,
                             Changes* changes) {
  const Seat& lingering = *tables_.seats.Find(handle);
  const uint64_t linger = lingering.record.session_id();
  NoteUse(lingering.record, *lingering.session);
  const Seat* const seat = tables_.seats.Move(handle, session);
  tables_.seats.SetGranted(handle, tables_.counters.calendar_ms);
  changes->push_back(PutRecord(seat->record));
  changes->push_back(EraseRecord(SessionKey(linger)));
  tables_.sessions.Erase(linger);
}

}  // namespace quorate::licensing

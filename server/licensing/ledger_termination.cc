// What administrators do to sessions and seats of others; and the change of a
// seat's units by its own session.

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/check.h"
#include "server/licensing/field_rules.h"
#include "server/licensing/ledger_state.h"
#include "server/licensing/record_codec.h"
#include "server/licensing/refusals.h"
#include "server/licensing/seat_growth.h"
#include "server/licensing/times.h"

namespace quorate::licensing {

using internal::v1::Command;
using internal::v1::SeatRecord;
using internal::v1::TerminationRecord;

LedgerAnswer Ledger::State::RefuseTerminated(
    const TerminationRecord& termination) const {
  return Refuse(type::v1::ERROR_REASON_SESSION_TERMINATED,
                {{"session", absl::StrCat(termination.session_id())},
                 {"why", termination.reason()},
                 {"terminated_by", termination.terminated_by()}});
}

std::optional<LedgerAnswer> Ledger::State::RefuseCoolingDown(
    const Session& session, const CheckoutItems& items) const {
  const int64_t now = tables_.counters.cluster_ms;
  for (const internal::v1::CheckoutItem& item : items) {
    const auto end_ms = tables_.terminations.CoolDownEndMs(
        session.record.principal(), session.record.description(),
        item.feature(), now);
    if (!end_ms.has_value()) continue;
    return RefuseCoolDown(item.feature(), *end_ms - now);
  }
  return std::nullopt;
}

LedgerAnswer Ledger::State::TerminateSession(const Command& command,
                                             Changes* changes) {
  const internal::v1::TerminateSession& body = command.terminate_session();
  if (!IsPlainText(body.reason())) {
    return RefuseField("reason", "must be plain text of at most 256 bytes");
  }
  if (body.cool_down_ms() < 0 || body.cool_down_ms() > kMaxCoolDownMs) {
    return RefuseField("cool_down_ms",
                       absl::StrCat("must be 0 to ", kMaxCoolDownMs));
  }
  Session* const session =
      tables_.sessions.FindAlive(body.session_id(), time());
  const TerminationRecord* const before =
      tables_.terminations.Find(body.session_id());
  if (session == nullptr) {
    if (before != nullptr) return RefuseTerminated(*before);
    return Refuse(type::v1::ERROR_REASON_SESSION_NOT_FOUND,
                  {{"session", absl::StrCat(body.session_id())}});
  }
  if (IsBorrow(session->record)) return RefuseBorrowed(*session);
  // There is nobody to wait for.
  if (IsLinger(session->record)) {
    EndSession(session, changes);
    return {};
  }
  // Whose client does not answer may be ended at once after all.
  if (before != nullptr && !body.at_once()) return RefuseTerminated(*before);
  if (before == nullptr) {
    if (tables_.terminations.size() >= limits_.terminations) {
      return RefuseOverLimit("terminations", limits_.terminations);
    }
    TerminationRecord record = TerminationOf(command, *session);
    events_.push_back({.session_id = body.session_id(),
                       .kind = LedgerEvent::Kind::kTerminated,
                       .reason = body.reason(),
                       .by = command.principal()});
    changes->push_back(PutRecord(record));
    QUORATE_CHECK(tables_.terminations.Add(std::move(record)));
    tables_.queue.EraseAllOf(body.session_id());
  }
  // Nobody believes in what is booked.
  if (body.at_once() || IsBooking(session->record)) {
    EndSession(session, changes);
  }
  return {};
}

TerminationRecord Ledger::State::TerminationOf(const Command& command,
                                               const Session& session) const {
  const internal::v1::TerminateSession& body = command.terminate_session();
  const Counters& counters = tables_.counters;
  TerminationRecord record;
  record.set_session_id(body.session_id());
  record.set_principal(session.record.principal());
  *record.mutable_description() = session.record.description();
  record.set_reason(body.reason());
  record.set_terminated_by(command.principal());
  record.set_terminated_calendar_ms(counters.calendar_ms);
  if (body.cool_down_ms() > 0) {
    std::set<std::string> features;
    for (const uint64_t handle : session.seats) {
      features.insert(tables_.seats.Find(handle)->record.feature());
    }
    record.mutable_features()->Assign(features.begin(), features.end());
    record.set_cool_down_end_cluster_ms(
        AddMs(counters.cluster_ms, body.cool_down_ms()));
  }
  // Its client asks within a lease, or has lost the session by itself.
  record.set_forget_cluster_ms(
      std::max({LeaseEndMs(counters.cluster_ms, session.record.ttl_ms()),
                AddMs(counters.cluster_ms, kAnswerMemoryMs),
                record.cool_down_end_cluster_ms()}));
  return record;
}

void Ledger::State::ForgetTerminations(Changes* changes) {
  for (size_t i = 0; i < limits_.expiries_per_entry; ++i) {
    const TerminationRecord* const first = tables_.terminations.FirstToForget();
    if (first == nullptr ||
        first->forget_cluster_ms() > tables_.counters.cluster_ms) {
      return;
    }
    // As long as the session is there it must not be renewed.
    const uint64_t id = first->session_id();
    if (tables_.sessions.Find(id) != nullptr) return;
    changes->push_back(EraseRecord(TerminationKey(id)));
    tables_.terminations.Erase(id);
  }
}

LedgerAnswer Ledger::State::ReleaseSeat(const Command& command,
                                        Changes* changes) {
  const internal::v1::ReleaseSeat& body = command.release_seat();
  if (!IsPlainText(body.reason())) {
    return RefuseField("reason", "must be plain text of at most 256 bytes");
  }
  const Seat* const seat = tables_.seats.Find(body.seat_handle());
  if (seat == nullptr) {
    return Refuse(type::v1::ERROR_REASON_SEAT_NOT_FOUND,
                  {{"seat", absl::StrCat(body.seat_handle())}});
  }
  Session* const session = seat->session;
  if (IsBorrow(session->record)) return RefuseBorrowed(*session);
  LedgerAnswer answer;
  answer.session_id = seat->record.session_id();
  // A booking is all or none, and nobody believes in what lingers.
  if (IsBooking(session->record) || IsLinger(session->record)) {
    EndSession(session, changes);
    return answer;
  }
  TakeAway(body.seat_handle(), body.reason(), command.principal(), changes);
  return answer;
}

void Ledger::State::TakeAway(uint64_t handle, std::string reason,
                             std::string by, Changes* changes) {
  const SeatRecord& seat = tables_.seats.Find(handle)->record;
  Session* const session = tables_.seats.Find(handle)->session;
  // News may be lost on its way; who counts finds out.
  session->record.set_seats_taken(session->record.seats_taken() + 1);
  taken_from_.insert(seat.session_id());
  events_.push_back({.session_id = seat.session_id(),
                     .kind = LedgerEvent::Kind::kSeatReleased,
                     .seats = {seat},
                     .reason = std::move(reason),
                     .by = std::move(by)});
  GiveBack(handle, changes);
}

void Ledger::State::WriteTaken(Changes* changes) {
  for (const uint64_t session_id : taken_from_) {
    const Session* const session = tables_.sessions.Find(session_id);
    if (session != nullptr) changes->push_back(PutRecord(session->record));
  }
  taken_from_.clear();
}

LedgerAnswer Ledger::State::ResizeSeat(const Command& command,
                                       Changes* changes) {
  const internal::v1::ResizeSeat& body = command.resize_seat();
  if (body.count() < 1) return RefuseField("count", "must be at least 1");
  LedgerAnswer answer;
  Session* const session =
      FindOwnSession(body.session_id(), command.principal(), &answer);
  if (session == nullptr) return answer;
  const Seat* const seat = tables_.seats.Find(body.seat_handle());
  if (seat == nullptr || seat->record.session_id() != body.session_id()) {
    return RefuseSeat(body.session_id(), body.seat_handle(),
                      command.principal());
  }
  SeatRecord record = seat->record;
  if (record.count() == body.count()) return answer;
  CheckoutItems items;
  items.Add()->set_feature(record.feature());
  items[0].set_count(body.count());
  SeatRecord resized = record;
  resized.set_count(body.count());
  resized.set_token_units(record.token_units() / record.count() * body.count());
  // Out of its pools, and in again as it was or will be: the entry sees one
  // change. The rules are those of a checkout, but it stays in its pools.
  tables_.seats.Erase(record.handle());
  std::optional<LedgerAnswer> refusal;
  if (body.count() > record.count()) {
    refusal = RefuseClient(*session, items);
    if (!refusal.has_value()) {
      refusal = RefuseGrowth(record, resized, tables_.pools);
    }
    if (!refusal.has_value()) refusal = RefuseUnserved(items);
    if (!refusal.has_value() && (tables_.queue.IsKept(PoolNameOf(record)) ||
                                 tables_.queue.IsKept(record.token_pool()))) {
      refusal = RefuseOvertaking(items[0]);
    }
  } else {
    tables_.queue.MarkUnserved(record.feature());
    MarkTokenLines();
  }
  const SeatRecord before = record;
  if (!refusal.has_value()) {
    NoteUse(before, *session);
    resized.set_used_since_calendar_ms(tables_.counters.calendar_ms);
    resized.clear_waited_ms();
    record = std::move(resized);
    changes->push_back(PutRecord(record));
  }
  UseUp(before, *tables_.seats.Add(std::move(record), session));
  return refusal.has_value() ? *std::move(refusal) : answer;
}

}  // namespace quorate::licensing

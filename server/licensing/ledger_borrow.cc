// Borrows: seats that are away until a date of the calendar. Ended early by who
// borrowed, or written off by an administrator; by nothing else.

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"

#include "base/check.h"
#include "server/licensing/borrow_rules.h"
#include "server/licensing/field_rules.h"
#include "server/licensing/ledger_state.h"
#include "server/licensing/pool_refusals.h"
#include "server/licensing/record_codec.h"
#include "server/licensing/refusals.h"
#include "server/licensing/times.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;
using internal::v1::SessionRecord;
using internal::v1::WriteOffRecord;

// What the seats that are to be borrowed take of one pool together.
struct Ask {
  const Pool* pool = nullptr;
  uint64_t units = 0;
};

using Asks = absl::InlinedVector<Ask, 4>;

void AddAsk(const Pool* pool, uint64_t units, Asks* asks) {
  const auto same =
      std::find_if(asks->begin(), asks->end(),
                   [pool](const Ask& ask) { return ask.pool == pool; });
  if (same != asks->end()) {
    same->units += units;
  } else {
    asks->push_back({.pool = pool, .units = units});
  }
}

LedgerAnswer RefuseByLimit(const Ask& ask, absl::string_view limit,
                           uint64_t max) {
  return RefuseBorrowLimit(ask.pool->kind.feature, limit, max,
                           ask.pool->borrowed, ask.units);
}

// Each licence in force lets so many of its units be borrowed for so long, but
// not past its own end. What is borrowed for a shorter time counts for all.
std::optional<LedgerAnswer> RefuseByTerms(const Ask& ask, int64_t now_ms,
                                          int64_t until_ms) {
  bool allowed = false;
  int64_t latest_ms = 0;
  uint64_t max = 0;
  for (const CapacityTerm& term : ask.pool->terms) {
    if (!term.InForce(now_ms) || term.borrow_max_ms == 0) continue;
    allowed = true;
    const int64_t term_latest_ms =
        std::min(AddMs(now_ms, term.borrow_max_ms), term.end_ms);
    latest_ms = std::max(latest_ms, term_latest_ms);
    if (until_ms > term_latest_ms) continue;
    max = std::min(max + term.borrow_max_count, kUnlimited);
  }
  const std::string& feature = ask.pool->kind.feature;
  // Where the minutes of casual use end, a seat is taken back.
  if (!allowed || ask.pool->kind.casual_minutes > 0) {
    return Refuse(type::v1::ERROR_REASON_BORROW_NOT_ALLOWED,
                  {{"feature", feature}});
  }
  if (until_ms > latest_ms) {
    return Refuse(
        type::v1::ERROR_REASON_BORROW_TOO_LONG,
        {{"feature", feature}, {"latest_ms", absl::StrCat(latest_ms)}});
  }
  if (ask.pool->borrowed + ask.units > max) {
    return RefuseByLimit(ask, "count", max);
  }
  return std::nullopt;
}

// So many units must not be borrowed.
std::optional<LedgerAnswer> RefuseByLowWater(const Ask& ask, int64_t now_ms) {
  uint64_t low_water = 0;
  for (const CapacityTerm& term : ask.pool->terms) {
    if (term.InForce(now_ms)) low_water += term.borrow_low_water;
  }
  const uint64_t total = ask.pool->total;
  if (low_water == 0 || ask.pool->borrowed + ask.units + low_water <= total) {
    return std::nullopt;
  }
  return RefuseByLimit(ask, "low_water", total - std::min(total, low_water));
}

// When it would end, or why that is no time.
std::optional<LedgerAnswer> ReadUntil(const internal::v1::Borrow& body,
                                      int64_t now_ms, int64_t* until_ms) {
  if ((body.until_ms() != 0) == (body.span_ms() != 0)) {
    return RefuseField("until_ms", "or span_ms must be given, not both");
  }
  if (body.span_ms() < 0 || body.span_ms() > kMaxBorrowMs) {
    return RefuseField("span_ms", absl::StrCat("must be 1 to ", kMaxBorrowMs));
  }
  *until_ms =
      body.span_ms() != 0 ? AddMs(now_ms, body.span_ms()) : body.until_ms();
  if (*until_ms <= now_ms) {
    return RefuseField("until_ms", "must be in the future");
  }
  return std::nullopt;
}

LedgerAnswer RefuseNoBorrow(uint64_t session_id, absl::string_view principal,
                            const Tables& tables) {
  LedgerAnswer refusal = Refuse(type::v1::ERROR_REASON_BORROW_NOT_FOUND,
                                {{"session", absl::StrCat(session_id)}});
  const WriteOffRecord* const gone = tables.write_offs.Find(session_id);
  if (gone != nullptr && gone->borrow().principal() == principal) {
    refusal.metadata.emplace_back("written_off_by", gone->written_off_by());
  }
  return refusal;
}

}  // namespace

LedgerAnswer Ledger::State::RefuseBorrowed(const Session& borrow) const {
  return Refuse(
      type::v1::ERROR_REASON_GRANT_IS_BORROWED,
      {{"session", absl::StrCat(borrow.record.session_id())},
       {"until_ms", absl::StrCat(borrow.record.borrowed_until_ms())}});
}

LedgerAnswer Ledger::State::RefuseSeat(uint64_t session_id, uint64_t handle,
                                       absl::string_view principal) const {
  if (const Seat* const seat = tables_.seats.Find(handle); seat != nullptr) {
    const Session& holder = *seat->session;
    if (IsBorrow(holder.record) && holder.record.principal() == principal) {
      return RefuseBorrowed(holder);
    }
  }
  return Refuse(
      type::v1::ERROR_REASON_SEAT_NOT_FOUND,
      {{"session", absl::StrCat(session_id)}, {"seat", absl::StrCat(handle)}});
}

std::optional<LedgerAnswer> Ledger::State::RefuseBorrow(
    const google::protobuf::RepeatedField<uint64_t>& handles,
    int64_t until_ms) const {
  const int64_t now = tables_.counters.calendar_ms;
  Asks asks;
  Asks tokens;
  for (const uint64_t handle : handles) {
    const Seat& seat = *tables_.seats.Find(handle);
    if (seat.record.call_due_cluster_ms() != 0) {
      return Refuse(
          type::v1::ERROR_REASON_SEAT_CALLED_BACK,
          {{"seat", absl::StrCat(handle)}, {"rule", seat.record.call_rule()}});
    }
    AddAsk(seat.pool, seat.record.count(), &asks);
    if (seat.token_pool == nullptr) continue;
    AddAsk(seat.token_pool, seat.record.token_units(), &tokens);
  }
  for (const Ask& ask : asks) {
    if (auto refusal = RefuseByTerms(ask, now, until_ms)) return refusal;
  }
  for (const Ask& ask : tokens) {
    if (ask.pool->kind.casual_minutes == 0) continue;
    return Refuse(type::v1::ERROR_REASON_BORROW_NOT_ALLOWED,
                  {{"feature", ask.pool->kind.feature}});
  }
  // Units of a pool may go as its seats and as tokens at once.
  for (const Ask& ask : tokens) {
    AddAsk(ask.pool, ask.units, &asks);
  }
  for (const Ask& ask : asks) {
    if (ask.pool->kind.counting != Counting::kCounted) continue;
    if (auto refusal = RefuseByLowWater(ask, now)) return refusal;
  }
  return std::nullopt;
}

LedgerAnswer Ledger::State::Borrow(const Command& command, Changes* changes) {
  const internal::v1::Borrow& body = command.borrow();
  Counters& counters = tables_.counters;
  if (body.seat_handles_size() < 1 ||
      body.seat_handles_size() > kMaxBorrowSeats ||
      !AreDistinct(body.seat_handles())) {
    return RefuseField(
        "seat_handles",
        absl::StrCat("must be 1 to ", kMaxBorrowSeats, ", none of them twice"));
  }
  int64_t until_ms = 0;
  if (auto refusal = ReadUntil(body, counters.calendar_ms, &until_ms)) {
    return *std::move(refusal);
  }
  LedgerAnswer answer;
  const Session* const session =
      FindOwnSession(body.session_id(), command.principal(), &answer);
  if (session == nullptr) return answer;
  for (const uint64_t handle : body.seat_handles()) {
    const Seat* const seat = tables_.seats.Find(handle);
    if (seat == nullptr || seat->record.session_id() != body.session_id()) {
      return RefuseSeat(body.session_id(), handle, command.principal());
    }
  }
  const BorrowAsk ask = {.session = session,
                         .handles = &body.seat_handles(),
                         .until_ms = until_ms};
  auto refusal = RefuseByBorrowRules(ask, tables_);
  if (!refusal) refusal = RefuseBorrow(body.seat_handles(), until_ms);
  if (!refusal) refusal = RefuseByBorrowCounts(ask, tables_);
  if (refusal) return *std::move(refusal);
  if (tables_.sessions.size() >= limits_.sessions) {
    return RefuseOverLimit("sessions", limits_.sessions);
  }
  SessionRecord record;
  record.set_session_id(counters.next_session_id++);
  record.set_principal(command.principal());
  *record.mutable_description() = session->record.description();
  record.set_opened_calendar_ms(counters.calendar_ms);
  record.set_kind(internal::v1::SESSION_KIND_BORROW);
  record.set_borrowed_until_ms(until_ms);
  changes->push_back(PutRecord(record));
  Session* const borrow = tables_.sessions.Add(std::move(record));
  for (const uint64_t handle : body.seat_handles()) {
    changes->push_back(PutRecord(tables_.seats.Move(handle, borrow)->record));
  }
  answer.session_id = borrow->record.session_id();
  return answer;
}

LedgerAnswer Ledger::State::ReturnBorrow(const Command& command,
                                         Changes* changes) {
  const uint64_t session_id = command.return_borrow().session_id();
  Session* const session = tables_.sessions.FindAlive(session_id, time());
  if (session == nullptr || !IsBorrow(session->record)) {
    return RefuseNoBorrow(session_id, command.principal(), tables_);
  }
  if (session->record.principal() != command.principal()) {
    return Refuse(type::v1::ERROR_REASON_SESSION_NOT_YOURS,
                  {{"session", absl::StrCat(session_id)}});
  }
  LedgerAnswer answer;
  answer.session_id = session_id;
  EndSession(session, changes);
  return answer;
}

LedgerAnswer Ledger::State::WriteOffBorrow(const Command& command,
                                           Changes* changes) {
  const internal::v1::WriteOffBorrow& body = command.write_off_borrow();
  if (body.reason().empty() || !IsPlainText(body.reason())) {
    return RefuseField("reason", "must be 1 to 256 bytes of plain text");
  }
  Session* const session =
      tables_.sessions.FindAlive(body.session_id(), time());
  if (session == nullptr || !IsBorrow(session->record)) {
    return RefuseNoBorrow(body.session_id(), command.principal(), tables_);
  }
  WriteOffRecord record;
  *record.mutable_borrow() = session->record;
  for (const uint64_t handle : session->seats) {
    *record.add_seats() = tables_.seats.Find(handle)->record;
  }
  record.set_reason(body.reason());
  record.set_written_off_by(command.principal());
  record.set_written_off_calendar_ms(tables_.counters.calendar_ms);
  while (tables_.write_offs.size() >= limits_.write_offs) {
    changes->push_back(
        EraseRecord(WriteOffKey(tables_.write_offs.EraseOldest())));
  }
  changes->push_back(PutRecord(record));
  QUORATE_CHECK(tables_.write_offs.Add(std::move(record)));
  LedgerAnswer answer;
  answer.session_id = body.session_id();
  EndSession(session, changes);
  return answer;
}

}  // namespace quorate::licensing

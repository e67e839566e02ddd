// Bookings: seats that are kept for a job until it begins, for a time.

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "server/licensing/field_rules.h"
#include "server/licensing/ledger_state.h"
#include "server/licensing/record_codec.h"
#include "server/licensing/refusals.h"
#include "server/licensing/times.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;
using internal::v1::SeatRecord;
using internal::v1::SessionRecord;

std::optional<LedgerAnswer> CheckFields(const internal::v1::Book& body) {
  if (!IsPlainDescription(body.description())) {
    return RefuseField("description", kDescriptionRule);
  }
  if (body.peer_address().size() > kMaxNameBytes) {
    return RefuseField("peer_address", "must be 4 or 16 bytes");
  }
  if (!IsPlainText(body.job())) {
    return RefuseField("job", "must be plain text of at most 256 bytes");
  }
  if (body.hold_ms() < 1 || body.hold_ms() > kMaxBookingMs) {
    return RefuseField("hold_ms", absl::StrCat("must be 1 to ", kMaxBookingMs));
  }
  return CheckItems(body.items());
}

// What is used up cannot be given back where nobody comes; and where minutes
// run out, a seat is taken back.
std::optional<LedgerAnswer> RefuseUsedUp(const Allotments& allotments) {
  for (size_t i = 0; i < allotments.size(); ++i) {
    if (!IsUsedUp(allotments[i].pool) && !IsUsedUp(allotments[i].token_pool)) {
      continue;
    }
    return RefuseField(absl::StrCat("items[", i, "].feature"),
                       "is used up, and cannot be booked");
  }
  return std::nullopt;
}

}  // namespace

LedgerAnswer Ledger::State::Book(const Command& command, Changes* changes) {
  const internal::v1::Book& body = command.book();
  if (auto refusal = CheckFields(body)) return *std::move(refusal);
  if (tables_.sessions.size() >= limits_.sessions) {
    return RefuseOverLimit("sessions", limits_.sessions);
  }
  Counters& counters = tables_.counters;
  SessionRecord record;
  record.set_principal(command.principal());
  *record.mutable_description() = body.description();
  record.mutable_description()->set_peer_address(body.peer_address());
  record.set_opened_calendar_ms(counters.calendar_ms);
  record.set_lease_end_cluster_ms(AddMs(counters.cluster_ms, body.hold_ms()));
  record.set_kind(internal::v1::SESSION_KIND_BOOKING);
  record.mutable_booking()->set_job(body.job());
  *record.mutable_booking()->mutable_items() = body.items();

  // The rules are those of a checkout by the one that it is for.
  const Session wanted = {.record = record, .seats = {}};
  Allotments allotments;
  auto refusal = RefuseComer(wanted, body.items(), &allotments);
  if (!refusal.has_value()) refusal = RefuseUsedUp(allotments);
  if (refusal.has_value()) return *std::move(refusal);
  record.set_session_id(counters.next_session_id++);
  changes->push_back(PutRecord(record));
  Session* const booking = tables_.sessions.Add(std::move(record));
  LedgerAnswer answer =
      Grant(booking, body.items(), allotments, /*waited_ms=*/0, changes);
  answer.session_id = booking->record.session_id();
  return answer;
}

Session* Ledger::State::FindOwnBooking(uint64_t session_id,
                                       absl::string_view principal,
                                       LedgerAnswer* refusal) {
  Session* const session = tables_.sessions.FindAlive(session_id, time());
  if (session == nullptr || !IsBooking(session->record)) {
    *refusal = Refuse(type::v1::ERROR_REASON_BOOKING_NOT_FOUND,
                      {{"session", absl::StrCat(session_id)}});
    return nullptr;
  }
  if (session->record.principal() != principal) {
    *refusal = Refuse(type::v1::ERROR_REASON_SESSION_NOT_YOURS,
                      {{"session", absl::StrCat(session_id)}});
    return nullptr;
  }
  return session;
}

// A checkout of what was booked, by the session, with the booked units given
// back before; but the seats keep their handles.
LedgerAnswer Ledger::State::ConfirmBooking(const Command& command,
                                           Changes* changes) {
  const internal::v1::ConfirmBooking& body = command.confirm_booking();
  LedgerAnswer answer;
  Session* const booking =
      FindOwnBooking(body.booking_id(), command.principal(), &answer);
  if (booking == nullptr) return answer;
  Session* const session =
      FindOwnSession(body.session_id(), command.principal(), &answer);
  if (session == nullptr) return answer;
  const CheckoutItems items = booking->record.booking().items();
  std::vector<SeatRecord> seats;
  for (const uint64_t handle : booking->seats) {
    seats.push_back(tables_.seats.Find(handle)->record);
  }
  tables_.seats.EraseAllOf(booking);
  Allotments allotments;
  std::optional<LedgerAnswer> refusal =
      RefuseNow(*session, items, KeptForNobody, &allotments);
  if (!refusal.has_value()) refusal = RefuseUsedUp(allotments);
  if (refusal.has_value()) {
    for (SeatRecord& seat : seats)
      tables_.seats.Add(std::move(seat), booking);
    return *std::move(refusal);
  }
  for (size_t i = 0; i < seats.size(); ++i) {
    SeatRecord seat;
    seat.set_handle(seats[i].handle());
    seat.set_session_id(body.session_id());
    seat.set_feature(seats[i].feature());
    seat.set_count(seats[i].count());
    seat.set_granted_calendar_ms(seats[i].granted_calendar_ms());
    WriteAllotment(allotments[i], &seat);
    changes->push_back(PutRecord(seat));
    answer.seat_handles.push_back(seat.handle());
    // It may count as less than it did, and for another project.
    tables_.queue.MarkUnserved(seat.feature());
    // Nothing is used up anew; a name may be taken, or a trial begin.
    const Seat& taken = *tables_.seats.Add(std::move(seat), session);
    UseUp(seats[i], taken);
    BeginUse(taken);
  }
  MarkTokenLines();
  answer.session_id = body.session_id();
  answer.granted_calendar_ms = seats.front().granted_calendar_ms();
  EndSession(booking, changes);
  return answer;
}

LedgerAnswer Ledger::State::CancelBooking(const Command& command,
                                          Changes* changes) {
  LedgerAnswer answer;
  Session* const booking = FindOwnBooking(command.cancel_booking().booking_id(),
                                          command.principal(), &answer);
  if (booking == nullptr) return answer;
  answer.session_id = booking->record.session_id();
  EndSession(booking, changes);
  return answer;
}

}  // namespace quorate::licensing

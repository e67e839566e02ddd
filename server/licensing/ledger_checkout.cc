// Checkout and check-in: all or none.

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "server/licensing/allotment.h"
#include "server/licensing/field_rules.h"
#include "server/licensing/ledger_state.h"
#include "server/licensing/record_codec.h"
#include "server/licensing/refusals.h"

namespace quorate::licensing {
namespace {

using internal::v1::CheckoutItem;
using internal::v1::Command;

std::optional<LedgerAnswer> CheckFields(const internal::v1::Checkout& body) {
  if (auto refusal = CheckItems(body.items())) return refusal;
  if (body.wait_ms() < 0 || body.wait_ms() > kMaxWaitMs) {
    return RefuseField("wait_ms", absl::StrCat("must be 0 to ", kMaxWaitMs));
  }
  if (body.priority() > kMaxPriority) {
    return RefuseField("priority", absl::StrCat("must be 0 to ", kMaxPriority));
  }
  return std::nullopt;
}

}  // namespace

LedgerAnswer Ledger::State::Checkout(const Command& command, Changes* changes) {
  const internal::v1::Checkout& body = command.checkout();
  if (auto refusal = CheckFields(body)) return *std::move(refusal);
  LedgerAnswer answer;
  Session* const session =
      FindOwnSession(body.session_id(), command.principal(), &answer);
  if (session == nullptr) return answer;
  if (const Takeovers takeovers = FindTakeovers(*session, body.items());
      takeovers.some) {
    return CheckoutAgain(command, takeovers, session, changes);
  }
  Allotments allotments;
  auto refusal = RefuseComer(*session, body.items(), &allotments);
  if (refusal.has_value()) {
    return RefuseOrQueue(command, *session, *std::move(refusal));
  }
  return Grant(session, body.items(), allotments, /*waited_ms=*/0, changes);
}

std::optional<LedgerAnswer> Ledger::State::RefuseComer(
    const Session& session, const CheckoutItems& items,
    Allotments* allotments) const {
  if (auto refusal = RefuseClient(session, items)) return refusal;
  if (auto refusal =
          AllotNow(items, session.record.description(), allotments)) {
    return refusal;
  }
  if (auto refusal = RefuseTooMany(session, items)) return refusal;
  return RefuseUnserved(items);
}

std::optional<LedgerAnswer> Ledger::State::RefuseClient(
    const Session& session, const CheckoutItems& items) const {
  if (auto refusal = RefuseByPolicy(session, items)) return refusal;
  return RefuseCoolingDown(session, items);
}

std::optional<LedgerAnswer> Ledger::State::RefuseTooMany(
    const Session& session, const CheckoutItems& items) const {
  if (session.seats.size() + static_cast<size_t>(items.size()) >
      limits_.seats_of_session) {
    return RefuseOverLimit("seats_of_session", limits_.seats_of_session);
  }
  return std::nullopt;
}

std::optional<LedgerAnswer> Ledger::State::RefuseNow(
    const Session& session, const CheckoutItems& items, IsKept is_kept,
    Allotments* allotments) const {
  if (auto refusal = RefuseClient(session, items)) return refusal;
  if (auto refusal = Allot(items, session.record.description(), tables_.pools,
                           is_kept, allotments)) {
    return refusal;
  }
  return RefuseTooMany(session, items);
}

LedgerAnswer Ledger::State::Grant(Session* session, const CheckoutItems& items,
                                  const Allotments& allotments,
                                  int64_t waited_ms, Changes* changes) {
  Counters& counters = tables_.counters;
  LedgerAnswer answer;
  answer.granted_calendar_ms = counters.calendar_ms;
  answer.seat_handles.reserve(allotments.size());
  for (size_t i = 0; i < allotments.size(); ++i) {
    const CheckoutItem& item = items[static_cast<int>(i)];
    internal::v1::SeatRecord record;
    record.set_handle(counters.next_seat_handle++);
    record.set_session_id(session->record.session_id());
    record.set_feature(item.feature());
    record.set_count(item.count());
    record.set_granted_calendar_ms(counters.calendar_ms);
    record.set_waited_ms(waited_ms);
    WriteAllotment(allotments[i], &record);
    changes->push_back(PutRecord(record));
    answer.seat_handles.push_back(record.handle());
    const Seat& seat = *tables_.seats.Add(std::move(record), session);
    UseUp({}, seat);
    BeginUse(seat);
  }
  return answer;
}

LedgerAnswer Ledger::State::Checkin(const Command& command, Changes* changes) {
  const internal::v1::Checkin& body = command.checkin();
  if (body.seat_handles_size() < 1 ||
      body.seat_handles_size() > kMaxCheckinSeats) {
    return RefuseField("seat_handles",
                       absl::StrCat("must be 1 to ", kMaxCheckinSeats));
  }
  if (!AreDistinct(body.seat_handles())) {
    return RefuseField("seat_handles", "must not name a seat twice");
  }
  LedgerAnswer refusal;
  if (FindOwnSessionToReturn(body.session_id(), command.principal(),
                             &refusal) == nullptr) {
    return refusal;
  }
  for (const uint64_t handle : body.seat_handles()) {
    const Seat* const seat = tables_.seats.Find(handle);
    if (seat == nullptr || seat->record.session_id() != body.session_id()) {
      return RefuseSeat(body.session_id(), handle, command.principal());
    }
  }
  for (const uint64_t handle : body.seat_handles()) {
    if (!Linger(handle, changes)) GiveBack(handle, changes);
  }
  return {};
}

}  // namespace quorate::licensing

// Checkouts that wait: taking a place, being served, leaving.

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/check.h"
#include "server/licensing/field_rules.h"
#include "server/licensing/ledger_state.h"
#include "server/licensing/record_codec.h"
#include "server/licensing/refusals.h"
#include "server/licensing/times.h"

namespace quorate::licensing {
namespace {

using internal::v1::CheckoutItem;
using internal::v1::Command;
using internal::v1::QueuePlaceRecord;

// Bounds for the estimate, which is rough in any case: its product fits.
constexpr int64_t kMaxHeldMs = int64_t{30} * 24 * 3'600'000;
constexpr uint64_t kMaxUnitsAhead = 1'000'000'000;

uint64_t UnitsIn(const QueuePlaceRecord& place, absl::string_view feature) {
  uint64_t units = 0;
  for (const CheckoutItem& item : place.items()) {
    if (item.feature() == feature) units += item.count();
  }
  return units;
}

// What it asks for; or as little as the policy lets it, of all its features.
uint32_t PriorityOf(const internal::v1::Checkout& body, const Session& session,
                    const Tables& tables) {
  uint32_t priority = body.priority();
  for (const CheckoutItem& item : body.items()) {
    const std::optional<uint32_t> most = tables.policies.FindMaxPriority(
        session.record.description(), item.feature(),
        tables.counters.calendar_ms);
    priority = std::min(priority, most.value_or(priority));
  }
  return priority;
}

// A client that has not been heard of for so long has lost its session, and
// asks for no place of it again.
int64_t MemoryMs(const Session& session) {
  return std::max(kAnswerMemoryMs, LeaseEndMs(0, session.record.ttl_ms()));
}

}  // namespace

std::optional<LedgerAnswer> Ledger::State::AllotNow(
    const CheckoutItems& items,
    const internal::v1::SessionDescription& description,
    Allotments* allotments) const {
  bool some_are_kept = false;
  auto refusal = Allot(
      items, description, tables_.pools,
      [&](const Pool& pool) {
        const bool kept = tables_.queue.IsKept(pool.name);
        some_are_kept |= kept;
        return kept;
      },
      allotments);
  if (!refusal.has_value() || !some_are_kept ||
      Allot(items, description, tables_.pools, KeptForNobody, allotments)) {
    return refusal;
  }
  for (const CheckoutItem& item : items) {
    for (const Pool* const pool : PoolsFor(item, description, tables_.pools)) {
      if (tables_.queue.IsKept(pool->name)) {
        return RefuseOvertaking(item);
      }
    }
  }
  return refusal;
}

std::optional<LedgerAnswer> Ledger::State::RefuseUnserved(
    const CheckoutItems& items) const {
  for (const CheckoutItem& item : items) {
    const QueueLine* const line = tables_.queue.FindLine(item.feature());
    if (line != nullptr && line->record().unserved()) {
      return RefuseOvertaking(item);
    }
  }
  return std::nullopt;
}

LedgerAnswer Ledger::State::RefuseOvertaking(const CheckoutItem& item) const {
  const FeatureView all =
      tables_.FindFeature(item.feature()).value_or(FeatureView());
  const QueueLine* const line = tables_.queue.FindLine(item.feature());
  return Refuse(
      type::v1::ERROR_REASON_POOL_EXHAUSTED,
      {{"feature", item.feature()},
       {"total", absl::StrCat(all.total)},
       {"out", absl::StrCat(all.out)},
       {"asked", absl::StrCat(item.count())},
       // Tokens may be kept for those who wait for another feature.
       {"waiting", absl::StrCat(line == nullptr ? 1 : line->size())}});
}

LedgerAnswer Ledger::State::RefuseOrQueue(const Command& command,
                                          const Session& session,
                                          LedgerAnswer refusal) {
  const internal::v1::Checkout& body = command.checkout();
  if (!WaitingHelps(refusal)) return refusal;
  if (body.wait_ms() == 0) {
    if (auto rule = CallingRuleFor(tables_, session, body.items())) {
      refusal.metadata.emplace_back("calls_back", *std::move(rule));
    }
    return refusal;
  }
  Queue& queue = tables_.queue;
  if (queue.size() >= limits_.queue_places) {
    return RefuseOverLimit("queue_places", limits_.queue_places);
  }
  if (queue.CountOf(body.session_id()) >= limits_.queue_places_of_session) {
    return RefuseOverLimit("queue_places_of_session",
                           limits_.queue_places_of_session);
  }
  Counters& counters = tables_.counters;
  const CommandDigest digest = DigestCommand(command);
  QueuePlaceRecord record;
  record.set_number(counters.next_queue_place++);
  record.set_session_id(body.session_id());
  record.set_request_id(command.request_id());
  record.set_command_digest(digest.data(), digest.size());
  *record.mutable_items() = body.items();
  record.set_priority(PriorityOf(body, session, tables_));
  record.set_queued_calendar_ms(counters.calendar_ms);
  record.set_state(internal::v1::QUEUE_PLACE_STATE_WAITING);
  record.set_due_cluster_ms(AddMs(counters.cluster_ms, body.wait_ms()));
  LedgerAnswer answer;
  answer.queue_place = record.number();
  const QueuePlace* const place =
      queue.Add(std::move(record), session.record.principal(),
                session.record.description().project());
  QUORATE_CHECK(place != nullptr);
  return answer;
}

LedgerAnswer Ledger::State::AnswerOf(const QueuePlace& place) const {
  const QueuePlaceRecord& record = place.record;
  LedgerAnswer answer;
  switch (record.state()) {
    case internal::v1::QUEUE_PLACE_STATE_WAITING:
      if (record.due_cluster_ms() <= tables_.counters.cluster_ms) {
        answer.reason = type::v1::ERROR_REASON_WAIT_TIMED_OUT;
      } else {
        answer.queue_position = PositionOf(place);
      }
      break;
    case internal::v1::QUEUE_PLACE_STATE_GRANTED:
      answer.seat_handles.assign(record.seat_handles().begin(),
                                 record.seat_handles().end());
      answer.granted_calendar_ms = record.granted_calendar_ms();
      break;
    default:
      answer.reason = static_cast<ErrorReason>(record.end_reason());
      break;
  }
  answer.queue_place = record.number();
  return answer;
}

// Where it stands in several lines, the one that looks worst.
QueuePosition Ledger::State::PositionOf(const QueuePlace& place) const {
  QueuePosition position;
  for (const CheckoutItem& item : place.record.items()) {
    const QueueLine* const line = tables_.queue.FindLine(item.feature());
    QUORATE_CHECK(line != nullptr);
    uint64_t number = 0;
    uint64_t units = 0;
    line->Visit([&](const QueuePlace& each) {
      ++number;
      units += UnitsIn(each.record, item.feature());
      return &each != &place;
    });
    position.number = std::max(position.number, number);
    const std::optional<FeatureView> all = tables_.FindFeature(item.feature());
    if (!all.has_value() || all->total == 0) continue;
    // In the mean time that a seat is held, each unit comes back once.
    const auto wait_ms = static_cast<int64_t>(
        static_cast<uint64_t>(line->record().mean_held_ms()) *
        std::min(units, kMaxUnitsAhead) / all->total);
    position.expected_wait_ms = std::max(position.expected_wait_ms, wait_ms);
    const auto calls = tables_.seats.calls().find(item.feature());
    if (!place.record.calls_back() || calls == tables_.seats.calls().end()) {
      continue;
    }
    // Then what is called back is there at the latest.
    position.expected_wait_ms = std::max<int64_t>(
        calls->second.rbegin()->first - tables_.counters.cluster_ms, 1);
  }
  return position;
}

void Ledger::State::EndDuePlaces() {
  Queue& queue = tables_.queue;
  for (size_t i = 0; i < limits_.expiries_per_entry; ++i) {
    QueuePlace* const place = queue.FirstDue();
    if (place == nullptr ||
        place->record.due_cluster_ms() > tables_.counters.cluster_ms) {
      return;
    }
    if (place->waiting()) {
      EndPlace(place, type::v1::ERROR_REASON_WAIT_TIMED_OUT);
    } else {
      queue.Erase(place);
    }
  }
}

void Ledger::State::EndPlace(QueuePlace* place, ErrorReason reason) {
  NoteVainWait(*place, reason);
  tables_.queue.Leave(place, internal::v1::QUEUE_PLACE_STATE_ENDED);
  place->record.set_end_reason(static_cast<uint32_t>(reason));
  RememberPlace(place);
}

void Ledger::State::RememberPlace(QueuePlace* place) {
  const Session* const session =
      tables_.sessions.Find(place->record.session_id());
  QUORATE_CHECK(session != nullptr);
  tables_.queue.SetDue(place,
                       AddMs(tables_.counters.cluster_ms, MemoryMs(*session)));
}

LedgerAnswer Ledger::State::CancelCheckout(const Command& command,
                                           Changes* changes) {
  const internal::v1::CancelCheckout& body = command.cancel_checkout();
  LedgerAnswer refusal;
  if (FindOwnSession(body.session_id(), command.principal(), &refusal) ==
      nullptr) {
    return refusal;
  }
  QueuePlace* const place = tables_.queue.FindByRequest(
      command.principal(), body.checkout_request_id());
  if (place == nullptr || place->record.session_id() != body.session_id()) {
    return Refuse(type::v1::ERROR_REASON_QUEUE_PLACE_NOT_FOUND,
                  {{"session", absl::StrCat(body.session_id())}});
  }
  if (place->waiting()) {
    EndPlace(place, type::v1::ERROR_REASON_WAIT_CANCELLED);
    return {};
  }
  if (place->record.state() != internal::v1::QUEUE_PLACE_STATE_GRANTED) {
    return {};
  }
  for (const uint64_t handle : place->record.seat_handles()) {
    const Seat* const seat = tables_.seats.Find(handle);
    // Returned before, or borrowed.
    if (seat == nullptr || seat->record.session_id() != body.session_id()) {
      continue;
    }
    GiveBack(handle, changes);
  }
  place->record.clear_seat_handles();
  place->record.set_state(internal::v1::QUEUE_PLACE_STATE_ENDED);
  place->record.set_end_reason(type::v1::ERROR_REASON_WAIT_CANCELLED);
  RememberPlace(place);
  return {};
}

void Ledger::State::OnReturn(const Seat& returned) {
  NoteUse(returned.record, *returned.session);
  EndUse(returned);
  const internal::v1::SeatRecord& seat = returned.record;
  const int64_t held_ms =
      tables_.counters.calendar_ms - seat.granted_calendar_ms();
  tables_.queue.LearnHeldTime(seat.feature(),
                              std::clamp<int64_t>(held_ms, 0, kMaxHeldMs));
  tables_.queue.MarkUnserved(seat.feature());
  MarkTokenLines();
}

void Ledger::State::GiveBack(uint64_t handle, Changes* changes) {
  OnReturn(*tables_.seats.Find(handle));
  changes->push_back(EraseRecord(SeatKey(handle)));
  tables_.seats.Erase(handle);
}

void Ledger::State::WriteQueue(Changes* changes) {
  const Queue::Changes changed = tables_.queue.TakeChanges();
  for (const uint64_t number : changed.places) {
    const QueuePlace* const place = tables_.queue.Find(number);
    changes->push_back(place != nullptr ? PutRecord(place->record)
                                        : EraseRecord(QueuePlaceKey(number)));
  }
  for (const std::string& feature : changed.lines) {
    const QueueLine* const line = tables_.queue.FindLine(feature);
    changes->push_back(line != nullptr ? PutRecord(line->record())
                                       : EraseRecord(QueueLineKey(feature)));
  }
}

}  // namespace quorate::licensing

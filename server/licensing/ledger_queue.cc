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

// Places of one line that are passed over because it is not its free units that
// they lack; who is behind them waits for the next occasion. Bounds the work.
constexpr int kMaxPassed = 256;

// Bounds for the estimate, which is rough in any case: its product fits.
constexpr int64_t kMaxHeldMs = int64_t{30} * 24 * 3'600'000;
constexpr uint64_t kMaxUnitsAhead = 1'000'000'000;

// It would be granted once others give back.
bool WaitingHelps(const LedgerAnswer& refusal) {
  return refusal.reason == type::v1::ERROR_REASON_POOL_EXHAUSTED ||
         refusal.reason == type::v1::ERROR_REASON_SEATS_RESERVED;
}

// Too few units of this feature are free, and those that are may be kept for
// it. Not so where they are reserved for others.
bool Lacks(const LedgerAnswer& refusal, absl::string_view feature) {
  if (refusal.reason != type::v1::ERROR_REASON_POOL_EXHAUSTED) return false;
  return std::any_of(
      refusal.metadata.begin(), refusal.metadata.end(),
      [feature](const std::pair<std::string, std::string>& fact) {
        return fact.first == "feature" && fact.second == feature;
      });
}

uint64_t UnitsIn(const QueuePlaceRecord& place, absl::string_view feature) {
  uint64_t units = 0;
  for (const CheckoutItem& item : place.items()) {
    if (item.feature() == feature) units += item.count();
  }
  return units;
}

// A client that has not been heard of for so long has lost its session, and
// asks for no place of it again.
int64_t MemoryMs(const Session& session) {
  return std::max(kAnswerMemoryMs, LeaseEndMs(0, session.record.ttl_ms()));
}

}  // namespace

std::optional<LedgerAnswer> Ledger::State::RefuseOvertaking(
    const CheckoutItems& items) const {
  for (const CheckoutItem& item : items) {
    const QueueLine* const line = tables_.queue.FindLine(item.feature());
    if (line == nullptr) continue;
    if (!line->record().held() && !line->record().unserved()) continue;
    const FeatureView all =
        tables_.FindFeature(item.feature()).value_or(FeatureView());
    return Refuse(type::v1::ERROR_REASON_POOL_EXHAUSTED,
                  {{"feature", item.feature()},
                   {"total", absl::StrCat(all.total)},
                   {"out", absl::StrCat(all.out)},
                   {"asked", absl::StrCat(item.count())},
                   {"waiting", absl::StrCat(line->size())}});
  }
  return std::nullopt;
}

LedgerAnswer Ledger::State::RefuseOrQueue(const Command& command,
                                          const Session& session,
                                          LedgerAnswer refusal) {
  const internal::v1::Checkout& body = command.checkout();
  if (body.wait_ms() == 0 || !WaitingHelps(refusal)) return refusal;
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
  record.set_priority(body.priority());
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

void Ledger::State::ServeQueue(Changes* changes) {
  // One that was retired grants nothing any more.
  if (tables_.retirement.has_value()) return;
  size_t settled = 0;
  while (const QueueLine* const line = tables_.queue.FirstUnserved()) {
    const std::string feature = line->record().feature();
    while (true) {
      bool held = false;
      QueuePlace* const place = NextToSettle(feature, &held);
      if (place == nullptr) {
        tables_.queue.SetServed(feature, held);
        break;
      }
      if (settled == limits_.settlements_per_entry) return;
      ++settled;
      Settle(place, changes);
      if (tables_.queue.FindLine(feature) == nullptr) break;
    }
  }
}

// The first of the line that need not wait any longer, null where each has to;
// `held` says whether units are kept for one of them.
QueuePlace* Ledger::State::NextToSettle(absl::string_view feature, bool* held) {
  const int64_t now = tables_.counters.cluster_ms;
  uint64_t number = 0;
  int passed = 0;
  tables_.queue.FindLine(feature)->Visit([&](const QueuePlace& place) {
    const QueuePlaceRecord& record = place.record;
    Session* const session =
        tables_.sessions.FindAlive(record.session_id(), time());
    std::optional<LedgerAnswer> refusal;
    if (session != nullptr && record.due_cluster_ms() > now) {
      Allotments allotments;
      refusal = RefuseNow(*session, record.items(), &allotments);
    }
    if (!refusal.has_value() || !WaitingHelps(*refusal)) {
      number = record.number();
      return false;
    }
    *held = Lacks(*refusal, feature);
    return !*held && ++passed < kMaxPassed;
  });
  return number == 0 ? nullptr : tables_.queue.Find(number);
}

void Ledger::State::Settle(QueuePlace* place, Changes* changes) {
  const int64_t now = tables_.counters.cluster_ms;
  QueuePlaceRecord& record = place->record;
  Session* const session =
      tables_.sessions.FindAlive(record.session_id(), time());
  if (session == nullptr) {
    EndPlace(place, type::v1::ERROR_REASON_SESSION_NOT_FOUND);
    return;
  }
  if (record.due_cluster_ms() <= now) {
    EndPlace(place, type::v1::ERROR_REASON_WAIT_TIMED_OUT);
    return;
  }
  Allotments allotments;
  if (const auto refusal = RefuseNow(*session, record.items(), &allotments)) {
    EndPlace(place, refusal->reason);
    return;
  }
  const LedgerAnswer granted =
      Grant(session, record.items(), allotments, changes);
  tables_.queue.Leave(place, internal::v1::QUEUE_PLACE_STATE_GRANTED);
  record.mutable_seat_handles()->Assign(granted.seat_handles.begin(),
                                        granted.seat_handles.end());
  record.set_granted_calendar_ms(granted.granted_calendar_ms);
  RememberPlace(place);
  LedgerEvent event = {.session_id = record.session_id(),
                       .kind = LedgerEvent::Kind::kQueueGranted,
                       .request_id = record.request_id()};
  for (const uint64_t handle : granted.seat_handles) {
    event.seats.push_back(tables_.seats.Find(handle)->record);
  }
  events_.push_back(std::move(event));
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

void Ledger::State::OnReturn(const internal::v1::SeatRecord& seat) {
  const int64_t held_ms =
      tables_.counters.calendar_ms - seat.granted_calendar_ms();
  tables_.queue.LearnHeldTime(seat.feature(),
                              std::clamp<int64_t>(held_ms, 0, kMaxHeldMs));
  tables_.queue.MarkUnserved(seat.feature());
  MarkTokenLines();
}

// Whatever came back, it may have been tokens.
void Ledger::State::MarkTokenLines() {
  if (!tables_.pools.any_takes_tokens()) return;
  std::vector<std::string> features;
  for (const auto& [feature, line] : tables_.queue.lines()) {
    const absl::Span<Pool* const> pools = tables_.pools.OfFeature(feature);
    if (std::any_of(pools.begin(), pools.end(), [](const Pool* pool) {
          return pool->kind.counting == Counting::kTokens;
        })) {
      features.push_back(feature);
    }
  }
  for (const std::string& feature : features)
    tables_.queue.MarkUnserved(feature);
}

void Ledger::State::GiveBack(uint64_t handle, Changes* changes) {
  OnReturn(tables_.seats.Find(handle)->record);
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

// Checkout and check-in: all or none.

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"

#include "server/licensing/field_rules.h"
#include "server/licensing/ledger_state.h"
#include "server/licensing/record_codec.h"
#include "server/licensing/refusals.h"

namespace quorate::licensing {
namespace {

using internal::v1::CheckoutItem;
using internal::v1::Command;

// What all items of one feature ask for together.
struct Demand {
  absl::string_view feature;
  uint64_t asked = 0;
  const Pool* pool = nullptr;
};

using Demands = absl::InlinedVector<Demand, 4>;
using CheckoutItems = google::protobuf::RepeatedPtrField<CheckoutItem>;

std::optional<LedgerAnswer> CheckFields(const internal::v1::Checkout& body) {
  if (body.items_size() < 1 || body.items_size() > kMaxItems) {
    return RefuseField("items", absl::StrCat("must be 1 to ", kMaxItems));
  }
  for (int i = 0; i < body.items_size(); ++i) {
    if (!IsFeatureName(body.items(i).feature())) {
      return RefuseField(absl::StrCat("items[", i, "].feature"),
                         "must be 1 to 64 letters, digits, '_' or '-'");
    }
    if (body.items(i).count() < 1) {
      return RefuseField(absl::StrCat("items[", i, "].count"),
                         "must be at least 1");
    }
  }
  if (body.wait_ms() < 0 || body.wait_ms() > kMaxWaitMs) {
    return RefuseField("wait_ms", absl::StrCat("must be 0 to ", kMaxWaitMs));
  }
  if (body.priority() > kMaxPriority) {
    return RefuseField("priority", absl::StrCat("must be 0 to ", kMaxPriority));
  }
  return std::nullopt;
}

// One for each feature, in the order in which they are first named.
Demands DemandsOf(const CheckoutItems& items, const Pools& pools) {
  Demands demands;
  for (const CheckoutItem& item : items) {
    const auto same = std::find_if(demands.begin(), demands.end(),
                                   [&item](const Demand& demand) {
                                     return demand.feature == item.feature();
                                   });
    if (same != demands.end()) {
      same->asked += item.count();
      continue;
    }
    demands.push_back({.feature = item.feature(),
                       .asked = item.count(),
                       .pool = pools.Find(item.feature())});
  }
  return demands;
}

// No licence of the feature is in force.
LedgerAnswer RefuseByDates(const Pool& pool, int64_t calendar_ms) {
  int64_t starts_ms = kNever;
  int64_t ended_ms = 0;
  for (const CapacityTerm& term : pool.terms) {
    if (term.start_ms > calendar_ms && term.start_ms < term.end_ms) {
      starts_ms = std::min(starts_ms, term.start_ms);
    }
    ended_ms = std::max(ended_ms, term.end_ms);
  }
  // Where one has ended and another begins later, the later one is the news.
  if (starts_ms != kNever) {
    return Refuse(
        type::v1::ERROR_REASON_LICENSE_NOT_STARTED,
        {{"feature", pool.feature}, {"starts_ms", absl::StrCat(starts_ms)}});
  }
  return Refuse(
      type::v1::ERROR_REASON_LICENSE_EXPIRED,
      {{"feature", pool.feature}, {"ended_ms", absl::StrCat(ended_ms)}});
}

LedgerAnswer RefuseByCount(ErrorReason reason, const Demand& demand) {
  return Refuse(reason, {{"feature", std::string(demand.feature)},
                         {"total", absl::StrCat(demand.pool->total)},
                         {"out", absl::StrCat(demand.pool->out)},
                         {"asked", absl::StrCat(demand.asked)}});
}

// A refusal that waiting does not help, before one that it may help: else a
// caller would wait for what he cannot get.
std::optional<LedgerAnswer> CheckDemands(const Demands& demands,
                                         int64_t calendar_ms) {
  for (const Demand& demand : demands) {
    if (demand.pool == nullptr || demand.pool->terms.empty()) {
      return Refuse(type::v1::ERROR_REASON_FEATURE_UNKNOWN,
                    {{"feature", std::string(demand.feature)}});
    }
    if (demand.pool->total == 0) {
      return RefuseByDates(*demand.pool, calendar_ms);
    }
    if (demand.asked > demand.pool->total) {
      return RefuseByCount(type::v1::ERROR_REASON_COUNT_OVER_TOTAL, demand);
    }
  }
  for (const Demand& demand : demands) {
    const Pool& pool = *demand.pool;
    // `out` may stand above `total` while a decrease drains.
    if (pool.out > pool.total || demand.asked > pool.total - pool.out) {
      return RefuseByCount(type::v1::ERROR_REASON_POOL_EXHAUSTED, demand);
    }
  }
  return std::nullopt;
}

bool HasDuplicates(const internal::v1::Checkin& body) {
  if (body.seat_handles_size() < 2) return false;
  absl::InlinedVector<uint64_t, 16> handles(body.seat_handles().begin(),
                                            body.seat_handles().end());
  std::sort(handles.begin(), handles.end());
  return std::adjacent_find(handles.begin(), handles.end()) != handles.end();
}

}  // namespace

LedgerAnswer Ledger::State::Checkout(const Command& command, Changes* changes) {
  const internal::v1::Checkout& body = command.checkout();
  if (auto refusal = CheckFields(body)) return *std::move(refusal);
  LedgerAnswer answer;
  Session* const session =
      FindOwnSession(body.session_id(), command.principal(), &answer);
  if (session == nullptr) return answer;
  std::optional<LedgerAnswer> refusal = RefuseNow(*session, body.items());
  if (!refusal.has_value()) refusal = RefuseOvertaking(body.items());
  if (refusal.has_value()) {
    return RefuseOrQueue(command, *session, *std::move(refusal));
  }
  return Grant(session, body.items(), changes);
}

std::optional<LedgerAnswer> Ledger::State::RefuseNow(
    const Session& session, const CheckoutItems& items) const {
  if (auto refusal = RefuseByPolicy(session, items)) return refusal;
  if (auto refusal = RefuseCoolingDown(session, items)) return refusal;
  const Demands demands = DemandsOf(items, tables_.pools);
  if (auto refusal = CheckDemands(demands, tables_.counters.calendar_ms)) {
    return refusal;
  }
  if (session.seats.size() + static_cast<size_t>(items.size()) >
      limits_.seats_of_session) {
    return RefuseOverLimit("seats_of_session", limits_.seats_of_session);
  }
  return std::nullopt;
}

LedgerAnswer Ledger::State::Grant(Session* session, const CheckoutItems& items,
                                  Changes* changes) {
  Counters& counters = tables_.counters;
  LedgerAnswer answer;
  answer.granted_calendar_ms = counters.calendar_ms;
  answer.seat_handles.reserve(static_cast<size_t>(items.size()));
  for (const CheckoutItem& item : items) {
    internal::v1::SeatRecord record;
    record.set_handle(counters.next_seat_handle++);
    record.set_session_id(session->record.session_id());
    record.set_feature(item.feature());
    record.set_count(item.count());
    record.set_granted_calendar_ms(counters.calendar_ms);
    changes->push_back(PutRecord(record));
    answer.seat_handles.push_back(record.handle());
    tables_.seats.Add(std::move(record), session);
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
  if (HasDuplicates(body)) {
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
      return Refuse(type::v1::ERROR_REASON_SEAT_NOT_FOUND,
                    {{"session", absl::StrCat(body.session_id())},
                     {"seat", absl::StrCat(handle)}});
    }
  }
  for (const uint64_t handle : body.seat_handles()) {
    GiveBack(handle, changes);
  }
  return {};
}

}  // namespace quorate::licensing

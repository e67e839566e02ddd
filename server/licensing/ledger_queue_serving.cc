// The queue is served: who of those who wait gets what came back.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "server/licensing/ledger_state.h"
#include "server/licensing/refusals.h"

namespace quorate::licensing {
namespace {

using internal::v1::CheckoutItem;
using internal::v1::QueuePlaceRecord;

// Places of one line that are passed over, since they lack something else than
// those behind them would take; who comes after so many waits for the next
// occasion. Bounds the work.
constexpr int kMaxPassed = 256;

// The pools that those behind in one line may not take of.
class KeptHere {
 public:
  explicit KeptHere(const Pools& pools) : pools_(pools) {}

  bool Has(const Pool* pool) const {
    return std::find(kept_.begin(), kept_.end(), pool) != kept_.end();
  }

  // False where it was there before.
  bool Add(const Pool* pool) {
    if (pool == nullptr || Has(pool)) return false;
    kept_.push_back(pool);
    return true;
  }

  // True where nothing is left for anybody behind.
  bool HasAllOf(absl::string_view feature) const {
    const absl::Span<Pool* const> pools = pools_.OfFeature(feature);
    return std::all_of(pools.begin(), pools.end(), [this](const Pool* pool) {
      if (!pool->in_force) return true;
      if (pool->kind.counting != Counting::kTokens) return Has(pool);
      const absl::Span<Pool* const> tokens =
          pools_.OfFeature(pool->kind.token_feature);
      return std::all_of(
          tokens.begin(), tokens.end(), [this](const Pool* each) {
            return !each->in_force || !GivesTokens(*each) || Has(each);
          });
    });
  }

 private:
  const Pools& pools_;
  absl::InlinedVector<const Pool*, 4> kept_;
};

// Too few units are free of what the line's feature takes; not so where they
// are reserved for others, or of another feature that is asked for besides.
bool IsShortOf(const LedgerAnswer& refusal, absl::string_view feature,
               const Pools& pools) {
  if (refusal.reason != type::v1::ERROR_REASON_POOL_EXHAUSTED) return false;
  const auto fact =
      std::find_if(refusal.metadata.begin(), refusal.metadata.end(),
                   [](const auto& each) { return each.first == "feature"; });
  QUORATE_CHECK(fact != refusal.metadata.end());
  if (fact->second == feature) return true;
  const absl::Span<Pool* const> own = pools.OfFeature(feature);
  return std::any_of(own.begin(), own.end(), [&fact](const Pool* pool) {
    return pool->kind.token_feature == fact->second;
  });
}

}  // namespace

void Ledger::State::ServeQueue(Changes* changes) {
  // One that was retired grants nothing any more.
  if (tables_.retirement.has_value()) return;
  size_t settled = 0;
  while (true) {
    // Others may take of the same tokens.
    if (tables_.queue.TakeKeptChanged()) MarkTokenLines();
    const QueueLine* const line = tables_.queue.FirstUnserved();
    if (line == nullptr) return;
    const std::string feature = line->record().feature();
    RankCalling(feature);
    KeptPools kept;
    Settlement next = NextToSettle(feature, &kept);
    if (next.place == nullptr) {
      tables_.queue.SetServed(feature, std::move(kept));
      continue;
    }
    if (settled == limits_.settlements_per_entry) return;
    ++settled;
    Settle(std::move(next), changes);
  }
}

Ledger::State::Settlement Ledger::State::NextToSettle(absl::string_view feature,
                                                      KeptPools* kept) {
  const int64_t now = tables_.counters.cluster_ms;
  uint64_t number = 0;
  Settlement next;
  KeptHere here(tables_.pools);
  int passed = 0;
  tables_.queue.FindLine(feature)->Visit([&](const QueuePlace& place) {
    const QueuePlaceRecord& record = place.record;
    const Session* const session =
        tables_.sessions.FindAlive(record.session_id(), time());
    if (session == nullptr || record.due_cluster_ms() <= now) {
      number = record.number();
      return false;
    }
    bool some_are_kept = false;
    const auto is_kept = [&](const Pool& pool) {
      const bool is = here.Has(&pool) ||
                      tables_.queue.IsKeptFrom(place, feature, pool.name);
      some_are_kept |= is;
      return is;
    };
    next.refusal =
        RefuseNow(*session, record.items(), is_kept, &next.allotments);
    if (!next.refusal.has_value() || !WaitingHelps(*next.refusal)) {
      number = record.number();
      return false;
    }
    Allotments others;
    const std::optional<LedgerAnswer> lack =
        some_are_kept
            ? RefuseNow(*session, record.items(), KeptForNobody, &others)
            : next.refusal;
    if (!lack.has_value()) {
      // Others of higher rank wait for these: he keeps them from those behind.
      for (const Allotment& allotment : others) {
        here.Add(allotment.pool);
        here.Add(allotment.token_pool);
      }
    } else if (IsShortOf(*lack, feature, tables_.pools)) {
      for (const CheckoutItem& item : record.items()) {
        if (item.feature() != feature) continue;
        for (const Pool* const pool :
             PoolsFor(item, session->record.description(), tables_.pools)) {
          if (!here.Add(pool)) continue;
          internal::v1::KeptPool* const added = kept->Add();
          added->set_pool(pool->name);
          added->set_place(record.number());
        }
      }
    }
    return !here.HasAllOf(feature) && ++passed < kMaxPassed;
  });
  if (number != 0) next.place = tables_.queue.Find(number);
  return next;
}

void Ledger::State::Settle(Settlement settlement, Changes* changes) {
  QueuePlace* const place = settlement.place;
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
  if (settlement.refusal.has_value()) {
    EndPlace(place, settlement.refusal->reason);
    return;
  }
  const LedgerAnswer granted = Grant(
      session, record.items(), settlement.allotments,
      tables_.counters.calendar_ms - record.queued_calendar_ms(), changes);
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

void Ledger::State::MarkTokenLines() {
  if (!tables_.pools.any_takes_tokens()) return;
  std::vector<std::string> features;
  for (const auto& [feature, line] : tables_.queue.lines()) {
    const absl::Span<Pool* const> pools = tables_.pools.OfFeature(feature);
    if (tables_.pools.IsTokenFeature(feature) ||
        std::any_of(pools.begin(), pools.end(), [](const Pool* pool) {
          return pool->kind.counting == Counting::kTokens;
        })) {
      features.push_back(feature);
    }
  }
  for (const std::string& feature : features)
    tables_.queue.MarkUnserved(feature);
}

}  // namespace quorate::licensing

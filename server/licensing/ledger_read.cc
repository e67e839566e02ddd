// Reading the ledger.

#include <algorithm>

#include "server/licensing/allotment.h"
#include "server/licensing/ledger_state.h"
#include "server/licensing/refusals.h"

namespace quorate::licensing {
namespace {

using internal::v1::LicenseRecord;
using internal::v1::SeatRecord;
using internal::v1::SessionRecord;

PoolView ViewOf(const Pool& pool, const licensing::Pools& pools) {
  PoolView view{.name = pool.name,
                .kind = pool.kind,
                .total = pool.total,
                .overdraft = pool.overdraft,
                .out = pool.out,
                .borrowed = pool.borrowed,
                .licensed = !pool.terms.empty(),
                .used = pool.credits_used,
                .left = pool.credits_left};
  int64_t end_ms = kNever;
  for (const CapacityTerm& term : pool.terms) {
    if (term.InForce(pools.calendar_ms()))
      end_ms = std::min(end_ms, term.end_ms);
  }
  if (end_ms != kNever) view.next_end_ms = end_ms;
  if (pool.kind.counting == Counting::kNamed) {
    view.used = pools.models().names.CountOf(pool.name);
    view.left = view.total - std::min(view.total, view.used);
  }
  return view;
}

}  // namespace

const std::string& Ledger::cluster_id() const {
  return state_->tables().cluster_id;
}

uint32_t Ledger::cluster_epoch() const {
  return state_->tables().cluster_epoch;
}

EntryTime Ledger::time() const {
  return state_->time();
}

std::optional<int64_t> Ledger::NextDueClusterMs() const {
  return state_->NextDueClusterMs();
}

std::optional<int64_t> Ledger::NextDueCalendarMs() const {
  const Tables& tables = state_->tables();
  int64_t next_ms =
      std::min(tables.pools.NextChangeMs(),
               tables.sessions.FirstBorrowEndMs().value_or(kNever));
  // The hours of rules matter to those who wait; others ask again.
  if (!tables.queue.lines().empty()) {
    next_ms = std::min(next_ms, tables.policies.next_change_ms());
  }
  next_ms =
      std::min(next_ms, tables.models.casual.FirstDueMs().value_or(kNever));
  if (next_ms == kNever) return std::nullopt;
  return next_ms;
}

std::vector<PoolView> Ledger::Pools(absl::string_view after_name,
                                    size_t limit) const {
  const licensing::Pools& pools = state_->tables().pools;
  std::vector<PoolView> views;
  for (auto pool = pools.by_name().upper_bound(after_name);
       pool != pools.by_name().end() && views.size() < limit; ++pool) {
    views.push_back(ViewOf(*pool->second, pools));
  }
  return views;
}

std::optional<FeatureView> Ledger::FindFeature(
    absl::string_view feature) const {
  return state_->tables().FindFeature(feature);
}

std::optional<FeatureView> Tables::FindFeature(
    absl::string_view feature) const {
  const absl::Span<Pool* const> of_feature = pools.OfFeature(feature);
  if (of_feature.empty()) return std::nullopt;
  FeatureView view;
  uint64_t free = 0;
  for (const Pool* const pool : of_feature) {
    view.in_force |= pool->in_force;
    const uint64_t ceiling = pool->ceiling();
    view.total = std::min(view.total + ceiling, kUnlimited);
    free = std::min(free + ceiling - std::min(ceiling, pool->out), kUnlimited);
  }
  view.taken = view.total - free;
  const FeatureSeats* const named = seats.OfFeature(feature);
  if (named != nullptr) view.out = named->units;
  if (const QueueLine* const line = queue.FindLine(feature)) {
    view.claimed = line->claimed();
  }
  return view;
}

std::optional<LedgerAnswer> Ledger::WhyNotNow(
    const internal::v1::CheckoutItem& item,
    const internal::v1::SessionDescription& description) const {
  CheckoutItems items;
  *items.Add() = item;
  if (auto refusal = CheckItems(items)) return refusal;
  const Tables& tables = state_->tables();
  const int64_t now = tables.counters.cluster_ms;
  if (const auto end_ms = tables.terminations.CoolDownEndOfAnyMs(
          description, item.feature(), now)) {
    return RefuseCoolDown(item.feature(), *end_ms - now);
  }
  Allotments allotments;
  if (auto refusal = state_->AllotNow(items, description, &allotments)) {
    return refusal;
  }
  return state_->RefuseUnserved(items);
}

std::optional<PoolView> Ledger::FindPool(absl::string_view name) const {
  const licensing::Pools& pools = state_->tables().pools;
  const Pool* const pool = pools.Find(name);
  if (pool == nullptr) return std::nullopt;
  return ViewOf(*pool, pools);
}

std::vector<PoolView> Ledger::PoolsOfFeature(absl::string_view feature,
                                             absl::string_view after_name,
                                             size_t limit) const {
  const licensing::Pools& pools = state_->tables().pools;
  std::vector<PoolView> views;
  for (const Pool* const pool : pools.OfFeature(feature)) {
    if (pool->name <= after_name) continue;
    views.push_back(ViewOf(*pool, pools));
  }
  std::sort(views.begin(), views.end(),
            [](const PoolView& left, const PoolView& right) {
              return left.name < right.name;
            });
  if (views.size() > limit) views.resize(limit);
  return views;
}

const SessionRecord* Ledger::FindSession(uint64_t session_id) const {
  const Session* const session = state_->tables().sessions.Find(session_id);
  return session == nullptr ? nullptr : &session->record;
}

const SeatRecord* Ledger::FindSeat(uint64_t handle) const {
  const Seat* const seat = state_->tables().seats.Find(handle);
  return seat == nullptr ? nullptr : &seat->record;
}

const internal::v1::TerminationRecord* Ledger::FindTermination(
    uint64_t session_id) const {
  return state_->tables().terminations.Find(session_id);
}

const LicenseRecord* Ledger::FindLicense(absl::string_view license_id) const {
  const LicensesById& licenses = state_->tables().licenses;
  const auto found = licenses.find(license_id);
  return found == licenses.end() ? nullptr : &found->second;
}

void Ledger::VisitSessions(
    uint64_t after,
    const std::function<bool(const SessionRecord&)>& visit) const {
  const SessionTable::ById& sessions = state_->tables().sessions.by_id();
  for (auto session = sessions.upper_bound(after); session != sessions.end();
       ++session) {
    if (!visit(session->second->record)) return;
  }
}

void Ledger::VisitBorrows(
    uint64_t after,
    const std::function<bool(const SessionRecord&)>& visit) const {
  const SessionTable& sessions = state_->tables().sessions;
  for (auto id = sessions.borrows().upper_bound(after);
       id != sessions.borrows().end(); ++id) {
    if (!visit(sessions.Find(*id)->record)) return;
  }
}

void Ledger::VisitWriteOffs(
    uint64_t after,
    const std::function<bool(const internal::v1::WriteOffRecord&)>& visit)
    const {
  const WriteOffs::BySession& kept = state_->tables().write_offs.by_session();
  for (auto each = kept.upper_bound(after); each != kept.end(); ++each) {
    if (!visit(each->second)) return;
  }
}

void Ledger::VisitSeats(
    uint64_t after, const std::function<bool(const SeatRecord&)>& visit) const {
  const SeatTable::ByHandle& seats = state_->tables().seats.by_handle();
  for (auto seat = seats.upper_bound(after); seat != seats.end(); ++seat) {
    if (!visit(seat->second->record)) return;
  }
}

void Ledger::VisitSeatsOfSession(
    uint64_t session_id, uint64_t after,
    const std::function<bool(const SeatRecord&)>& visit) const {
  const Tables& tables = state_->tables();
  const Session* const session = tables.sessions.Find(session_id);
  if (session == nullptr) return;
  for (auto handle = std::upper_bound(session->seats.begin(),
                                      session->seats.end(), after);
       handle != session->seats.end(); ++handle) {
    if (!visit(tables.seats.Find(*handle)->record)) return;
  }
}

void Ledger::VisitSeatsOfFeature(
    absl::string_view feature, uint64_t after,
    const std::function<bool(const SeatRecord&)>& visit) const {
  const Tables& tables = state_->tables();
  const FeatureSeats* const seats = tables.seats.OfFeature(feature);
  if (seats == nullptr) return;
  for (auto handle = seats->handles.upper_bound(after);
       handle != seats->handles.end(); ++handle) {
    if (!visit(tables.seats.Find(*handle)->record)) return;
  }
}

void Ledger::VisitLicenses(
    absl::string_view after,
    const std::function<bool(const LicenseRecord&)>& visit) const {
  const LicensesById& licenses = state_->tables().licenses;
  for (auto license = licenses.upper_bound(after); license != licenses.end();
       ++license) {
    if (!visit(license->second)) return;
  }
}

void Ledger::VisitQueue(
    uint64_t after,
    const std::function<bool(const internal::v1::QueuePlaceRecord&)>& visit)
    const {
  const Queue::ByNumber& places = state_->tables().queue.by_number();
  for (auto place = places.upper_bound(after); place != places.end(); ++place) {
    if (place->second->waiting() && !visit(place->second->record)) return;
  }
}

QueuePosition Ledger::FindPosition(uint64_t queue_place) const {
  const QueuePlace* const place = state_->tables().queue.Find(queue_place);
  if (place == nullptr || !place->waiting()) return {};
  return state_->PositionOf(*place);
}

const std::vector<LedgerEvent>& Ledger::events() const {
  return state_->events();
}

size_t Ledger::session_count() const {
  return state_->tables().sessions.size();
}

size_t Ledger::seat_count() const {
  return state_->tables().seats.size();
}

size_t Ledger::answer_count() const {
  return state_->tables().requests.size();
}

}  // namespace quorate::licensing

#include "server/licensing/seats.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/check.h"

namespace quorate::licensing {
namespace {

Share ShareOf(const internal::v1::SeatRecord& seat, const Session& session) {
  return {.count = seat.count(),
          .group = seat.share_group(),
          .borrowed = IsBorrow(session.record)};
}

Share TokensOf(const internal::v1::SeatRecord& seat, const Session& session) {
  return {.count = seat.token_units(),
          .group = seat.token_share_group(),
          .borrowed = IsBorrow(session.record)};
}

// Of plain text, which has no such character.
std::string LingerKey(const internal::v1::SessionRecord& session,
                      absl::string_view feature) {
  const internal::v1::SessionDescription& client = session.description();
  return absl::StrCat(session.principal(), "\x1f", client.user(), "\x1f",
                      client.host(), "\x1f", client.display(), "\x1f", feature);
}

}  // namespace

absl::string_view PoolNameOf(const internal::v1::SeatRecord& seat) {
  return seat.pool().empty() ? seat.feature() : seat.pool();
}

const Seat* SeatTable::Add(internal::v1::SeatRecord record, Session* session) {
  const uint64_t handle = record.handle();
  auto seat = std::make_unique<Seat>();
  seat->record = std::move(record);
  const auto [position, added] = by_handle_.emplace(handle, std::move(seat));
  if (!added) return nullptr;
  Seat* const result = position->second.get();
  result->session = session;
  const internal::v1::SeatRecord& taken = result->record;
  result->pool = pools_->FindOrAdd(PoolNameOf(taken));
  pools_->TakeSeat(result->pool, ShareOf(taken, *session));
  if (taken.token_units() > 0) {
    result->token_pool = pools_->FindOrAdd(taken.token_pool());
    pools_->TakeSeat(result->token_pool, TokensOf(taken, *session));
  }
  policies_->TakeSeat(session->record, taken.feature(), taken.count());
  FeatureSeats& named = by_feature_[taken.feature()];
  named.handles.insert(handle);
  named.units += taken.count();
  queue_->AddUnits(taken.feature(), session->record.description().project(),
                   taken.count());
  if (IsLinger(session->record)) {
    by_user_[LingerKey(session->record, taken.feature())].insert(handle);
  }
  IndexCall(taken);
  // New handles are the highest, so that this appends but at a restore.
  std::vector<uint64_t>& seats = session->seats;
  seats.insert(std::lower_bound(seats.begin(), seats.end(), handle), handle);
  return result;
}

void SeatTable::SetGranted(uint64_t handle, int64_t calendar_ms) {
  internal::v1::SeatRecord& seat = by_handle_.at(handle)->record;
  seat.set_granted_calendar_ms(calendar_ms);
  seat.clear_used_since_calendar_ms();
  seat.clear_waited_ms();
}

const Seat* SeatTable::Move(uint64_t handle, Session* to) {
  internal::v1::SeatRecord record = Find(handle)->record;
  Erase(handle);
  record.set_session_id(to->record.session_id());
  record.clear_idle_warned_cluster_ms();
  record.clear_call_due_cluster_ms();
  record.clear_call_rule();
  return Add(std::move(record), to);
}

void SeatTable::SetIdleWarned(uint64_t handle, int64_t cluster_ms) {
  by_handle_.at(handle)->record.set_idle_warned_cluster_ms(cluster_ms);
}

void SeatTable::SetCalled(uint64_t handle, int64_t due_cluster_ms,
                          const std::string& rule) {
  internal::v1::SeatRecord& seat = by_handle_.at(handle)->record;
  ForgetCall(seat);
  seat.set_call_due_cluster_ms(due_cluster_ms);
  seat.set_call_rule(rule);
  IndexCall(seat);
}

void SeatTable::IndexCall(const internal::v1::SeatRecord& seat) {
  if (seat.call_due_cluster_ms() == 0) return;
  calls_[seat.feature()].insert({seat.call_due_cluster_ms(), seat.handle()});
}

void SeatTable::ForgetCall(const internal::v1::SeatRecord& seat) {
  if (seat.call_due_cluster_ms() == 0) return;
  const auto calls = calls_.find(seat.feature());
  calls->second.erase({seat.call_due_cluster_ms(), seat.handle()});
  if (calls->second.empty()) calls_.erase(calls);
}

void SeatTable::Erase(uint64_t handle) {
  const auto found = by_handle_.find(handle);
  QUORATE_CHECK(found != by_handle_.end());
  const Seat& seat = *found->second;
  Session* const session = seat.session;
  std::vector<uint64_t>& seats = session->seats;
  const auto place = std::lower_bound(seats.begin(), seats.end(), handle);
  QUORATE_CHECK(place != seats.end() && *place == handle);
  seats.erase(place);
  Remove(found, *session);
}

void SeatTable::Remove(ByHandle::iterator seat, const Session& session) {
  const internal::v1::SeatRecord& record = seat->second->record;
  pools_->GiveBackSeat(seat->second->pool, ShareOf(record, session));
  if (seat->second->token_pool != nullptr) {
    pools_->GiveBackSeat(seat->second->token_pool, TokensOf(record, session));
  }
  policies_->GiveBackSeat(session.record, record.feature(), record.count());
  queue_->TakeUnits(record.feature(), session.record.description().project(),
                    record.count());
  if (IsLinger(session.record)) {
    const auto user =
        by_user_.find(LingerKey(session.record, record.feature()));
    user->second.erase(record.handle());
    if (user->second.empty()) by_user_.erase(user);
  }
  ForgetCall(record);
  const auto feature = by_feature_.find(record.feature());
  feature->second.handles.erase(record.handle());
  feature->second.units -= record.count();
  if (feature->second.handles.empty()) by_feature_.erase(feature);
  by_handle_.erase(seat);
}

void SeatTable::EraseAllOf(Session* session) {
  for (const uint64_t handle : session->seats) {
    const auto found = by_handle_.find(handle);
    QUORATE_CHECK(found != by_handle_.end());
    Remove(found, *session);
  }
  session->seats.clear();
}

const absl::btree_set<uint64_t>* SeatTable::LingeringFor(
    const internal::v1::SessionRecord& session,
    absl::string_view feature) const {
  if (by_user_.empty()) return nullptr;
  const auto found = by_user_.find(LingerKey(session, feature));
  return found == by_user_.end() ? nullptr : &found->second;
}

size_t SeatTable::lingering() const {
  size_t count = 0;
  for (const auto& [key, handles] : by_user_)
    count += handles.size();
  return count;
}

void SeatTable::CountForPolicy() {
  for (const auto& [handle, seat] : by_handle_) {
    policies_->TakeSeat(seat->session->record, seat->record.feature(),
                        seat->record.count());
  }
}

const FeatureSeats* SeatTable::OfFeature(absl::string_view feature) const {
  const auto found = by_feature_.find(feature);
  return found == by_feature_.end() ? nullptr : &found->second;
}

const Seat* SeatTable::Find(uint64_t handle) const {
  const auto found = by_handle_.find(handle);
  return found == by_handle_.end() ? nullptr : found->second.get();
}

}  // namespace quorate::licensing

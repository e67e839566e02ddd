#include "server/licensing/seats.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace quorate::licensing {

const Seat* SeatTable::Add(internal::v1::SeatRecord record, Session* session) {
  const uint64_t handle = record.handle();
  auto seat = std::make_unique<Seat>();
  seat->record = std::move(record);
  const auto [position, added] = by_handle_.emplace(handle, std::move(seat));
  if (!added) return nullptr;
  Seat* const result = position->second.get();
  result->pool = pools_->FindOrAdd(result->record.feature());
  pools_->TakeSeat(result->pool, handle, result->record.count());
  policies_->TakeSeat(session->record.description(), result->record.feature(),
                      result->record.count());
  queue_->AddUnits(result->record.feature(),
                   session->record.description().project(),
                   result->record.count());
  // New handles are the highest, so that this appends but at a restore.
  std::vector<uint64_t>& seats = session->seats;
  seats.insert(std::lower_bound(seats.begin(), seats.end(), handle), handle);
  return result;
}

void SeatTable::Erase(uint64_t handle) {
  const auto found = by_handle_.find(handle);
  QUORATE_CHECK(found != by_handle_.end());
  const Seat& seat = *found->second;
  Session* const session = sessions_->Find(seat.record.session_id());
  QUORATE_CHECK(session != nullptr);
  std::vector<uint64_t>& seats = session->seats;
  const auto place = std::lower_bound(seats.begin(), seats.end(), handle);
  QUORATE_CHECK(place != seats.end() && *place == handle);
  seats.erase(place);
  GiveUnitsBack(seat, *session);
  by_handle_.erase(found);
}

void SeatTable::EraseAllOf(Session* session) {
  for (const uint64_t handle : session->seats) {
    const auto found = by_handle_.find(handle);
    QUORATE_CHECK(found != by_handle_.end());
    GiveUnitsBack(*found->second, *session);
    by_handle_.erase(found);
  }
  session->seats.clear();
}

void SeatTable::CountForPolicy() {
  for (const auto& [handle, seat] : by_handle_) {
    const Session* const session = sessions_->Find(seat->record.session_id());
    QUORATE_CHECK(session != nullptr);
    policies_->TakeSeat(session->record.description(), seat->record.feature(),
                        seat->record.count());
  }
}

void SeatTable::GiveUnitsBack(const Seat& seat, const Session& session) {
  const internal::v1::SeatRecord& record = seat.record;
  pools_->GiveBackSeat(seat.pool, record.handle(), record.count());
  policies_->GiveBackSeat(session.record.description(), record.feature(),
                          record.count());
  queue_->TakeUnits(record.feature(), session.record.description().project(),
                    record.count());
}

const Seat* SeatTable::Find(uint64_t handle) const {
  const auto found = by_handle_.find(handle);
  return found == by_handle_.end() ? nullptr : found->second.get();
}

}  // namespace quorate::licensing

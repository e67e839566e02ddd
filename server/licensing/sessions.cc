#include "server/licensing/sessions.h"

#include <algorithm>

#include "base/check.h"
#include "server/licensing/times.h"

namespace quorate::licensing {

int64_t LeaseEndMs(int64_t cluster_ms, int64_t ttl_ms) {
  return AddMs(cluster_ms, ttl_ms + ttl_ms / kLeaseMarginDivisor);
}

int64_t BorrowEndMs(int64_t until_ms) {
  return AddMs(until_ms, kBorrowMarginMs);
}

Session* SessionTable::Add(internal::v1::SessionRecord record) {
  const uint64_t id = record.session_id();
  auto session = std::make_unique<Session>();
  session->record = std::move(record);
  const auto [position, added] = by_id_.emplace(id, std::move(session));
  if (!added) return nullptr;
  Session* const result = position->second.get();
  const internal::v1::SessionRecord& taken = result->record;
  if (IsBorrow(taken)) {
    by_borrow_end_.insert({BorrowEndMs(taken.borrowed_until_ms()), id});
    borrows_.insert(id);
  } else {
    (IsLinger(taken) ? by_linger_end_ : by_lease_end_)
        .insert({taken.lease_end_cluster_ms(), id});
  }
  return result;
}

Session* SessionTable::Find(uint64_t id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second.get();
}

const Session* SessionTable::Find(uint64_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second.get();
}

Session* SessionTable::FindAlive(uint64_t id, const EntryTime& now) {
  Session* const session = Find(id);
  if (session == nullptr) return nullptr;
  const internal::v1::SessionRecord& record = session->record;
  const bool ended =
      IsBorrow(record)
          ? BorrowEndMs(record.borrowed_until_ms()) <= now.calendar_ms
          : record.lease_end_cluster_ms() <= now.cluster_ms;
  return ended ? nullptr : session;
}

void SessionTable::SetLeaseEnd(Session* session, int64_t lease_end_ms) {
  internal::v1::SessionRecord& record = session->record;
  by_lease_end_.erase({record.lease_end_cluster_ms(), record.session_id()});
  record.set_lease_end_cluster_ms(lease_end_ms);
  by_lease_end_.insert({lease_end_ms, record.session_id()});
}

void SessionTable::Erase(uint64_t id) {
  const auto found = by_id_.find(id);
  QUORATE_CHECK(found != by_id_.end());
  const internal::v1::SessionRecord& record = found->second->record;
  if (IsBorrow(record)) {
    by_borrow_end_.erase({BorrowEndMs(record.borrowed_until_ms()), id});
    borrows_.erase(id);
  } else {
    (IsLinger(record) ? by_linger_end_ : by_lease_end_)
        .erase({record.lease_end_cluster_ms(), id});
  }
  by_id_.erase(found);
}

Session* SessionTable::FirstDue(const EntryTime& now) {
  const std::pair<int64_t, uint64_t>* first = nullptr;
  for (const auto* const ends : {&by_lease_end_, &by_linger_end_}) {
    if (ends->empty() || ends->begin()->first > now.cluster_ms) continue;
    if (first == nullptr || *ends->begin() < *first) first = &*ends->begin();
  }
  if (first != nullptr) return Find(first->second);
  if (!by_borrow_end_.empty() &&
      by_borrow_end_.begin()->first <= now.calendar_ms) {
    return Find(by_borrow_end_.begin()->second);
  }
  return nullptr;
}

std::optional<int64_t> SessionTable::FirstLeaseEndMs() const {
  std::optional<int64_t> first;
  for (const auto* const ends : {&by_lease_end_, &by_linger_end_}) {
    if (ends->empty()) continue;
    first =
        std::min(first.value_or(ends->begin()->first), ends->begin()->first);
  }
  return first;
}

std::optional<int64_t> SessionTable::FirstBorrowEndMs() const {
  if (by_borrow_end_.empty()) return std::nullopt;
  return by_borrow_end_.begin()->first;
}

}  // namespace quorate::licensing

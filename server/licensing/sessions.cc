#include "server/licensing/sessions.h"

#include "base/check.h"
#include "server/licensing/ledger.h"
#include "server/licensing/times.h"

namespace quorate::licensing {

int64_t LeaseEndMs(int64_t cluster_ms, int64_t ttl_ms) {
  return AddMs(cluster_ms, ttl_ms + ttl_ms / kLeaseMarginDivisor);
}

Session* SessionTable::Add(internal::v1::SessionRecord record) {
  const uint64_t id = record.session_id();
  auto session = std::make_unique<Session>();
  session->record = std::move(record);
  const auto [position, added] = by_id_.emplace(id, std::move(session));
  if (!added) return nullptr;
  Session* const result = position->second.get();
  by_lease_end_.insert({result->record.lease_end_cluster_ms(), id});
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

Session* SessionTable::FindAlive(uint64_t id, int64_t cluster_ms) {
  Session* const session = Find(id);
  if (session == nullptr) return nullptr;
  return session->record.lease_end_cluster_ms() > cluster_ms ? session
                                                             : nullptr;
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
  by_lease_end_.erase({found->second->record.lease_end_cluster_ms(), id});
  by_id_.erase(found);
}

Session* SessionTable::FirstToEnd() {
  if (by_lease_end_.empty()) return nullptr;
  return Find(by_lease_end_.begin()->second);
}

std::optional<int64_t> SessionTable::FirstLeaseEndMs() const {
  if (by_lease_end_.empty()) return std::nullopt;
  return by_lease_end_.begin()->first;
}

}  // namespace quorate::licensing

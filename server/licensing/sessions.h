// Sessions and their leases.
//
// The leases stand in one index ordered by (end, session), so that nothing is
// done for a session while its lease runs, and what is due is found at once.

#ifndef QUORATE_SERVER_LICENSING_SESSIONS_H_
#define QUORATE_SERVER_LICENSING_SESSIONS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"

#include "quorate/internal/v1/record.pb.h"

namespace quorate::licensing {

// One running application. Its address does not change. Thread-compatible.
struct Session {
  internal::v1::SessionRecord record;
  std::vector<uint64_t> seats;  // Handles, ascending.
};

// Cluster time at which a lease that is granted or renewed at `cluster_ms`
// ends: the TTL and a margin, so that the client, who counts the TTL from the
// moment of sending, has stopped before (security.md, 3.3).
int64_t LeaseEndMs(int64_t cluster_ms, int64_t ttl_ms);

// All sessions. Thread-compatible.
class SessionTable {
 public:
  SessionTable() = default;
  SessionTable(const SessionTable&) = delete;
  SessionTable& operator=(const SessionTable&) = delete;

  // Null where a session with that id is there already.
  Session* Add(internal::v1::SessionRecord record);

  // Null where there is none.
  Session* Find(uint64_t id);
  const Session* Find(uint64_t id) const;

  // As Find, but a session whose lease has ended by `cluster_ms` is gone,
  // also while it waits for an entry to remove it.
  Session* FindAlive(uint64_t id, int64_t cluster_ms);

  void SetLeaseEnd(Session* session, int64_t lease_end_ms);
  void Erase(uint64_t id);

  // The session whose lease ends first; of several the lowest id. Null where
  // there is no session.
  Session* FirstToEnd();
  std::optional<int64_t> FirstLeaseEndMs() const;

  size_t size() const { return by_id_.size(); }

  using ById = absl::btree_map<uint64_t, std::unique_ptr<Session>>;

  const ById& by_id() const { return by_id_; }

  const absl::btree_set<std::pair<int64_t, uint64_t>>& by_lease_end() const {
    return by_lease_end_;
  }

 private:
  // Invariant: both hold the same sessions.
  ById by_id_;
  absl::btree_set<std::pair<int64_t, uint64_t>> by_lease_end_;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_SESSIONS_H_

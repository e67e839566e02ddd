// Sessions and their leases.
//
// The leases stand in one index ordered by (end, session), and the ends of
// lingers and of borrows in others, so that nothing is done for a session while
// it runs, and what is due is found at once.

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

#include "server/licensing/ledger.h"

namespace quorate::licensing {

// One running application, or another holder of seats. Its address does not
// change. Thread-compatible.
struct Session {
  internal::v1::SessionRecord record;
  std::vector<uint64_t> seats;  // Handles, ascending.
};

// Cluster time at which a lease that is granted or renewed at `cluster_ms`
// ends: the TTL and a margin, so that the client, who counts the TTL from the
// moment of sending, has stopped before (security.md, 3.3).
int64_t LeaseEndMs(int64_t cluster_ms, int64_t ttl_ms);

// Calendar time at which a borrow ends that was promised until then.
int64_t BorrowEndMs(int64_t until_ms);

inline bool IsBorrow(const internal::v1::SessionRecord& session) {
  return session.kind() == internal::v1::SESSION_KIND_BORROW;
}

// A seat that was given back and stays out for its user.
inline bool IsLinger(const internal::v1::SessionRecord& session) {
  return session.kind() == internal::v1::SESSION_KIND_LINGER;
}

inline bool IsBooking(const internal::v1::SessionRecord& session) {
  return session.kind() == internal::v1::SESSION_KIND_BOOKING;
}

// An application that runs: it is renewed, and asks for seats.
inline bool IsApplication(const internal::v1::SessionRecord& session) {
  return session.kind() == internal::v1::SESSION_KIND_UNSPECIFIED;
}

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

  // As Find, but a session that has ended by `now`, with its lease or as a
  // borrow by the calendar, is gone, also while it waits for an entry to remove
  // it.
  Session* FindAlive(uint64_t id, const EntryTime& now);

  void SetLeaseEnd(Session* session, int64_t lease_end_ms);
  void Erase(uint64_t id);

  // Of the sessions that have ended by `now` the one to remove next: leases
  // and lingers before borrows, each by their ends, of several the lowest id.
  // Null where none has.
  Session* FirstDue(const EntryTime& now);
  std::optional<int64_t> FirstLeaseEndMs() const;   // Or linger's.
  std::optional<int64_t> FirstBorrowEndMs() const;  // Calendar time.

  size_t size() const { return by_id_.size(); }

  using ById = absl::btree_map<uint64_t, std::unique_ptr<Session>>;

  const ById& by_id() const { return by_id_; }

  const absl::btree_set<std::pair<int64_t, uint64_t>>& by_lease_end() const {
    return by_lease_end_;
  }

  const absl::btree_set<std::pair<int64_t, uint64_t>>& by_linger_end() const {
    return by_linger_end_;
  }

  const absl::btree_set<std::pair<int64_t, uint64_t>>& by_borrow_end() const {
    return by_borrow_end_;
  }

  const absl::btree_set<uint64_t>& borrows() const { return borrows_; }

 private:
  // Invariant: each session stands in one of the indexes of ends, and is in
  // borrows_ where it is one.
  ById by_id_;
  absl::btree_set<std::pair<int64_t, uint64_t>> by_lease_end_;
  absl::btree_set<std::pair<int64_t, uint64_t>> by_linger_end_;
  absl::btree_set<std::pair<int64_t, uint64_t>> by_borrow_end_;
  absl::btree_set<uint64_t> borrows_;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_SESSIONS_H_

// Seats: what each session holds of each pool.
//
// One place where a seat is made and ended, so that the seat itself, its
// session's list, its feature's list, its pools' counts and what the policy
// counts change together.

#ifndef QUORATE_SERVER_LICENSING_SEATS_H_
#define QUORATE_SERVER_LICENSING_SEATS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"

#include "quorate/internal/v1/record.pb.h"

#include "server/licensing/policy_book.h"
#include "server/licensing/pools.h"
#include "server/licensing/queue.h"
#include "server/licensing/sessions.h"

namespace quorate::licensing {

// One grant of some units. Its address does not change. Thread-compatible.
struct Seat {
  internal::v1::SeatRecord record;
  // Not owned; they live while a seat of theirs is out.
  Session* session = nullptr;
  Pool* pool = nullptr;
  Pool* token_pool = nullptr;  // Null where it takes no tokens.
};

// The pool that the seat is of, tokens apart.
absl::string_view PoolNameOf(const internal::v1::SeatRecord& seat);

// For each item of a checkout the seat that lingers for it, or 0.
struct Takeovers {
  absl::InlinedVector<uint64_t, 4> handles;
  bool some = false;
};

// What is out of one feature.
struct FeatureSeats {
  absl::btree_set<uint64_t> handles;
  uint64_t units = 0;  // Each seat by itself, also where several count as one.
};

// All seats. Thread-compatible.
class SeatTable {
 public:
  // Not owned; all outlive the table. The queue counts what projects have out.
  SeatTable(Pools* pools, PolicyBook* policies, Queue* queue)
      : pools_(pools), policies_(policies), queue_(queue) {}

  SeatTable(const SeatTable&) = delete;
  SeatTable& operator=(const SeatTable&) = delete;

  // Takes the units out of the pools that the record names. Null, and
  // nothing is changed, where the handle is in use. The caller has made sure
  // that the units may be taken; `session` is the record's.
  const Seat* Add(internal::v1::SeatRecord record, Session* session);

  // Makes the seat, which is there, one of session `to`. Its units stay out.
  const Seat* Move(uint64_t handle, Session* to);

  // The seat is there.
  // As if granted anew then.
  void SetGranted(uint64_t handle, int64_t calendar_ms);
  void SetIdleWarned(uint64_t handle, int64_t cluster_ms);
  // 0: it is not called back.
  void SetCalled(uint64_t handle, int64_t due_cluster_ms,
                 const std::string& rule);

  // Gives the units back. The seat is there.
  void Erase(uint64_t handle);

  // Ends all seats of a session. `session` is emptied.
  void EraseAllOf(Session* session);

  // Counts all seats for a policy that has just come into force.
  void CountForPolicy();

  // Null where there is none.
  const Seat* Find(uint64_t handle) const;

  // Null where there is none.
  const FeatureSeats* OfFeature(absl::string_view feature) const;

  // Those that linger for one like the session's user: the same principal,
  // user, host and display. Null where there is none.
  const absl::btree_set<uint64_t>* LingeringFor(
      const internal::v1::SessionRecord& session,
      absl::string_view feature) const;

  // Counts them.
  size_t lingering() const;

  // Seats that are called back, by feature: when they are due. None is empty.
  using Calls = absl::btree_map<std::string,
                                absl::btree_set<std::pair<int64_t, uint64_t>>>;

  const Calls& calls() const { return calls_; }

  size_t size() const { return by_handle_.size(); }

  using ByHandle = absl::btree_map<uint64_t, std::unique_ptr<Seat>>;

  const ByHandle& by_handle() const { return by_handle_; }

 private:
  void IndexCall(const internal::v1::SeatRecord& seat);
  void ForgetCall(const internal::v1::SeatRecord& seat);
  // Of everything but the session's list.
  void Remove(ByHandle::iterator seat, const Session& session);

  Pools* const pools_;
  PolicyBook* const policies_;
  Queue* const queue_;
  // Invariant: both hold the same seats.
  ByHandle by_handle_;
  absl::flat_hash_map<std::string, FeatureSeats> by_feature_;
  // Seats of lingers, by LingerKey.
  absl::flat_hash_map<std::string, absl::btree_set<uint64_t>> by_user_;
  Calls calls_;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_SEATS_H_

// Pools: how many units there are, and how many are out.
//
// A pool's total is the sum of what the installed licences of its kind grant at
// the calendar's moment. Totals change only where the calendar passes a start
// or an end, or a licence is installed; those moments stand in one ordered
// index, so that moving the calendar costs nothing while none is passed.

#ifndef QUORATE_SERVER_LICENSING_POOLS_H_
#define QUORATE_SERVER_LICENSING_POOLS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/node_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "quorate/internal/v1/command.pb.h"

#include "server/licensing/model_books.h"
#include "server/licensing/pool_kind.h"
#include "server/licensing/times.h"

namespace quorate::licensing {

// More than all counts of all seats; still far from an overflow.
inline constexpr uint64_t kUnlimited = uint64_t{1} << 62;

// What one licence grants of one pool, in [start_ms, end_ms).
struct CapacityTerm {
  std::string license_id;
  uint64_t count = 0;
  int64_t start_ms = 0;
  int64_t end_ms = kNever;

  // More that may be out, until its own end.
  uint64_t overdraft = 0;
  int64_t overdraft_end_ms = kNever;

  // How long seats stay out that are given back.
  int64_t linger_ms = 0;

  // How long its units may be borrowed, 0: not; how many of them; and how many
  // must not be.
  int64_t borrow_max_ms = 0;
  uint64_t borrow_max_count = 0;
  uint64_t borrow_low_water = 0;

  uint64_t used = 0;  // Of credits, as the CreditBook has it.

  // Of credits.
  uint64_t left() const { return count - std::min(count, used); }

  bool InForce(int64_t calendar_ms) const {
    return start_ms <= calendar_ms && calendar_ms < end_ms;
  }
};

// The part of `feature` that lies within its licence's own dates.
CapacityTerm TermOf(const internal::v1::LicenseTerms& license,
                    const internal::v1::FeatureTerms& feature);

// Of seats that are one: how many there are of each count. Not empty.
using SharedCounts = absl::btree_map<uint64_t, uint32_t>;

// Some capacity of one feature. Lives while a licence grants some of it or a
// seat of it is out; its address does not change. Thread-compatible.
struct Pool {
  std::string name;
  PoolKind kind;  // Of a pool that no licence grants: its feature alone.
  std::vector<CapacityTerm> terms;

  // All of the feature, the narrower first. Not owned; one object as long as
  // one of them lives.
  const std::vector<Pool*>* of_feature = nullptr;

  // By the terms that are in force.
  bool in_force = false;
  uint64_t total = 0;
  uint64_t overdraft = 0;
  uint64_t credits_used = 0;
  uint64_t credits_left = 0;

  uint64_t out = 0;
  uint64_t borrowed = 0;  // Each seat by itself, also where several are one.
  size_t seats = 0;
  absl::btree_map<std::string, SharedCounts> groups;

  // The next moment of the calendar at which the above may change.
  int64_t next_change_ms = kNever;

  // What was out before the entry that is (or was last) applied, where that
  // entry touched this pool.
  uint64_t touched_by_entry = 0;
  uint64_t out_before_entry = 0;

  // How much may be out.
  uint64_t ceiling() const {
    if (!in_force) return 0;
    if (kind.counting == Counting::kCredits) return out + credits_left;
    return kind.counting == Counting::kCounted ? total + overdraft : kUnlimited;
  }

  // What the largest seat of a group counts; 0 where there is none.
  uint64_t CountOfGroup(absl::string_view group) const;
};

// A seat of it must not stay out for nobody: credits are used up, and minutes
// run as long as it is out. False of null.
inline bool IsUsedUp(const Pool* pool) {
  return pool != nullptr && (pool->kind.counting == Counting::kCredits ||
                             pool->kind.casual_minutes > 0);
}

// A part of a pool that a seat takes.
struct Share {
  uint64_t count = 0;
  // Empty: it counts by itself. Else the largest of the group does.
  absl::string_view group;
  bool borrowed = false;
};

// All pools. Thread-compatible.
class Pools {
 public:
  // The books are not owned.
  explicit Pools(ModelBooks* models) : models_(models) {}

  Pools(const Pools&) = delete;
  Pools& operator=(const Pools&) = delete;

  // Every entry is applied between the two. FinishEntry ends the process
  // where conservation does not hold for a pool that the entry touched:
  // Invariant: out <= total, or out did not grow in the last entry.
  void BeginEntry();
  void FinishEntry();

  // Moves the calendar, which never goes back.
  void MoveTo(int64_t calendar_ms);

  // Adds or removes what one licence grants.
  void AddTerms(const internal::v1::LicenseTerms& license);
  void RemoveTerms(const internal::v1::LicenseTerms& license);

  // Null where there is none.
  Pool* Find(absl::string_view name);
  const Pool* Find(absl::string_view name) const;
  // For a seat of a pool that no licence grants any more.
  Pool* FindOrAdd(absl::string_view name);

  // Some pool takes its units of another feature.
  bool any_takes_tokens() const { return !token_features_.empty(); }

  bool IsTokenFeature(absl::string_view feature) const {
    return token_features_.contains(feature);
  }

  // The pools of a feature, the narrower first.
  absl::Span<Pool* const> OfFeature(absl::string_view feature) const;

  void TakeSeat(Pool* pool, const Share& share);
  void GiveBackSeat(Pool* pool, const Share& share);

  // A checkout of it begins its trials.
  void StartTrials(Pool* pool);

  // Uses up credits of the licences in force, first of the one that ends first.
  // The pool has so many left.
  void UseCredits(Pool* pool, uint64_t count);

  // The next moment at which a total changes; kNever where none does.
  int64_t NextChangeMs() const;

  int64_t calendar_ms() const { return calendar_ms_; }

  const ModelBooks& models() const { return *models_; }

  // By the entry, until its end.
  const std::vector<Pool*>& touched() const { return touched_; }

  // In the order of the names.
  using ByName = absl::btree_map<std::string, std::unique_ptr<Pool>>;

  const ByName& by_name() const { return by_name_; }

  // What was out before the last entry.
  uint64_t OutBeforeEntry(const Pool& pool) const;

 private:
  void Touch(Pool* pool);
  void Recompute(Pool* pool);
  Pool* AddPool(PoolKind kind, absl::string_view name);
  void ErasePool(Pool* pool);
  void SetKind(Pool* pool, PoolKind kind);

  ModelBooks* const models_;
  // Invariant: both hold the same pools.
  ByName by_name_;
  absl::node_hash_map<std::string, std::vector<Pool*>> by_feature_;
  // By the feature that gives tokens, how many pools take some of it.
  absl::flat_hash_map<std::string, size_t> token_features_;
  // Names are views of the pools' own.
  absl::btree_set<std::pair<int64_t, absl::string_view>> changes_;
  int64_t calendar_ms_ = 0;
  uint64_t entry_ = 0;
  std::vector<Pool*> touched_;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_POOLS_H_

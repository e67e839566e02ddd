// Pools: how many units of each feature there are, and how many are out.
//
// A pool's total is the sum of what the installed licences grant at the
// calendar's moment. Totals change only where the calendar passes a start or
// an end, or a licence is installed; those moments stand in one ordered index,
// so that moving the calendar costs nothing while none is passed.

#ifndef QUORATE_SERVER_LICENSING_POOLS_H_
#define QUORATE_SERVER_LICENSING_POOLS_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/strings/string_view.h"

#include "quorate/internal/v1/command.pb.h"

namespace quorate::licensing {

inline constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

// What one licence grants of one feature, in [start_ms, end_ms).
struct CapacityTerm {
  std::string license_id;
  uint64_t count = 0;
  int64_t start_ms = 0;
  int64_t end_ms = kNever;

  bool InForce(int64_t calendar_ms) const {
    return start_ms <= calendar_ms && calendar_ms < end_ms;
  }
};

// The part of `feature` that lies within its licence's own dates.
CapacityTerm TermOf(const internal::v1::LicenseTerms& license,
                    const internal::v1::FeatureTerms& feature);

// The capacity of one feature. Lives while a licence names the feature or a
// seat of it is out; its address does not change. Thread-compatible.
struct Pool {
  std::string feature;
  uint64_t total = 0;
  uint64_t out = 0;
  std::vector<CapacityTerm> terms;
  absl::btree_set<uint64_t> seats;  // The handles that are out.

  // The next moment of the calendar at which `total` may change.
  int64_t next_change_ms = kNever;

  // What was out before the entry that is (or was last) applied, where that
  // entry touched this pool.
  uint64_t touched_by_entry = 0;
  uint64_t out_before_entry = 0;
};

// All pools. Thread-compatible.
class Pools {
 public:
  Pools() = default;
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
  Pool* Find(absl::string_view feature);
  const Pool* Find(absl::string_view feature) const;
  Pool* FindOrAdd(absl::string_view feature);

  void TakeSeat(Pool* pool, uint64_t handle, uint64_t count);
  void GiveBackSeat(Pool* pool, uint64_t handle, uint64_t count);

  // The next moment at which a total changes; kNever where none does.
  int64_t NextChangeMs() const;

  int64_t calendar_ms() const { return calendar_ms_; }

  // In the order of the names.
  using ByFeature = absl::btree_map<std::string, std::unique_ptr<Pool>>;

  const ByFeature& by_feature() const { return by_feature_; }

  // What was out before the last entry.
  uint64_t OutBeforeEntry(const Pool& pool) const;

 private:
  void Touch(Pool* pool);
  void Recompute(Pool* pool);

  ByFeature by_feature_;
  // Names are views of the pools' own.
  absl::btree_set<std::pair<int64_t, absl::string_view>> changes_;
  int64_t calendar_ms_ = 0;
  uint64_t entry_ = 0;
  std::vector<Pool*> touched_;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_POOLS_H_

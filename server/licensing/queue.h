// The queue: who waits for units that are out, and who is served next.
//
// A place stands in one line for each feature that it asks for. The order of a
// line: who waits for what is reserved for him, lent and called back; then the
// higher priority; among equals the project that has the fewest
// units of the feature out, of two such the one whose first place is older;
// within a project by arrival. The projects' units are counted as seats come
// and go, so that neither taking a place nor serving one depends on how many
// sessions or seats there are.

#ifndef QUORATE_SERVER_LICENSING_QUEUE_H_
#define QUORATE_SERVER_LICENSING_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

#include "quorate/internal/v1/record.pb.h"

namespace quorate::licensing {

// One checkout that was told to wait, and what became of it. Its address does
// not change. Thread-compatible.
struct QueuePlace {
  internal::v1::QueuePlaceRecord record;
  std::string principal;  // Of its session, as is the project.
  std::string project;

  bool waiting() const {
    return record.state() == internal::v1::QUEUE_PLACE_STATE_WAITING;
  }
};

// The higher comes first: those that call lent units back, then by priority.
uint32_t RankOf(const internal::v1::QueuePlaceRecord& place);

// Those who wait for one feature. Lives while there is one. Thread-compatible.
class QueueLine {
 public:
  explicit QueueLine(absl::string_view feature);

  const internal::v1::QueueLineRecord& record() const { return record_; }

  // Visits in the order in which they are served; false stops. The visitor
  // changes nothing.
  void Visit(absl::FunctionRef<bool(const QueuePlace&)> visit) const;

  size_t size() const { return size_; }

  // What those ask for together that call lent units back.
  uint64_t claimed() const { return claimed_; }

 private:
  friend class Queue;

  // Those of one project and priority, oldest first.
  struct Group {
    uint64_t out = 0;  // What the project has out of the feature.
    std::map<uint64_t, const QueuePlace*> places;
  };

  struct Level {
    std::map<std::string, Group, std::less<>> groups;
    // What each has out, its oldest place, and itself.
    std::set<std::tuple<uint64_t, uint64_t, const Group*>> order;
  };

  void Add(const QueuePlace& place, uint64_t out);
  void Remove(const QueuePlace& place);
  void SetOut(absl::string_view project, uint64_t out);

  internal::v1::QueueLineRecord record_;
  std::map<uint32_t, Level, std::greater<>> levels_;  // By RankOf.
  size_t size_ = 0;
  uint64_t claimed_ = 0;
};

using KeptPools = google::protobuf::RepeatedPtrField<internal::v1::KeptPool>;

// All places and lines. Thread-compatible.
class Queue {
 public:
  Queue() = default;
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // A seat of the project came or went.
  void AddUnits(absl::string_view feature, absl::string_view project,
                uint64_t count);
  void TakeUnits(absl::string_view feature, absl::string_view project,
                 uint64_t count);

  // Null, and nothing is changed, where the number or the request has a place
  // already. Lines of one that waits are to be served.
  QueuePlace* Add(internal::v1::QueuePlaceRecord record,
                  absl::string_view principal, absl::string_view project);

  // Null where there is none.
  QueuePlace* Find(uint64_t number);
  const QueuePlace* Find(uint64_t number) const;
  QueuePlace* FindByRequest(absl::string_view principal,
                            absl::string_view request_id);
  const QueueLine* FindLine(absl::string_view feature) const;

  // It leaves its lines for `state`, which is not WAITING; they are to be
  // served.
  void Leave(QueuePlace* place, internal::v1::QueuePlaceState state);

  // It waits for one item alone, and calls lent units back, or not any more:
  // its rank changes.
  void SetCallsBack(QueuePlace* place, bool calls_back);

  // When it is over, or forgotten.
  void SetDue(QueuePlace* place, int64_t due_cluster_ms);

  void Erase(QueuePlace* place);
  void EraseAllOf(uint64_t session_id);
  size_t CountOf(uint64_t session_id) const;

  // The place that is due first, and when. Null where there is none.
  QueuePlace* FirstDue();
  std::optional<int64_t> FirstDueMs() const;

  // Something changed for those who wait for the feature, or for all.
  void MarkUnserved(absl::string_view feature);
  void MarkAllUnserved();
  // The first line, by name, that is to be served.
  const QueueLine* FirstUnserved() const;
  // It is not to be served any more until something changes, and keeps these
  // pools.
  void SetServed(absl::string_view feature, KeptPools kept);

  // True where some line has kept other pools than before since the last call.
  bool TakeKeptChanged() { return std::exchange(kept_changed_, false); }

  // True where some line keeps the pool: it comes before who comes now.
  bool IsKept(absl::string_view pool) const;

  // True where a line other than this one keeps the pool for somebody who comes
  // before `place`: by priority, then by number.
  bool IsKeptFrom(const QueuePlace& place, absl::string_view feature,
                  absl::string_view pool) const;

  // A seat of the feature came back after so long.
  void LearnHeldTime(absl::string_view feature, int64_t held_ms);

  // Restoring; false where nobody waits for the feature.
  bool SetLine(const internal::v1::QueueLineRecord& record);

  // What changed since the last call, in the order of the keys: the keys of
  // records that are gone and the records of places and lines as they are.
  struct Changes {
    std::vector<uint64_t> places;
    std::vector<std::string> lines;
  };

  // Each was there before the last call, or is there now.
  Changes TakeChanges();

  using ByNumber = absl::btree_map<uint64_t, std::unique_ptr<QueuePlace>>;
  using Lines = std::map<std::string, QueueLine, std::less<>>;

  const ByNumber& by_number() const { return by_number_; }

  const Lines& lines() const { return lines_; }

  const std::set<std::pair<int64_t, uint64_t>>& by_due() const {
    return by_due_;
  }

  const std::set<std::string, std::less<>>& unserved() const {
    return unserved_;
  }

  uint64_t UnitsOf(absl::string_view feature, absl::string_view project) const;

  size_t size() const { return by_number_.size(); }

 private:
  using Shares = absl::flat_hash_map<std::string, uint64_t>;

  void SetUnits(absl::string_view feature, absl::string_view project,
                Shares* shares, uint64_t units);
  void SetKept(QueueLine* line, KeptPools kept);
  void JoinLines(const QueuePlace& place);
  void LeaveLines(const QueuePlace& place);

  // Invariant: each index holds the places that it is about.
  ByNumber by_number_;
  absl::flat_hash_map<std::string, QueuePlace*> by_request_;
  absl::btree_set<std::pair<uint64_t, uint64_t>> by_session_;
  std::set<std::pair<int64_t, uint64_t>> by_due_;
  Lines lines_;
  std::set<std::string, std::less<>> unserved_;
  // By pool: which lines keep it, and for which place.
  using Keepers = std::vector<std::pair<const QueueLine*, uint64_t>>;
  absl::flat_hash_map<std::string, Keepers> keepers_;
  bool kept_changed_ = false;
  // By feature, then by project: what is out, where it is not 0.
  absl::flat_hash_map<std::string, Shares> units_;

  absl::btree_set<uint64_t> changed_places_;
  absl::btree_set<std::string> changed_lines_;
  absl::btree_set<std::string> saved_lines_;  // As of the last TakeChanges.
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_QUEUE_H_

// The history: what was used, refused and out, in records beside the ledger's.
//
// Each seat that came back is a record (a use); denials and what is out of a
// feature are added up by the hour as they happen. Sweeps add uses up into
// hours, hours into days, and delete what is older than its kind is kept, or
// more than there is room for. A sweep takes a step at a time, and when it is
// due the entries' stamps say alone: so every member writes the same bytes with
// the same entry.

#ifndef QUORATE_SERVER_HISTORY_HISTORY_H_
#define QUORATE_SERVER_HISTORY_HISTORY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "quorate/internal/v1/history.pb.h"

#include "replication/state_store.h"
#include "server/history/history_key.h"
#include "server/licensing/history_event.h"
#include "server/licensing/ledger.h"

namespace quorate::history {

// How much is kept. Part of the replicated behaviour: the same on all members,
// so constants and not configuration. A use takes about 80 bytes.
struct HistoryLimits {
  uint64_t uses = 5'000'000;
  uint64_t hours = 3'000'000;
  uint64_t days = 2'000'000;

  // A quarter, 13 months and five years.
  int64_t uses_ms = 90 * kDayMs;
  int64_t hours_ms = 400 * kDayMs;
  int64_t days_ms = 5 * 366 * kDayMs;

  // Denials of one hour that are told apart; more are counted together by
  // feature, and not at all of features past the slack.
  uint64_t denials_of_hour = 20'000;

  // One step of a sweep: some milliseconds of the applier's time, and the
  // cluster time from one to the next. So 100,000 records a second, which is
  // more than come.
  size_t records_of_step = 2'000;
  int64_t step_ms = 20;
};

// What passes a limit by so much (an eighth) is not told apart any more: sums
// go to the one of nobody, uses and denials are counted as lost. Sweeps make
// room before.
inline constexpr uint64_t kSlackDivisor = 8;

// Confined to the applier thread. Its errors are those of the store: DATA_LOSS
// where records are damaged.
class History {
 public:
  using Changes = std::vector<licensing::RecordChange>;

  // Of a store's records.
  static absl::StatusOr<History> Restore(const replication::StateReader& store,
                                         const HistoryLimits& limits = {});

  // True where an entry with this time takes a step of a sweep, which reads
  // what earlier entries wrote: that has to be in the store by then.
  bool StepsAt(const licensing::EntryTime& time) const;

  // One entry: what it left, and a step where it is due.
  absl::Status Apply(const licensing::HistoryEvents& events,
                     const licensing::EntryTime& time,
                     const replication::StateReader& store, Changes* changes);

  // When the next step is due, in cluster time or by the calendar.
  std::optional<int64_t> NextDueClusterMs() const;
  std::optional<int64_t> NextDueCalendarMs() const;

  const internal::v1::HistoryRecord& record() const { return record_; }

 private:
  // A sweep that may be begun from `due_ms` of the calendar on.
  struct Plan {
    int64_t due_ms = 0;
    internal::v1::HistorySweepKind kind{};
    int64_t from_ms = 0;
    int64_t until_ms = 0;
  };

  class Step;

  explicit History(const HistoryLimits& limits) : limits_(limits) {}

  void Begin(int64_t now_ms);
  void AddUse(const licensing::SeatUse& use, int64_t now_ms, Changes* changes);
  absl::Status AddDenial(const licensing::Denial& denial, int64_t now_ms,
                         const replication::StateReader& store,
                         Changes* changes);
  absl::Status CountDenial(const std::string& feature,
                           const replication::StateReader& store,
                           Changes* changes);
  absl::Status AddLoad(const licensing::LoadChange& change, int64_t now_ms,
                       const replication::StateReader& store, Changes* changes);

  // history_sweep.cc
  using PlanList = absl::InlinedVector<Plan, 8>;
  PlanList Plans(int64_t now_ms) const;
  std::optional<Plan> PlanFor(int64_t now_ms) const;
  Plan PlanForTooManyUses(int64_t now_ms) const;
  Plan PlanForTooManyHours(int64_t now_ms) const;
  int64_t RolledUsesMs(int64_t now_ms) const;
  absl::Status TakeStep(const licensing::EntryTime& time,
                        const replication::StateReader& store,
                        Changes* changes);
  void EndSweep();
  int64_t FirstDueMs() const;

  HistoryLimits limits_;
  internal::v1::HistoryRecord record_;
  bool begun_ = false;  // The record is in the store.
  int64_t due_ms_ = 0;  // By the calendar, where no sweep is under way.

  // Of the current hour, as they are written: a copy of what the store has, or
  // will have with the batch.
  int64_t hour_ms_ = 0;
  absl::flat_hash_map<std::string, internal::v1::DenialRecord> denials_;
  absl::flat_hash_map<std::string, internal::v1::LoadRecord> loads_;

  internal::v1::SeatUseRecord use_;  // To keep its memory.
};

}  // namespace quorate::history

#endif  // QUORATE_SERVER_HISTORY_HISTORY_H_

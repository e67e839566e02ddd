// The ledger: who may use what, and who does.
//
// A pure state machine. Commands and stamps come in, answers and record
// changes go out; it sees no clock, thread, disk or random source, so every
// member that applies the same log holds the same ledger, and a replay gives
// the same history.
//
// Time: `Stamp::cluster_ms` drives leases and the memory of requests,
// `Stamp::calendar_ms` the dates of licences. Neither goes back. Each entry
// first moves the time, which ends what is due (design §5), then acts.
//
// Exactly once: the answer to a request id that succeeded is kept for
// kAnswerMemoryMs of cluster time, and an attempt whose not_after has passed,
// or lies further ahead than that memory, has no effect. So a late copy cannot
// act after its answer is forgotten (design §6). A refusal changes nothing and
// is not remembered: the same request id may be tried again and succeed.
//
// Thread-compatible.

#ifndef QUORATE_SERVER_LICENSING_LEDGER_H_
#define QUORATE_SERVER_LICENSING_LEDGER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "quorate/internal/v1/command.pb.h"
#include "quorate/internal/v1/record.pb.h"
#include "quorate/type/v1/error_reason.pb.h"

#include "server/licensing/history_event.h"
#include "server/licensing/ledger_event.h"
#include "server/licensing/limits.h"
#include "server/licensing/model_views.h"
#include "server/licensing/pool_kind.h"

namespace quorate::licensing {

class AccountBook;
class PolicyBook;

using type::v1::ErrorReason;

// The stamps of one entry (replication's Stamp, without knowing it).
struct EntryTime {
  int64_t cluster_ms = 0;
  int64_t calendar_ms = 0;
};

// Where a checkout stands that waits.
struct QueuePosition {
  uint64_t number = 0;           // 1 is the first; 0: it does not wait.
  int64_t expected_wait_ms = 0;  // 0: not known.

  friend bool operator==(const QueuePosition&, const QueuePosition&) = default;
};

// What one command gave.
struct LedgerAnswer {
  ErrorReason reason = ErrorReason::ERROR_REASON_UNSPECIFIED;  // 0: success.
  // Of a refusal; docs/errors.md names the keys that go with each reason.
  std::vector<std::pair<std::string, std::string>> metadata;

  uint64_t session_id = 0;             // OpenSession, Borrow: the new one.
  int64_t ttl_ms = 0;                  // OpenSession.
  std::vector<uint64_t> seat_handles;  // Checkout, in the order of the items.
  int64_t granted_calendar_ms = 0;     // Checkout.
  bool repeated = false;               // The remembered answer of a repeat.

  // Checkout that was told to wait, now or by an earlier attempt: its place,
  // and where it stands as long as it waits.
  uint64_t queue_place = 0;
  QueuePosition queue_position;

  // RenewSessions: one for each renewal, its TTL; 0 where there is no such
  // session of that principal.
  std::vector<int64_t> renewed_ttl_ms;

  // The time the command was applied at.
  EntryTime time;

  bool ok() const { return reason == 0; }
};

struct RecordChange {
  std::string key;
  std::optional<std::string> value;  // Nothing: deleted.

  friend bool operator==(const RecordChange&, const RecordChange&) = default;
};

// One pool, computed.
struct PoolView {
  std::string name;
  PoolKind kind;
  uint64_t total = 0;
  uint64_t overdraft = 0;  // So many more may be out.
  uint64_t out = 0;
  uint64_t borrowed = 0;    // Each seat by itself.
  int64_t next_end_ms = 0;  // 0: none ends.
  bool licensed = true;     // Else only seats keep it, and its kind is lost.
  uint64_t used = 0;        // Credits, or names of users.
  uint64_t left = 0;

  // Of what is counted.
  uint64_t free() const {
    if (kind.counting == Counting::kCredits ||
        kind.counting == Counting::kNamed) {
      return left;
    }
    return out < total + overdraft ? total + overdraft - out : 0;
  }
};

class Ledger {
 public:
  // An empty ledger of a cluster (32 lower-case hex digits, epoch from 1).
  Ledger(absl::string_view cluster_id, uint32_t cluster_epoch);
  // With smaller limits, for tests.
  Ledger(absl::string_view cluster_id, uint32_t cluster_epoch,
         const LedgerLimits& limits);
  ~Ledger();

  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // Takes one record, in any order, of a ledger that was saved; then
  // FinishRestore builds the indexes. DATA_LOSS where a record does not parse
  // or contradicts another, FAILED_PRECONDITION where the ledger's own is of
  // another cluster or epoch; the ledger is then of no use. No entry is applied
  // between the two.
  absl::Status RestoreRecord(absl::string_view key, absl::string_view value);
  absl::Status FinishRestore();

  // Applies one command. Appends to `changes` every record that changed, each
  // key at most once a call, in a deterministic order. A command without a
  // body (of a newer version) is refused with BAD_REQUEST and changes nothing
  // but the time.
  LedgerAnswer Apply(const internal::v1::Command& command,
                     const EntryTime& time, std::vector<RecordChange>* changes);

  // Moves the time by an entry that is not a command (a no-op).
  void ApplyTime(const EntryTime& time, std::vector<RecordChange>* changes);

  // Of the last entry.
  const std::vector<LedgerEvent>& events() const;
  const HistoryEvents& history() const;

  const std::string& cluster_id() const;
  uint32_t cluster_epoch() const;
  EntryTime time() const;

  // The cluster time at which the next lease, wait, remembered answer or rest
  // of work is due; nothing where none is. The leader proposes AdvanceClock
  // when it has passed.
  std::optional<int64_t> NextDueClusterMs() const;
  // The calendar time at which the next licence begins or ends, or a borrow
  // does.
  std::optional<int64_t> NextDueCalendarMs() const;

  // Reading. Pages: at most `limit` items after the given key, in order.
  std::vector<PoolView> Pools(absl::string_view after_name, size_t limit) const;
  // Nothing where no licence and no seat names it.
  std::optional<FeatureView> FindFeature(absl::string_view feature) const;
  // Why such a client gets nothing for such an item now: a termination's
  // cool-down, whichever principal he comes as, or the pools; nothing where he
  // does. The policy is not asked.
  std::optional<LedgerAnswer> WhyNotNow(
      const internal::v1::CheckoutItem& item,
      const internal::v1::SessionDescription& description) const;
  std::optional<PoolView> FindPool(absl::string_view name) const;
  std::vector<PoolView> PoolsOfFeature(absl::string_view feature,
                                       absl::string_view after_name,
                                       size_t limit) const;
  const internal::v1::SessionRecord* FindSession(uint64_t session_id) const;
  const internal::v1::SeatRecord* FindSeat(uint64_t handle) const;
  // The warnings that stand for seats of a session: kSeatIdle of one whose user
  // is idle, and kSeatCalledBack.
  std::vector<LedgerEvent> WarningsOf(uint64_t session_id) const;
  // As long as it is remembered.
  const internal::v1::TerminationRecord* FindTermination(
      uint64_t session_id) const;
  const internal::v1::LicenseRecord* FindLicense(
      absl::string_view license_id) const;

  // Visit in order from the first key greater than `after`; the visitor
  // returns false to stop.
  void VisitSessions(
      uint64_t after,
      const std::function<bool(const internal::v1::SessionRecord&)>& visit)
      const;
  // Those of them that are borrows; O(borrows).
  void VisitBorrows(
      uint64_t after,
      const std::function<bool(const internal::v1::SessionRecord&)>& visit)
      const;
  // Borrows that were written off, by the session, as long as it is kept.
  void VisitWriteOffs(
      uint64_t after,
      const std::function<bool(const internal::v1::WriteOffRecord&)>& visit)
      const;
  void VisitSeats(
      uint64_t after,
      const std::function<bool(const internal::v1::SeatRecord&)>& visit) const;
  // Seats of one session, and of one feature, by handle.
  void VisitSeatsOfSession(
      uint64_t session_id, uint64_t after,
      const std::function<bool(const internal::v1::SeatRecord&)>& visit) const;
  void VisitSeatsOfFeature(
      absl::string_view feature, uint64_t after,
      const std::function<bool(const internal::v1::SeatRecord&)>& visit) const;
  void VisitLicenses(
      absl::string_view after,
      const std::function<bool(const internal::v1::LicenseRecord&)>& visit)
      const;

  // Names of named users, of one feature or of all where it is empty, by pool
  // and user: at most `limit` after the one given.
  std::vector<NamedUserView> NamedUsersOf(
      absl::string_view feature,
      const std::pair<std::string, std::string>& after, size_t limit) const;
  // Casual users who have used some of their minutes, likewise.
  std::vector<CasualUserView> CasualUsersOf(
      absl::string_view feature,
      const std::pair<std::string, std::string>& after, size_t limit) const;

  // The policy in force, its versions, and what its rules count.
  const PolicyBook& policies() const;

  // Who may do what, and how often that was changed.
  const AccountBook& accounts() const;
  uint64_t account_changes() const;

  // The places in the queue that wait, by number.
  void VisitQueue(
      uint64_t after,
      const std::function<bool(const internal::v1::QueuePlaceRecord&)>& visit)
      const;
  // O(places that wait for the same).
  QueuePosition FindPosition(uint64_t queue_place) const;

  // Null where the cluster was not restored from a backup, or not retired.
  const internal::v1::Restoration* restoration() const;
  const internal::v1::Retirement* retirement() const;
  // How long the lease of any session may still last.
  int64_t LongestLeaseMs() const;

  size_t session_count() const;
  size_t seat_count() const;
  size_t answer_count() const;

  // All records in key order: two ledgers are equal where these are.
  std::vector<RecordChange> Dump() const;

  // Conservation and agreement of all indexes: for each pool, out <= total and
  // overdraft, or not more than before the last entry (a decrease drains). OK
  // or INTERNAL with the rule that is broken. O(size of the ledger): tests,
  // simulator. Apply itself asserts conservation of the pools that it touched,
  // always.
  absl::Status CheckInvariants() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_LEDGER_H_

#include "server/licensing/ledger_restore.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "server/licensing/field_rules.h"
#include "server/licensing/ledger_accounts.h"
#include "server/licensing/record_codec.h"
#include "server/licensing/restoring.h"
#include "server/licensing/times.h"
#include "server/policy/policy_check.h"

namespace quorate::licensing {
namespace {

using internal::v1::AnswerRecord;
using internal::v1::LedgerRecord;
using internal::v1::LicenseRecord;
using internal::v1::PolicyVersionRecord;
using internal::v1::QueueLineRecord;
using internal::v1::QueuePlaceRecord;
using internal::v1::SeatRecord;
using internal::v1::SessionRecord;
using internal::v1::TerminationRecord;
using internal::v1::WriteOffRecord;

// When the session ends, for its kind.
bool IsInRange(const SessionRecord& record, const EntryTime& now) {
  switch (record.kind()) {
    case internal::v1::SESSION_KIND_UNSPECIFIED:
      return record.ttl_ms() >= kMinTtlMs && record.ttl_ms() <= kMaxTtlMs &&
             record.lease_end_cluster_ms() <=
                 LeaseEndMs(now.cluster_ms, record.ttl_ms());
    case internal::v1::SESSION_KIND_LINGER:
      return record.ttl_ms() > 0 && record.ttl_ms() <= policy::kMaxLingerMs &&
             record.lease_end_cluster_ms() <=
                 AddMs(now.cluster_ms, record.ttl_ms());
    case internal::v1::SESSION_KIND_BORROW:
      return record.borrowed_until_ms() > 0 &&
             record.borrowed_until_ms() <= AddMs(now.calendar_ms, kMaxBorrowMs);
    case internal::v1::SESSION_KIND_BOOKING:
      return record.lease_end_cluster_ms() <=
             AddMs(now.cluster_ms, kMaxBookingMs);
    default:
      return false;
  }
}

// It holds what its kind must hold.
bool HasSeatsOfItsKind(const Session& session) {
  if (IsBorrow(session.record)) return !session.seats.empty();
  if (!IsBooking(session.record)) return true;
  return !session.seats.empty() &&
         session.seats.size() ==
             static_cast<size_t>(session.record.booking().items_size());
}

}  // namespace

absl::Status LedgerRestore::TakeRecord(absl::string_view key,
                                       absl::string_view value) {
  QUORATE_ASSIGN_OR_RETURN(const RecordFamily family, FamilyOf(key));
  switch (family) {
    case RecordFamily::kLedger: {
      QUORATE_ASSIGN_OR_RETURN(restored_.ledger,
                               ParseRecord<LedgerRecord>(key, value));
      return absl::OkStatus();
    }
    case RecordFamily::kLicense:
      return ParseInto(key, value, &restored_.licenses);
    case RecordFamily::kSession:
      return ParseInto(key, value, &restored_.sessions);
    case RecordFamily::kSeat:
      return ParseInto(key, value, &restored_.seats);
    case RecordFamily::kAnswer:
      return ParseInto(key, value, &restored_.answers);
    case RecordFamily::kQueue:
      return TakeQueueRecord(key, value);
    case RecordFamily::kPolicyVersion:
      return ParseInto(key, value, &restored_.policy_versions);
    case RecordFamily::kBorrow:
      return ParseInto(key, value, &restored_.write_offs);
    case RecordFamily::kModel:
      return TakeModelRecord(key, value);
    case RecordFamily::kAccount:
      return ParseInto(key, value, &restored_.accounts);
  }
  return absl::OkStatus();
}

absl::Status LedgerRestore::TakeQueueRecord(absl::string_view key,
                                            absl::string_view value) {
  switch (key.size() > 1 ? static_cast<QueueFamily>(key[1]) : QueueFamily()) {
    case QueueFamily::kPlace:
      return ParseInto(key, value, &restored_.places);
    case QueueFamily::kTermination:
      return ParseInto(key, value, &restored_.terminations);
    default:
      return ParseInto(key, value, &restored_.lines);
  }
}

absl::StatusOr<std::optional<Counters>> LedgerRestore::Finish() {
  QUORATE_RETURN_IF_ERROR(RestoreLedger());
  QUORATE_RETURN_IF_ERROR(RestoreModels());
  QUORATE_RETURN_IF_ERROR(RestoreLicenses());
  QUORATE_RETURN_IF_ERROR(RestorePolicies());
  QUORATE_RETURN_IF_ERROR(RestoreSessions());
  QUORATE_RETURN_IF_ERROR(RestoreSeats());
  QUORATE_RETURN_IF_ERROR(RestoreAnswers());
  QUORATE_RETURN_IF_ERROR(RestoreQueue());
  QUORATE_RETURN_IF_ERROR(RestoreTerminations());
  QUORATE_RETURN_IF_ERROR(RestoreWriteOffs());
  QUORATE_RETURN_IF_ERROR(
      RestoreAccounts(std::exchange(restored_.accounts, {}), &tables_));
  // What was touched so far belongs to no entry.
  tables_.pools.BeginEntry();
  if (!std::exchange(restored_, {}).ledger.has_value()) return std::nullopt;
  return tables_.counters;
}

absl::Status LedgerRestore::RestoreLedger() {
  if (!restored_.ledger.has_value()) {
    if (restored_.licenses.empty() && restored_.sessions.empty() &&
        restored_.seats.empty() && restored_.answers.empty() &&
        restored_.policy_versions.empty() && restored_.places.empty() &&
        restored_.lines.empty() && restored_.write_offs.empty() &&
        restored_.credits.empty() && restored_.names.empty() &&
        restored_.freed_names.empty() && restored_.trials.empty() &&
        restored_.casual.empty() && restored_.accounts.empty()) {
      return absl::OkStatus();
    }
    return Contradiction("there are records, but none of the ledger itself");
  }
  const LedgerRecord& record = *restored_.ledger;
  if (record.cluster_id() != tables_.cluster_id ||
      record.cluster_epoch() != tables_.cluster_epoch) {
    // Not DATA_LOSS: nothing is damaged, and nobody is to put it aside.
    return absl::FailedPreconditionError(
        absl::StrCat("the records belong to cluster ", record.cluster_id(),
                     ", epoch ", record.cluster_epoch()));
  }
  tables_.counters = {
      .next_session_id = record.next_session_id(),
      .next_seat_handle = record.next_seat_handle(),
      .next_answer_sequence = record.next_answer_sequence(),
      // 0: written by a version that had no queue.
      .next_queue_place = std::max<uint64_t>(record.next_queue_place(), 1),
      .cluster_ms = record.cluster_ms(),
      .calendar_ms = record.calendar_ms(),
      .account_changes = record.account_changes(),
  };
  const Counters& counters = tables_.counters;
  if (counters.next_session_id == 0 || counters.next_seat_handle == 0 ||
      counters.next_answer_sequence == 0 || counters.cluster_ms < 0 ||
      counters.calendar_ms < 0) {
    return Contradiction("the ledger's counters are out of range");
  }
  if (record.has_restoration()) {
    const internal::v1::Restoration& restoration = record.restoration();
    if (restoration.old_epoch() == 0 ||
        restoration.old_epoch() >= record.cluster_epoch() ||
        restoration.first_session_id() == 0 ||
        restoration.first_session_id() > counters.next_session_id ||
        restoration.quiet_until_cluster_ms() < 0) {
      return Contradiction("how the ledger was restored is out of range");
    }
    tables_.restoration = restoration;
  }
  if (record.has_retirement()) tables_.retirement = record.retirement();
  tables_.pools.MoveTo(counters.calendar_ms);
  tables_.policies.MoveTo(counters.calendar_ms);
  return absl::OkStatus();
}

absl::Status LedgerRestore::RestoreLicenses() {
  for (LicenseRecord& record : restored_.licenses) {
    const std::string id = record.terms().license_id();
    if (record.terms().cluster_id() != tables_.cluster_id ||
        record.terms().cluster_epoch() > tables_.cluster_epoch) {
      return Contradiction("licence ", id, " belongs to another cluster");
    }
    const auto [position, added] =
        tables_.licenses.emplace(id, std::move(record));
    if (!added) return Contradiction("licence ", id, " is there twice");
    tables_.pools.AddTerms(position->second.terms());
  }
  return absl::OkStatus();
}

absl::Status LedgerRestore::RestorePolicies() {
  std::vector<PolicyVersionRecord>& records = restored_.policy_versions;
  std::sort(
      records.begin(), records.end(),
      [](const PolicyVersionRecord& left, const PolicyVersionRecord& right) {
        return left.version() < right.version();
      });
  for (PolicyVersionRecord& record : records) {
    const uint64_t version = record.version();
    const uint64_t highest = tables_.policies.version();
    if (version == 0 || (highest != 0 && version != highest + 1)) {
      return Contradiction("version ", version,
                           " of the policy is out of order");
    }
    std::vector<policy::PolicyFault> faults;
    auto compiled = policy::CompiledPolicy::Compile(record.policy(), &faults);
    if (compiled == nullptr) {
      return Contradiction("version ", version,
                           " of the policy: ", faults.front().path, " ",
                           faults.front().problem);
    }
    tables_.policies.Add(std::move(record), std::move(compiled));
  }
  return absl::OkStatus();
}

absl::Status LedgerRestore::RestoreSessions() {
  for (SessionRecord& record : restored_.sessions) {
    const uint64_t id = record.session_id();
    if (id == 0 || id >= tables_.counters.next_session_id) {
      return Contradiction("session ", id, " was never opened");
    }
    if (!IsInRange(record, tables_.time())) {
      return Contradiction("the end of session ", id, " is out of range");
    }
    if (record.idle_since_cluster_ms() < 0 ||
        record.idle_since_cluster_ms() > tables_.counters.cluster_ms) {
      return Contradiction("session ", id, " is idle since the future");
    }
    if (tables_.sessions.Add(std::move(record)) == nullptr) {
      return Contradiction("session ", id, " is there twice");
    }
  }
  return absl::OkStatus();
}

absl::Status LedgerRestore::RestoreSeats() {
  // Ascending, so that each session's list is appended to.
  std::sort(restored_.seats.begin(), restored_.seats.end(),
            [](const SeatRecord& left, const SeatRecord& right) {
              return left.handle() < right.handle();
            });
  for (SeatRecord& record : restored_.seats) {
    const uint64_t handle = record.handle();
    if (handle == 0 || handle >= tables_.counters.next_seat_handle) {
      return Contradiction("seat ", handle, " was never granted");
    }
    if (record.count() == 0 || record.feature().empty()) {
      return Contradiction("seat ", handle, " is of nothing");
    }
    if (record.idle_warned_cluster_ms() < 0 ||
        record.idle_warned_cluster_ms() > tables_.counters.cluster_ms) {
      return Contradiction("the holder of seat ", handle,
                           " was warned in the future");
    }
    if (record.call_due_cluster_ms() < 0 ||
        (record.call_due_cluster_ms() == 0) != record.call_rule().empty()) {
      return Contradiction("seat ", handle, " is called back by no rule");
    }
    if ((!record.pool().empty() &&
         FeatureOfPool(record.pool()) != record.feature()) ||
        record.token_pool().empty() != (record.token_units() == 0)) {
      return Contradiction("seat ", handle, " is of another feature's pool");
    }
    Session* const session = tables_.sessions.Find(record.session_id());
    if (session == nullptr) {
      return Contradiction("seat ", handle, " belongs to session ",
                           record.session_id(), ", which is not there");
    }
    const Seat* const seat = tables_.seats.Add(std::move(record), session);
    if (seat == nullptr) {
      return Contradiction("seat ", handle, " is there twice");
    }
    for (const Pool* const pool : {seat->pool, seat->token_pool}) {
      if (pool == nullptr) continue;
      tables_.models.casual.RestoreSeat(
          {pool->name, session->record.description().user()}, handle);
    }
  }
  for (const auto& [id, session] : tables_.sessions.by_id()) {
    if (HasSeatsOfItsKind(*session)) continue;
    return Contradiction("session ", id, " has too few seats for its kind");
  }
  return absl::OkStatus();
}

absl::Status LedgerRestore::RestoreAnswers() {
  std::vector<AnswerRecord>& records = restored_.answers;
  std::sort(records.begin(), records.end(),
            [](const AnswerRecord& left, const AnswerRecord& right) {
              return left.sequence() < right.sequence();
            });
  const uint64_t next = tables_.counters.next_answer_sequence;
  if (records.size() >= next) {
    return Contradiction("there are more answers than were given");
  }
  tables_.requests.StartAt(next - records.size());
  int64_t previous_ms = 0;
  for (const AnswerRecord& record : records) {
    if (record.sequence() != tables_.requests.next_sequence()) {
      return Contradiction("answer ", tables_.requests.next_sequence(),
                           " is missing or there twice");
    }
    if (record.answered_cluster_ms() < previous_ms ||
        record.answered_cluster_ms() > tables_.counters.cluster_ms) {
      return Contradiction("the time of answer ", record.sequence(),
                           " is out of order");
    }
    previous_ms = record.answered_cluster_ms();
    QUORATE_ASSIGN_OR_RETURN(RememberedAnswer answer, FromRecord(record));
    if (!tables_.requests.Add(std::move(answer))) {
      return Contradiction("answer ", record.sequence(),
                           " is to a request that has one already");
    }
  }
  return absl::OkStatus();
}

absl::Status LedgerRestore::CheckPlace(const QueuePlaceRecord& record) const {
  const uint64_t number = record.number();
  if (number == 0 || number >= tables_.counters.next_queue_place) {
    return Contradiction("queue place ", number, " was never taken");
  }
  const bool known_state =
      record.state() == internal::v1::QUEUE_PLACE_STATE_WAITING ||
      record.state() == internal::v1::QUEUE_PLACE_STATE_GRANTED ||
      (record.state() == internal::v1::QUEUE_PLACE_STATE_ENDED &&
       record.end_reason() != 0);
  if (!known_state || record.items().empty() ||
      record.priority() > kMaxPriority ||
      (record.calls_back() &&
       (record.state() != internal::v1::QUEUE_PLACE_STATE_WAITING ||
        record.items_size() != 1))) {
    return Contradiction("queue place ", number, " is out of range");
  }
  for (const internal::v1::CheckoutItem& item : record.items()) {
    if (!IsFeatureName(item.feature()) || item.count() == 0) {
      return Contradiction("queue place ", number, " waits for nothing");
    }
  }
  return absl::OkStatus();
}

absl::Status LedgerRestore::RestoreQueue() {
  std::sort(restored_.places.begin(), restored_.places.end(),
            [](const QueuePlaceRecord& left, const QueuePlaceRecord& right) {
              return left.number() < right.number();
            });
  for (QueuePlaceRecord& record : restored_.places) {
    const uint64_t number = record.number();
    QUORATE_RETURN_IF_ERROR(CheckPlace(record));
    const Session* const session = tables_.sessions.Find(record.session_id());
    if (session == nullptr) {
      return Contradiction("queue place ", number, " belongs to session ",
                           record.session_id(), ", which is not there");
    }
    if (tables_.queue.Add(std::move(record), session->record.principal(),
                          session->record.description().project()) == nullptr) {
      return Contradiction("queue place ", number, " is there twice");
    }
  }
  if (restored_.lines.size() != tables_.queue.lines().size()) {
    return Contradiction("there are ", restored_.lines.size(), " lines for ",
                         tables_.queue.lines().size(), " features waited for");
  }
  for (const QueueLineRecord& record : restored_.lines) {
    if (!tables_.queue.SetLine(record)) {
      return Contradiction("nobody waits in the line of ", record.feature());
    }
  }
  // What was restored is no change.
  tables_.queue.TakeChanges();
  tables_.queue.TakeKeptChanged();
  return absl::OkStatus();
}

absl::Status LedgerRestore::RestoreTerminations() {
  for (TerminationRecord& record : restored_.terminations) {
    const uint64_t id = record.session_id();
    if (id == 0 || id >= tables_.counters.next_session_id) {
      return Contradiction("session ", id, " was never opened");
    }
    if (!tables_.terminations.Add(std::move(record))) {
      return Contradiction("session ", id, " was terminated twice");
    }
  }
  return absl::OkStatus();
}

absl::Status LedgerRestore::RestoreWriteOffs() {
  for (WriteOffRecord& record : restored_.write_offs) {
    const uint64_t id = record.borrow().session_id();
    if (id == 0 || id >= tables_.counters.next_session_id ||
        tables_.sessions.Find(id) != nullptr) {
      return Contradiction("borrow ", id, " was never written off");
    }
    if (!tables_.write_offs.Add(std::move(record))) {
      return Contradiction("borrow ", id, " was written off twice");
    }
  }
  return absl::OkStatus();
}

}  // namespace quorate::licensing

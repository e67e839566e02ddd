#include "server/licensing/ledger.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/check.h"
#include "server/licensing/field_rules.h"
#include "server/licensing/invariants.h"
#include "server/licensing/ledger_accounts.h"
#include "server/licensing/ledger_state.h"
#include "server/licensing/record_codec.h"
#include "server/licensing/refusals.h"
#include "server/licensing/times.h"

namespace quorate::licensing {

using internal::v1::Command;

Ledger::State::State(absl::string_view cluster_id, uint32_t cluster_epoch,
                     const LedgerLimits& limits)
    : limits_(limits), restore_(&tables_) {
  tables_.cluster_id = std::string(cluster_id);
  tables_.cluster_epoch = cluster_epoch;
}

LedgerAnswer Ledger::State::Apply(const Command& command, const EntryTime& time,
                                  Changes* changes) {
  recalls_.first_change = changes->size();
  tables_.pools.BeginEntry();
  MoveTime(time, changes);
  LedgerAnswer answer = Execute(command, changes);
  if (!answer.ok()) NoteRefusal(command, answer);
  FinishEntry(changes);
  if (answer.queue_place != 0) {
    // What it is after those that could be served were served.
    const bool repeated = answer.repeated;
    answer = AnswerOf(*tables_.queue.Find(answer.queue_place));
    answer.repeated = repeated;
  }
  answer.time = this->time();
  return answer;
}

void Ledger::State::ApplyTime(const EntryTime& time, Changes* changes) {
  recalls_.first_change = changes->size();
  tables_.pools.BeginEntry();
  MoveTime(time, changes);
  FinishEntry(changes);
}

void Ledger::State::MoveTime(const EntryTime& time, Changes* changes) {
  events_.clear();
  history_.Clear();
  Counters& counters = tables_.counters;
  counters.cluster_ms = std::max(counters.cluster_ms, time.cluster_ms);
  counters.calendar_ms = std::max(counters.calendar_ms, time.calendar_ms);
  if (tables_.pools.NextChangeMs() <= counters.calendar_ms) {
    tables_.queue.MarkAllUnserved();
  }
  if (tables_.policies.MoveTo(counters.calendar_ms)) {
    tables_.queue.MarkAllUnserved();
  }
  tables_.pools.MoveTo(counters.calendar_ms);
  EndDueSessions(changes);
  EndDueMinutes(changes);
  EndDuePlaces();
  ForgetTerminations(changes);
  ForgetOldAnswers(changes);
}

void Ledger::State::ForgetOldAnswers(Changes* changes) {
  RequestLog& requests = tables_.requests;
  // Twice the bound of sessions: an answer is less work, and a session that
  // opens and closes leaves two.
  size_t left = 2 * limits_.expiries_per_entry;
  while (left > 0 && !requests.empty() &&
         AddMs(requests.oldest().answered_cluster_ms, kAnswerMemoryMs) <
             tables_.counters.cluster_ms) {
    changes->push_back(EraseRecord(AnswerKey(requests.first_sequence())));
    requests.ForgetOldest();
    --left;
  }
}

void Ledger::State::FinishEntry(Changes* changes) {
  ServeQueue(changes);
  CallBack(changes);
  WriteQueue(changes);
  WriteTaken(changes);
  WriteModels(changes);
  NoteLoads();
  tables_.pools.FinishEntry();
  tables_.counters.next_answer_sequence = tables_.requests.next_sequence();
  if (written_ != tables_.counters) {
    WriteCounters(&own_record_);
    changes->push_back(PutRecord(own_record_));
    written_ = tables_.counters;
  }
  if (recalls_.some_changed) KeepLastChanges(changes);
}

LedgerAnswer Ledger::State::Execute(const Command& command, Changes* changes) {
  if (auto refusal = RefuseByEpoch(command)) return *std::move(refusal);
  switch (command.body_case()) {
    case Command::kAdvanceClock:
      return {};
    case Command::kRenewSessions:
      // Renewing twice is renewing once: no request id is needed.
      return RenewSessions(command.renew_sessions(), changes);
    case Command::BODY_NOT_SET:
    // Of the tables beside it (licensing_replica.cc).
    case Command::kCreateJoinToken:
    case Command::kUseJoinToken:
    case Command::kUpdateAlertSettings:
    case Command::kRaiseAlerts:
    case Command::kRecordAlertMail:
      return RefuseField("body", "is not known to this version");
    case Command::kOpenSession:
    case Command::kCloseSession:
    case Command::kCheckout:
    case Command::kCheckin:
    case Command::kInstallLicense:
    case Command::kCancelCheckout:
    case Command::kResizeSeat:
    case Command::kTerminateSession:
    case Command::kReleaseNamedUser:
    case Command::kReleaseSeat:
    case Command::kBorrow:
    case Command::kReturnBorrow:
    case Command::kWriteOffBorrow:
    case Command::kBook:
    case Command::kConfirmBooking:
    case Command::kCancelBooking:
    case Command::kReleaseRestored:
    case Command::kRetireCluster:
    case Command::kApplyPolicy:
    case Command::kRollBackPolicy:
    case Command::kSetAccount:
    case Command::kDeleteAccount:
      return ExecuteOnce(command, changes);
  }
  return RefuseField("body", "is not known to this version");
}

LedgerAnswer Ledger::State::ExecuteOnce(const Command& command,
                                        Changes* changes) {
  if (!IsPrincipal(command.principal())) {
    return RefuseField("principal", "must be 1 to 256 bytes of plain text");
  }
  if (!IsRequestId(command.request_id())) {
    return RefuseField("request_id",
                       "must be 1 to 64 printable ASCII characters");
  }
  const CommandDigest digest = DigestCommand(command);
  if (const RememberedAnswer* const remembered =
          tables_.requests.Find(command.principal(), command.request_id());
      remembered != nullptr) {
    if (remembered->digest != digest) {
      return Refuse(type::v1::ERROR_REASON_REQUEST_ID_REUSED,
                    {{"request_id", command.request_id()}});
    }
    LedgerAnswer answer;
    answer.session_id = remembered->session_id;
    answer.ttl_ms = remembered->ttl_ms;
    answer.granted_calendar_ms = remembered->granted_calendar_ms;
    answer.seat_handles.assign(remembered->seat_handles.begin(),
                               remembered->seat_handles.end());
    answer.repeated = true;
    return answer;
  }
  if (const QueuePlace* const place = tables_.queue.FindByRequest(
          command.principal(), command.request_id());
      place != nullptr) {
    if (place->record.command_digest() !=
        absl::string_view(reinterpret_cast<const char*>(digest.data()),
                          digest.size())) {
      return Refuse(type::v1::ERROR_REASON_REQUEST_ID_REUSED,
                    {{"request_id", command.request_id()}});
    }
    LedgerAnswer answer;
    answer.queue_place = place->record.number();
    answer.repeated = true;
    return answer;
  }
  // An attempt that may still act after its answer is forgotten could act
  // twice. One that reaches further than the memory is therefore refused like
  // one that is too late: the next attempt carries a better time.
  const int64_t now = tables_.counters.cluster_ms;
  if (command.not_after_cluster_ms() < now ||
      command.not_after_cluster_ms() > AddMs(now, kAnswerMemoryMs)) {
    return Refuse(
        type::v1::ERROR_REASON_REQUEST_EXPIRED,
        {{"not_after_cluster_ms", absl::StrCat(command.not_after_cluster_ms())},
         {"cluster_ms", absl::StrCat(now)}});
  }
  if (tables_.requests.size() >= limits_.answers) {
    return RefuseOverLimit("answers", limits_.answers);
  }
  LedgerAnswer answer = Act(command, changes);
  // The place in the queue is the memory of a checkout that waits.
  if (answer.ok() && answer.queue_place == 0) {
    Remember(command, digest, answer, changes);
  }
  return answer;
}

LedgerAnswer Ledger::State::Act(const Command& command, Changes* changes) {
  switch (command.body_case()) {
    case Command::kOpenSession:
      return OpenSession(command, changes);
    case Command::kCloseSession:
      return CloseSession(command, changes);
    case Command::kCheckout:
      return Checkout(command, changes);
    case Command::kCheckin:
      return Checkin(command, changes);
    case Command::kInstallLicense:
      return InstallLicense(command, changes);
    case Command::kCancelCheckout:
      return CancelCheckout(command, changes);
    case Command::kResizeSeat:
      return ResizeSeat(command, changes);
    case Command::kTerminateSession:
      return TerminateSession(command, changes);
    case Command::kReleaseNamedUser:
      return ReleaseNamedUser(command);
    case Command::kReleaseSeat:
      return ReleaseSeat(command, changes);
    case Command::kBorrow:
      return Borrow(command, changes);
    case Command::kReturnBorrow:
      return ReturnBorrow(command, changes);
    case Command::kWriteOffBorrow:
      return WriteOffBorrow(command, changes);
    case Command::kBook:
      return Book(command, changes);
    case Command::kConfirmBooking:
      return ConfirmBooking(command, changes);
    case Command::kCancelBooking:
      return CancelBooking(command, changes);
    case Command::kReleaseRestored:
      return ReleaseRestored(command);
    case Command::kRetireCluster:
      return RetireCluster(command);
    case Command::kApplyPolicy:
      return ApplyPolicy(command, changes);
    case Command::kRollBackPolicy:
      return RollBackPolicy(command, changes);
    case Command::kSetAccount:
      return SetAccount(command, limits_.accounts, &tables_, changes);
    case Command::kDeleteAccount:
      return DeleteAccount(command, &tables_, changes);
    case Command::kRenewSessions:
    case Command::kAdvanceClock:
    case Command::kCreateJoinToken:
    case Command::kUseJoinToken:
    case Command::kUpdateAlertSettings:
    case Command::kRaiseAlerts:
    case Command::kRecordAlertMail:
    case Command::BODY_NOT_SET:
      break;
  }
  QUORATE_CHECK(false && "Execute has taken these");
  return {};
}

void Ledger::State::Remember(const Command& command,
                             const CommandDigest& digest,
                             const LedgerAnswer& answer, Changes* changes) {
  RememberedAnswer remembered(command.principal(), command.request_id());
  remembered.digest = digest;
  remembered.answered_cluster_ms = tables_.counters.cluster_ms;
  remembered.session_id = answer.session_id;
  remembered.ttl_ms = answer.ttl_ms;
  remembered.granted_calendar_ms = answer.granted_calendar_ms;
  remembered.seat_handles.assign(answer.seat_handles.begin(),
                                 answer.seat_handles.end());
  ToRecord(remembered, tables_.requests.next_sequence(), &answer_record_);
  changes->push_back(PutRecord(answer_record_));
  QUORATE_CHECK(tables_.requests.Add(std::move(remembered)));
}

std::optional<int64_t> Ledger::State::NextDueClusterMs() const {
  std::optional<int64_t> due = tables_.sessions.FirstLeaseEndMs();
  if (!tables_.requests.empty()) {
    // Forgotten when the memory is over, which is a moment later.
    const int64_t forget_ms = AddMs(
        tables_.requests.oldest().answered_cluster_ms, kAnswerMemoryMs + 1);
    due = std::min(due.value_or(forget_ms), forget_ms);
  }
  if (const auto place_ms = tables_.queue.FirstDueMs()) {
    due = std::min(due.value_or(*place_ms), *place_ms);
  }
  if (const auto* const first = tables_.terminations.FirstToForget();
      first != nullptr &&
      tables_.sessions.Find(first->session_id()) == nullptr) {
    due = std::min(due.value_or(first->forget_cluster_ms()),
                   first->forget_cluster_ms());
  }
  for (const auto& [feature, calls] : tables_.seats.calls()) {
    if (tables_.retirement.has_value()) break;
    const int64_t call_ms = calls.begin()->first;
    due = std::min(due.value_or(call_ms), call_ms);
  }
  if (!tables_.queue.unserved().empty() && !tables_.retirement.has_value()) {
    due = std::min(due.value_or(tables_.counters.cluster_ms),
                   tables_.counters.cluster_ms);
  }
  return due;
}

Ledger::Ledger(absl::string_view cluster_id, uint32_t cluster_epoch)
    : Ledger(cluster_id, cluster_epoch, LedgerLimits{}) {}

Ledger::Ledger(absl::string_view cluster_id, uint32_t cluster_epoch,
               const LedgerLimits& limits)
    : state_(std::make_unique<State>(cluster_id, cluster_epoch, limits)) {}

Ledger::~Ledger() = default;

absl::Status Ledger::RestoreRecord(absl::string_view key,
                                   absl::string_view value) {
  return state_->RestoreRecord(key, value);
}

absl::Status Ledger::FinishRestore() {
  return state_->FinishRestore();
}

LedgerAnswer Ledger::Apply(const Command& command, const EntryTime& time,
                           std::vector<RecordChange>* changes) {
  return state_->Apply(command, time, changes);
}

void Ledger::ApplyTime(const EntryTime& time,
                       std::vector<RecordChange>* changes) {
  state_->ApplyTime(time, changes);
}

std::vector<RecordChange> Ledger::Dump() const {
  return state_->Dump();
}

absl::Status Ledger::CheckInvariants() const {
  return CheckTables(state_->tables());
}

}  // namespace quorate::licensing

#include "server/licensing_replica.h"

#include <algorithm>
#include <utility>

#include "quorate/internal/v1/command.pb.h"

#include "base/check.h"
#include "base/status.h"
#include "server/history/stored_record.h"

namespace quorate::server {

using type::v1::ErrorReason;

absl::StatusOr<LicensingReplica::Tables> LicensingReplica::RestoreTables(
    absl::string_view cluster_id, uint32_t cluster_epoch,
    const replication::StateReader& records) {
  Tables tables;
  tables.ledger =
      std::make_unique<licensing::Ledger>(cluster_id, cluster_epoch);
  QUORATE_ASSIGN_OR_RETURN(tables.history, history::History::Restore(records));
  QUORATE_RETURN_IF_ERROR(history::ForEachOther(
      records, [&](absl::string_view key, absl::string_view value) {
        if (licensing::JoinTokens::HasKey(key)) {
          return tables.join_tokens.RestoreRecord(key, value);
        }
        return licensing::AlertBook::HasKey(key)
                   ? tables.alerts.RestoreRecord(key, value)
                   : tables.ledger->RestoreRecord(key, value);
      }));
  QUORATE_RETURN_IF_ERROR(
      Annotate(tables.ledger->FinishRestore(), "restore the ledger"));
  return tables;
}

absl::StatusOr<std::unique_ptr<LicensingReplica>> LicensingReplica::Restore(
    absl::string_view cluster_id, uint32_t cluster_epoch,
    replication::StateStore* store) {
  std::unique_ptr<LicensingReplica> replica(new LicensingReplica(store));
  QUORATE_ASSIGN_OR_RETURN(const replication::AppliedPosition position,
                           store->ReadPosition());
  QUORATE_ASSIGN_OR_RETURN(Tables tables,
                           RestoreTables(cluster_id, cluster_epoch, *store));
  replica->Adopt(std::move(tables), position);
  return replica;
}

void LicensingReplica::Adopt(Tables tables,
                             const replication::AppliedPosition& position) {
  tables_ = std::move(tables);
  view_.ledger = tables_.ledger.get();
  view_.join_tokens = &tables_.join_tokens;
  view_.alerts = &tables_.alerts;
  view_.events = &events_;
  view_.records = store_;
  view_.applied = position.index;
  view_.term = position.term;
  Publish();
}

absl::Status LicensingReplica::Checkpoint(const std::string& directory) {
  return store_->Checkpoint(directory);
}

absl::Status LicensingReplica::Install(const std::string& directory) {
  replication::AppliedPosition position;
  Tables tables;
  QUORATE_RETURN_IF_ERROR(store_->Install(
      directory, [&](const replication::StateReader& records) -> absl::Status {
        QUORATE_ASSIGN_OR_RETURN(position, records.ReadPosition());
        auto restored = RestoreTables(tables_.ledger->cluster_id(),
                                      tables_.ledger->cluster_epoch(), records);
        // Sound, but not of this cluster: as bad as damaged for a member.
        if (absl::IsFailedPrecondition(restored.status())) {
          return absl::DataLossError(restored.status().message());
        }
        QUORATE_RETURN_IF_ERROR(restored.status());
        tables = *std::move(restored);
        return absl::OkStatus();
      }));
  Adopt(std::move(tables), position);
  return absl::OkStatus();
}

std::vector<std::unique_ptr<replication::Answer>> LicensingReplica::Apply(
    std::span<const raft::Entry> entries) {
  std::vector<std::unique_ptr<replication::Answer>> answers;
  answers.reserve(entries.size());
  for (const raft::Entry& entry : entries) {
    QUORATE_CHECK(entry.index == view_.applied.Next());
    const licensing::EntryTime time = {.cluster_ms = entry.stamp.cluster_ms,
                                       .calendar_ms = entry.stamp.calendar_ms};
    // What it reads has to be in the store: where a batch ends is each
    // member's own affair.
    if (&entry != &entries.front() && tables_.history->StepsAt(Latest(time))) {
      WriteBatch(*(&entry - 1));
    }
    if (entry.type == raft::EntryType::kCommand) {
      answers.push_back(ApplyCommand(entry, time));
    } else {
      tables_.ledger->ApplyTime(time, &changes_);
      answers.push_back(nullptr);
    }
    // By the ledger's time, which never goes back.
    tables_.join_tokens.MoveTime(tables_.ledger->time().cluster_ms, &changes_);
    KeepHistory();
    TakeChanges();
    const auto& events = tables_.ledger->events();
    news_.insert(news_.end(), events.begin(), events.end());
    view_.applied = entry.index;
    view_.term = entry.term;
  }
  if (entries.empty()) return answers;
  WriteBatch(entries.back());
  Publish();
  events_.Publish(news_);
  news_.clear();
  return answers;
}

licensing::EntryTime LicensingReplica::Latest(
    const licensing::EntryTime& time) const {
  const licensing::EntryTime now = tables_.ledger->time();
  return {.cluster_ms = std::max(now.cluster_ms, time.cluster_ms),
          .calendar_ms = std::max(now.calendar_ms, time.calendar_ms)};
}

void LicensingReplica::KeepHistory() {
  const absl::Status status = tables_.history->Apply(
      tables_.ledger->history(), tables_.ledger->time(), *store_, &changes_);
  if (!status.ok()) store_->Fail(status);
}

// Atomic with the position: everything up to `last`.
void LicensingReplica::WriteBatch(const raft::Entry& last) {
  std::vector<replication::RecordChange> writes;
  writes.reserve(batch_.size());
  while (!batch_.empty()) {
    auto node = batch_.extract(batch_.begin());
    writes.push_back(
        {.key = std::move(node.key()), .value = std::move(node.mapped())});
  }
  store_->Write(writes,
                {.index = last.index, .term = last.term, .stamp = last.stamp});
}

std::unique_ptr<replication::Answer> LicensingReplica::ApplyCommand(
    const raft::Entry& entry, const licensing::EntryTime& time) {
  internal::v1::Command command;
  if (entry.payload == nullptr || !command.ParseFromString(*entry.payload)) {
    tables_.ledger->ApplyTime(time, &changes_);
    licensing::LedgerAnswer refusal;
    refusal.reason = ErrorReason::ERROR_REASON_BAD_REQUEST;
    refusal.time = time;
    return std::make_unique<LicensingAnswer>(std::move(refusal));
  }
  if (licensing::JoinTokens::Takes(command)) {
    tables_.ledger->ApplyTime(time, &changes_);
    const licensing::EntryTime now = tables_.ledger->time();
    licensing::JoinTokenAnswer answer =
        tables_.join_tokens.Apply(command, now.cluster_ms, &changes_);
    answer.answer.time = now;
    return std::make_unique<LicensingAnswer>(std::move(answer));
  }
  if (licensing::AlertBook::Takes(command)) {
    tables_.ledger->ApplyTime(time, &changes_);
    const licensing::EntryTime now = tables_.ledger->time();
    licensing::LedgerAnswer answer =
        tables_.alerts.Apply(command, now, &changes_);
    answer.time = now;
    return std::make_unique<LicensingAnswer>(std::move(answer));
  }
  return std::make_unique<LicensingAnswer>(
      tables_.ledger->Apply(command, time, &changes_));
}

// A later change of a key takes the place of an earlier one: a session that
// was renewed in ten entries of a batch is written once.
void LicensingReplica::TakeChanges() {
  for (licensing::RecordChange& change : changes_) {
    batch_.insert_or_assign(std::move(change.key), std::move(change.value));
  }
  changes_.clear();
}

void LicensingReplica::Publish() {
  view_.access.Publish(tables_.ledger->accounts(),
                       tables_.ledger->account_changes());
  view_.waiting_alerts.store(tables_.alerts.waiting_count(),
                             std::memory_order_relaxed);
  view_.cluster_ms.store(tables_.ledger->time().cluster_ms,
                         std::memory_order_relaxed);
  view_.calendar_ms.store(tables_.ledger->time().calendar_ms,
                          std::memory_order_relaxed);
  view_.due_cluster_ms.store(
      std::min({tables_.ledger->NextDueClusterMs().value_or(kNeverMs),
                tables_.join_tokens.NextDueClusterMs().value_or(kNeverMs),
                tables_.history->NextDueClusterMs().value_or(kNeverMs)}),
      std::memory_order_relaxed);
  view_.due_calendar_ms.store(
      std::min(tables_.ledger->NextDueCalendarMs().value_or(kNeverMs),
               tables_.history->NextDueCalendarMs().value_or(kNeverMs)),
      std::memory_order_relaxed);
}

}  // namespace quorate::server

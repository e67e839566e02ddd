// Saving: the records of the whole ledger, and of its counters; and what is
// known to be saved after restoring.

#include "base/status.h"
#include "server/licensing/ledger_state.h"
#include "server/licensing/record_codec.h"

namespace quorate::licensing {

using internal::v1::AnswerRecord;
using internal::v1::LedgerRecord;

absl::Status Ledger::State::FinishRestore() {
  QUORATE_ASSIGN_OR_RETURN(written_, restore_.Finish());
  return absl::OkStatus();
}

void Ledger::State::WriteCounters(LedgerRecord* record) const {
  const Counters& counters = tables_.counters;
  record->set_cluster_id(tables_.cluster_id);
  record->set_cluster_epoch(tables_.cluster_epoch);
  record->set_next_session_id(counters.next_session_id);
  record->set_next_seat_handle(counters.next_seat_handle);
  record->set_next_answer_sequence(counters.next_answer_sequence);
  record->set_next_queue_place(counters.next_queue_place);
  record->set_cluster_ms(counters.cluster_ms);
  record->set_calendar_ms(counters.calendar_ms);
  record->set_account_changes(counters.account_changes);
  if (tables_.restoration.has_value()) {
    *record->mutable_restoration() = *tables_.restoration;
  }
  if (tables_.retirement.has_value()) {
    *record->mutable_retirement() = *tables_.retirement;
  }
}

std::vector<RecordChange> Ledger::State::Dump() const {
  // The families in the order of their first byte.
  std::vector<RecordChange> records;
  if (written_.has_value()) {
    LedgerRecord record;
    WriteCounters(&record);
    records.push_back(PutRecord(record));
  }
  for (const auto& [id, license] : tables_.licenses) {
    records.push_back(PutRecord(license));
  }
  for (const auto& [id, session] : tables_.sessions.by_id()) {
    records.push_back(PutRecord(session->record));
  }
  for (const auto& [handle, seat] : tables_.seats.by_handle()) {
    records.push_back(PutRecord(seat->record));
  }
  AnswerRecord record;
  uint64_t sequence = tables_.requests.first_sequence();
  for (const RememberedAnswer& answer : tables_.requests.answers()) {
    ToRecord(answer, sequence++, &record);
    records.push_back(PutRecord(record));
  }
  for (const auto& [number, place] : tables_.queue.by_number()) {
    records.push_back(PutRecord(place->record));
  }
  for (const auto& [feature, line] : tables_.queue.lines()) {
    records.push_back(PutRecord(line.record()));
  }
  for (const auto& [id, termination] : tables_.terminations.by_session()) {
    records.push_back(PutRecord(termination));
  }
  for (const auto& [version, policy_version] : tables_.policies.versions()) {
    records.push_back(PutRecord(policy_version));
  }
  for (const auto& [id, write_off] : tables_.write_offs.by_session()) {
    records.push_back(PutRecord(write_off));
  }
  DumpModels(&records);
  for (const auto& [name, account] : tables_.accounts.by_name()) {
    records.push_back(PutRecord(account));
  }
  return records;
}

}  // namespace quorate::licensing

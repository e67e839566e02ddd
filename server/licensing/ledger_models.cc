// What licence models keep beside seats: credits that are used up.

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "server/licensing/ledger_state.h"
#include "server/licensing/record_codec.h"

namespace quorate::licensing {

using internal::v1::CreditsRecord;
using internal::v1::SeatRecord;

namespace {

void UseUpOf(Pool* pool, uint64_t before, uint64_t units, Pools* pools) {
  if (pool == nullptr || pool->kind.counting != Counting::kCredits) return;
  // What is given back does not count; what is taken again does.
  if (units > before) pools->UseCredits(pool, units - before);
}

}  // namespace

void Ledger::State::UseUp(const SeatRecord& before, const Seat& seat) {
  UseUpOf(seat.pool, before.count(), seat.record.count(), &tables_.pools);
  UseUpOf(seat.token_pool, before.token_units(), seat.record.token_units(),
          &tables_.pools);
}

void Ledger::State::WriteModels(Changes* changes) {
  for (const CreditsRecord& record : tables_.credits.TakeChanges()) {
    changes->push_back(PutRecord(record));
  }
}

absl::Status Ledger::State::RestoreModelRecord(absl::string_view key,
                                               absl::string_view value) {
  QUORATE_ASSIGN_OR_RETURN(CreditsRecord record,
                           ParseRecord<CreditsRecord>(key, value));
  restored_.credits.push_back(std::move(record));
  return absl::OkStatus();
}

absl::Status Ledger::State::RestoreModels() {
  for (const CreditsRecord& record : restored_.credits) {
    if (!tables_.credits.Restore(record)) {
      return absl::DataLossError(
          absl::StrCat("the credits used of ", record.feature(), " by licence ",
                       record.license_id(), " are there twice, or nothing"));
    }
  }
  return absl::OkStatus();
}

void Ledger::State::DumpModels(std::vector<RecordChange>* records) const {
  for (const CreditsRecord& record : tables_.credits.Records()) {
    records->push_back(PutRecord(record));
  }
}

}  // namespace quorate::licensing

#include "base/status.h"
#include "server/licensing/ledger_restore.h"
#include "server/licensing/record_codec.h"
#include "server/licensing/restoring.h"

namespace quorate::licensing {

using internal::v1::CasualUseRecord;
using internal::v1::CreditsRecord;
using internal::v1::NamedUserRecord;
using internal::v1::NameRecyclingRecord;
using internal::v1::TrialRecord;

absl::Status LedgerRestore::TakeModelRecord(absl::string_view key,
                                            absl::string_view value) {
  switch (key.size() > 1 ? static_cast<ModelFamily>(key[1]) : ModelFamily()) {
    case ModelFamily::kName:
      return ParseInto(key, value, &restored_.names);
    case ModelFamily::kNameRecycling:
      return ParseInto(key, value, &restored_.freed_names);
    case ModelFamily::kCasualUse:
      return ParseInto(key, value, &restored_.casual);
    case ModelFamily::kTrial:
      return ParseInto(key, value, &restored_.trials);
    default:
      return ParseInto(key, value, &restored_.credits);
  }
}

absl::Status LedgerRestore::RestoreModels() {
  ModelBooks& models = tables_.models;
  for (const CreditsRecord& record : restored_.credits) {
    if (!models.credits.Restore(record)) {
      return Contradiction("the credits used of ", record.feature(),
                           " by licence ", record.license_id(),
                           " are there twice, or nothing");
    }
  }
  for (const TrialRecord& record : restored_.trials) {
    if (!models.trials.Restore(record)) {
      return Contradiction("the trial of ", record.feature(), " by licence ",
                           record.license_id(), " began twice");
    }
  }
  for (const CasualUseRecord& record : restored_.casual) {
    if (record.used_ms() < 0 || record.month_end_ms() <= 0 ||
        record.since_ms() > record.month_end_ms() ||
        !models.casual.Restore(record)) {
      return Contradiction("the minutes of a user of pool ", record.pool(),
                           " are there twice, or out of range");
    }
  }
  for (const NamedUserRecord& record : restored_.names) {
    if (!models.names.Restore(record)) {
      return Contradiction("a user has two names of pool ", record.pool());
    }
  }
  for (const NameRecyclingRecord& record : restored_.freed_names) {
    if (!models.names.Restore(record)) {
      return Contradiction("when names of pool ", record.pool(),
                           " were freed is there twice, or out of order");
    }
  }
  return absl::OkStatus();
}

}  // namespace quorate::licensing

// Restoring: records become the tables of a ledger.
//
// They come from a disk, so that what they say is checked, never believed.

#ifndef QUORATE_SERVER_LICENSING_LEDGER_RESTORE_H_
#define QUORATE_SERVER_LICENSING_LEDGER_RESTORE_H_

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "quorate/internal/v1/policy.pb.h"
#include "quorate/internal/v1/record.pb.h"

#include "server/licensing/ledger_tables.h"

namespace quorate::licensing {

// Records that were taken and wait for Finish.
struct RestoredRecords {
  std::optional<internal::v1::LedgerRecord> ledger;
  std::vector<internal::v1::LicenseRecord> licenses;
  std::vector<internal::v1::SessionRecord> sessions;
  std::vector<internal::v1::SeatRecord> seats;
  std::vector<internal::v1::AnswerRecord> answers;
  std::vector<internal::v1::PolicyVersionRecord> policy_versions;
  std::vector<internal::v1::QueuePlaceRecord> places;
  std::vector<internal::v1::QueueLineRecord> lines;
  std::vector<internal::v1::TerminationRecord> terminations;
  std::vector<internal::v1::WriteOffRecord> write_offs;
  std::vector<internal::v1::CreditsRecord> credits;
  std::vector<internal::v1::NamedUserRecord> names;
  std::vector<internal::v1::NameRecyclingRecord> freed_names;
  std::vector<internal::v1::TrialRecord> trials;
  std::vector<internal::v1::CasualUseRecord> casual;
  std::vector<internal::v1::AccountRecord> accounts;
};

// Fills the tables of a new ledger, which outlive it. Records may come in any
// order. DATA_LOSS where they do not parse or contradict each other; the tables
// are of no use then.
//
// Thread-compatible.
class LedgerRestore {
 public:
  explicit LedgerRestore(Tables* tables) : tables_(*tables) {}

  absl::Status TakeRecord(absl::string_view key, absl::string_view value);

  // After the last record. Returns what stands in the ledger's own record;
  // nothing where there are no records. FAILED_PRECONDITION where they are of
  // another cluster or epoch.
  absl::StatusOr<std::optional<Counters>> Finish();

 private:
  absl::Status TakeQueueRecord(absl::string_view key, absl::string_view value);
  absl::Status CheckPlace(const internal::v1::QueuePlaceRecord& record) const;

  absl::Status RestoreLedger();
  absl::Status RestoreLicenses();
  absl::Status RestorePolicies();
  absl::Status RestoreSessions();
  absl::Status RestoreSeats();
  absl::Status RestoreAnswers();
  absl::Status RestoreQueue();
  absl::Status RestoreTerminations();
  absl::Status RestoreWriteOffs();

  // ledger_restore_models.cc
  absl::Status TakeModelRecord(absl::string_view key, absl::string_view value);
  absl::Status RestoreModels();

  Tables& tables_;
  RestoredRecords restored_;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_LEDGER_RESTORE_H_

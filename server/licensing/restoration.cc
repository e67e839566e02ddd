#include "server/licensing/restoration.h"

#include <algorithm>

#include "base/status.h"
#include "server/licensing/alert_book.h"
#include "server/licensing/join_tokens.h"
#include "server/licensing/record_codec.h"

namespace quorate::licensing {
namespace {

using internal::v1::LedgerRecord;

absl::StatusOr<std::optional<RecordChange>> RestoreLedgerFor(
    const RestoreTarget& target, absl::string_view key,
    absl::string_view value) {
  QUORATE_ASSIGN_OR_RETURN(LedgerRecord record,
                           ParseRecord<LedgerRecord>(key, value));
  if (record.has_retirement()) {
    return absl::FailedPreconditionError(
        "the backup is of a cluster that was retired for a restored one: back "
        "up and restore that one");
  }
  internal::v1::Restoration restoration;
  if (record.has_restoration()) {
    // One that waits knows nothing of the cluster before it, which may live; to
    // retire the one that waits would settle nothing.
    if (!record.restoration().released()) {
      return absl::FailedPreconditionError(
          "the backup is of a restored cluster that was not released: restore "
          "the backup that it was made from");
    }
    restoration.set_quiet_until_cluster_ms(
        record.restoration().quiet_until_cluster_ms());
  }
  restoration.set_old_epoch(record.cluster_epoch());
  restoration.set_restore_id(target.restore_id);
  for (const std::string& endpoint : target.old_clients) {
    restoration.add_old_clients(endpoint);
  }
  const uint64_t first = uint64_t{target.epoch} << kEpochShift;
  record.set_next_session_id(std::max(record.next_session_id(), first));
  record.set_next_seat_handle(std::max(record.next_seat_handle(), first));
  restoration.set_first_session_id(record.next_session_id());
  record.set_cluster_epoch(target.epoch);
  *record.mutable_restoration() = restoration;
  return PutRecord(record);
}

}  // namespace

absl::StatusOr<std::optional<RecordChange>> RestoreRecordFor(
    const RestoreTarget& target, absl::string_view key,
    absl::string_view value) {
  if (JoinTokens::HasKey(key)) return EraseRecord(std::string(key));
  // People are told of the same things; what was mailed is mailed.
  if (AlertBook::HasKey(key)) return std::nullopt;
  QUORATE_ASSIGN_OR_RETURN(const RecordFamily family, FamilyOf(key));
  switch (family) {
    case RecordFamily::kLedger:
      return RestoreLedgerFor(target, key, value);
    case RecordFamily::kAnswer:
    // Nobody of the old cluster gets a seat here.
    case RecordFamily::kQueue:
      return EraseRecord(std::string(key));
    case RecordFamily::kLicense:
    case RecordFamily::kSession:
    case RecordFamily::kSeat:
    case RecordFamily::kPolicyVersion:
    case RecordFamily::kBorrow:
    case RecordFamily::kModel:
    case RecordFamily::kAccount:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace quorate::licensing

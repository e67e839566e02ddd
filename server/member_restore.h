// `quorated restore`: a member of a new cluster out of a backup.

#ifndef QUORATE_SERVER_MEMBER_RESTORE_H_
#define QUORATE_SERVER_MEMBER_RESTORE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

#include "server/config.h"
#include "trust/license_verifier.h"

namespace quorate::server {

// What was restored, for people.
struct RestoredMember {
  uint32_t old_epoch = 0;
  uint64_t index = 0;
  size_t sessions = 0;
  size_t seats = 0;

  // The calendar of the backup, and the longest borrow that its licences allow;
  // 0 where they allow none.
  int64_t backup_calendar_ms = 0;
  int64_t longest_borrow_ms = 0;
};

// What a person has to know of the borrows that the backup does not: sentences
// with a newline, or nothing where nothing can be borrowed.
std::string UnknownBorrowsNotice(const RestoredMember& restored);

// Makes the data directory of one member of the restored cluster. The others'
// are made from the same file and the same [cluster] section, on their own
// machines, and begin with the same state. All of it is durable, or nothing is
// there. docs/adr/0007-restore.md says why the cluster is on hold then.
//
// Errors, with what to do: ALREADY_EXISTS where the directory is not empty;
// INVALID_ARGUMENT where the file is no backup, is another cluster's, or epoch
// and ids in the configuration are not new; DATA_LOSS where the backup is
// damaged, or a licence in it is not as the vendor signed it: a backup can be
// edited; FAILED_PRECONDITION where a later version made it, or it is of a
// cluster that was retired, or on hold itself; UNAVAILABLE or
// RESOURCE_EXHAUSTED where the disk fails.
absl::StatusOr<RestoredMember> RestoreMember(
    const Config& config, const trust::LicenseVerifier& verifier,
    const std::string& backup);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_MEMBER_RESTORE_H_

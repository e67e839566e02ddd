// A member's data directory: the log, the records, and the ledger over them.

#ifndef QUORATE_SERVER_MEMBER_STORES_H_
#define QUORATE_SERVER_MEMBER_STORES_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "replication/snapshot_files.h"
#include "replication/state_store.h"
#include "replication/storage/log_store.h"
#include "replication/storage/witness_book.h"
#include "server/config.h"
#include "server/licensing_replica.h"

namespace quorate::server {

// In the order of construction; the replica writes to the store before it.
struct MemberStores {
  std::unique_ptr<replication::LogStore> log;
  std::unique_ptr<replication::StateStore> state;
  std::unique_ptr<LicensingReplica> replica;
  std::unique_ptr<replication::SnapshotFiles> snapshots;
  std::unique_ptr<replication::WitnessBook> witnesses;
  uint64_t start = 0;  // Which start of the directory this is.
};

// The members that the file names, all of them voters.
raft::Configuration InitialConfiguration(const Config& config);

// Makes the data directory of a member of a new cluster. ALREADY_EXISTS as
// CheckIsFree says: data is never overwritten. UNAVAILABLE or
// RESOURCE_EXHAUSTED where the disk fails.
absl::Status InitMember(const Config& config);

// Makes the data directory of member `id`, which the cluster has just let in;
// `members` are as it told. Errors as InitMember.
absl::Status MakeJoiningMember(const Config& config, raft::MemberId id,
                               const raft::Configuration& members);

// Whose data directory it is. Errors as OpenMember.
absl::StatusOr<raft::MemberId> MemberIdIn(const Config& config);

// Opens the data directory: both databases, then the ledger from its records.
// The message says what to do. Errors: NOT_FOUND where `init` was not run;
// FAILED_PRECONDITION where it is another member's, cluster's or version's;
// DATA_LOSS where it is damaged; UNAVAILABLE where it cannot be read now;
// RESOURCE_EXHAUSTED where the disk is full.
absl::StatusOr<MemberStores> OpenMember(const Config& config);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_MEMBER_STORES_H_

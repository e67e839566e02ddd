// The first entry of every log.

#ifndef QUORATE_REPLICATION_STORAGE_BOOTSTRAP_H_
#define QUORATE_REPLICATION_STORAGE_BOOTSTRAP_H_

#include "absl/status/status.h"

#include "replication/raft/types.h"
#include "replication/storage/log_store.h"

namespace quorate::replication {

inline constexpr uint32_t kFormatVersion = 1;

// Every member of a new cluster writes the same entry 1 of term 1: who the
// members are. Since all have it from the start it counts as committed, and an
// election needs no other source for the membership.
raft::Entry BootstrapEntry(const raft::Configuration& configuration);

// {term 1, no vote, commit 1}.
raft::HardState BootstrapHardState();

// INVALID_ARGUMENT where the identity is malformed or no member of the
// configuration, or the configuration does not keep the rules of its type.
absl::Status CheckBootstrap(const MemberIdentity& identity,
                            const raft::Configuration& configuration);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_BOOTSTRAP_H_

// A machine that lost its data comes back.

#ifndef QUORATE_SERVER_JOIN_REJOINER_H_
#define QUORATE_SERVER_JOIN_REJOINER_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "replication/raft/types.h"
#include "server/config.h"
#include "server/member_files.h"

namespace quorate::server {

struct RejoinOptions {
  bool quarantine = false;  // Put aside what is in the data directory.
  absl::Duration timeout = absl::Seconds(60);
};

// Draws a new id, has the leader put it in the place of the old one, and makes
// the data directory. Asks the members that the configuration names, and the
// one they say leads. Blocks. Returns the new id.
// Errors as JoinCluster; ALREADY_EXISTS as CheckIsFree (member_folder.h).
absl::StatusOr<raft::MemberId> RejoinCluster(const Config& config,
                                             const MemberFiles& files,
                                             const RejoinOptions& options,
                                             const Clock& clock);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_JOIN_REJOINER_H_

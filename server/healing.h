// A member whose data is damaged puts it aside and comes back by itself.

#ifndef QUORATE_SERVER_HEALING_H_
#define QUORATE_SERVER_HEALING_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "server/config.h"
#include "server/member_files.h"

namespace quorate::server {

// Data that was put aside this often in this time points at a machine that
// spoils whatever it is given: a person is to look at it.
inline constexpr int kMostQuarantines = 3;
inline constexpr absl::Duration kQuarantineSpan = absl::Minutes(10);

// True where `status`, of opening the data or of starting on it, says that the
// data is not to be used: it is damaged, or it is gone since an earlier healing
// was interrupted.
bool NeedsHealing(const Config& config, const absl::Status& status);

// Waits for `time`; false where the process is to end.
using HealingPause = std::function<bool(absl::Duration time)>;

// Asks the cluster for a new id in this member's place, moves the data aside
// and makes an empty member that catches up before it votes (RejoinCluster).
// The leader lets in nobody whose absence would cost the quorum, so two members
// are never healed at once: who is refused for now asks again and again, less
// and less often. `why` goes into the log. Blocks.
//
// Errors: CANCELLED where `pause` says so; DATA_LOSS where a person has to act:
// healing is turned off, there was too much of it, nobody else has the data, or
// the cluster does not know this member any more.
absl::Status HealMember(const Config& config, const MemberFiles& files,
                        const absl::Status& why, const Clock& clock,
                        const HealingPause& pause);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_HEALING_H_

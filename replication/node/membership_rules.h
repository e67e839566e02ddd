// Which changes of the members a leader takes.
//
// The core keeps what consensus needs (one change at a time, somebody votes);
// these rules keep people from what they would regret: a name given twice, a
// voter that has nothing yet, a cluster that stops with the change.

#ifndef QUORATE_REPLICATION_NODE_MEMBERSHIP_RULES_H_
#define QUORATE_REPLICATION_NODE_MEMBERSHIP_RULES_H_

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

#include "replication/raft/raft.h"
#include "replication/raft/types.h"

namespace quorate::replication {

// Five voters are the most that help (each more makes every change slower and
// nothing safer), and two machines may be on their way in.
inline constexpr size_t kMaxClusterMembers = 7;

// A learner is taken for caught up when it lacks at most so many committed
// entries: on a busy cluster a member is always a little behind.
inline constexpr uint64_t kCaughtUpEntries = 4096;

// What the leader knows when it judges.
struct MembershipView {
  const raft::Configuration& current;
  raft::MemberId leader;
  raft::Index commit;

  // True where the member was heard of lately; the leader itself counts.
  absl::FunctionRef<bool(raft::MemberId)> answers;

  // How far its log is known to agree.
  absl::FunctionRef<raft::Index(raft::MemberId)> match;
};

// True where nothing of the change is left to do. A request that is repeated,
// because nobody knows how it ended, must not be an error. An added learner
// that has become a voter meanwhile counts as done.
bool IsDone(const raft::Configuration& current,
            const raft::ConfigurationChange& change);

// OK, or why this change cannot be made, in words for an administrator:
// INVALID_ARGUMENT where the request itself is wrong (an address is missing, a
// name or an endpoint is another member's, too many members),
// FAILED_PRECONDITION where it is so at the moment (behind, unreachable).
absl::Status CheckChange(const MembershipView& view,
                         const raft::ConfigurationChange& change);

// OK where `to` can take leadership over; kNobody always can.
absl::Status CheckTransfer(const MembershipView& view, raft::MemberId to);

// The voter that has acknowledged most of those that answer and of which
// `has_room` is true; not the leader, and kNobody where there is none.
raft::MemberId SuccessorWithRoom(
    const MembershipView& view,
    absl::FunctionRef<bool(raft::MemberId)> has_room);

// A learner that is to be made a voter by the leader itself, and can be now;
// kNobody where there is none.
raft::MemberId LearnerToPromote(const MembershipView& view);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_MEMBERSHIP_RULES_H_

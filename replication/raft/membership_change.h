// What a change makes of a membership: one step, into a joint configuration,
// out of it.
//
// Pure functions; the rules are those of the thesis, chapter 4: without a joint
// configuration at most one voter changes at a time, since only then do all
// majorities of before and after meet (§4.1). A joint configuration (§4.3)
// needs a majority of each half and may change any number.

#ifndef QUORATE_REPLICATION_RAFT_MEMBERSHIP_CHANGE_H_
#define QUORATE_REPLICATION_RAFT_MEMBERSHIP_CHANGE_H_

#include "absl/status/statusor.h"
#include "absl/types/span.h"

#include "replication/raft/raft.h"
#include "replication/raft/types.h"

namespace quorate::raft {

// The three functions below take a membership that is valid
// (ValidateMembership) or empty, which is what a cluster is before its first
// voter; anything else is INVALID_ARGUMENT. They give back a valid one.
//
// Changes are taken in order and each makes a state rather than a step: to
// remove a member that is none, or to add a voter that votes, does nothing.
// Changes of kNobody and updates (an address is no part of a membership) do
// nothing. A voter of the outgoing half that is made a learner stands in
// `learners_next` until the joint configuration is left.

// `changes` in one entry.
// Errors: FAILED_PRECONDITION where the membership is joint; INVALID_ARGUMENT
// where no voter would be left; OUT_OF_RANGE where more than one voter changes,
// which EnterJoint can do.
absl::StatusOr<Membership> ApplySimple(const Membership& membership,
                                       absl::Span<const MemberChange> changes);

// `changes` to the incoming half; who voted until now is the outgoing one.
// Errors: FAILED_PRECONDITION where the membership is joint already or has no
// voter; INVALID_ARGUMENT where no voter would be left.
absl::StatusOr<Membership> EnterJoint(const Membership& membership,
                                      absl::Span<const MemberChange> changes,
                                      bool auto_leave);

// The incoming half alone. Outgoing voters that are not in it are no members
// any more but where they stand in `learners_next`.
// Errors: FAILED_PRECONDITION where the membership is not joint.
absl::StatusOr<Membership> LeaveJoint(const Membership& membership);

// What `changes` make of `membership`, no rule checked: for who looks at single
// steps of what the functions above do at once.
Membership AfterChanges(Membership membership,
                        absl::Span<const MemberChange> changes);

}  // namespace quorate::raft

#endif  // QUORATE_REPLICATION_RAFT_MEMBERSHIP_CHANGE_H_

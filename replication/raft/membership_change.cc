#include "replication/raft/membership_change.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/status/status.h"

#include "base/status.h"
#include "replication/raft/membership.h"

namespace quorate::raft {

namespace {

using Ids = std::vector<MemberId>;

bool Contains(const Ids& sorted, MemberId id) {
  return std::binary_search(sorted.begin(), sorted.end(), id);
}

void Add(Ids& sorted, MemberId id) {
  const auto place = std::lower_bound(sorted.begin(), sorted.end(), id);
  if (place == sorted.end() || *place != id) sorted.insert(place, id);
}

void Drop(Ids& sorted, MemberId id) {
  const auto place = std::lower_bound(sorted.begin(), sorted.end(), id);
  if (place != sorted.end() && *place == id) sorted.erase(place);
}

// Takes `id` out of all but the outgoing half, which no change touches.
void Strike(Membership& membership, MemberId id) {
  Drop(membership.voters, id);
  Drop(membership.learners, id);
  Drop(membership.learners_next, id);
}

void ApplyOne(Membership& membership, const MemberChange& change) {
  if (change.id == kNobody) return;
  switch (change.kind) {
    case MemberChange::Kind::kAddVoter:
      Strike(membership, change.id);
      Add(membership.voters, change.id);
      return;
    case MemberChange::Kind::kAddLearner:
      Strike(membership, change.id);
      // Nobody is voter and learner at once, so that an answer counts once.
      Add(Contains(membership.voters_outgoing, change.id)
              ? membership.learners_next
              : membership.learners,
          change.id);
      return;
    case MemberChange::Kind::kRemove:
      Strike(membership, change.id);
      return;
    case MemberChange::Kind::kUpdate:
      return;
  }
}

size_t CountDifferences(const Ids& a, const Ids& b) {
  Ids different;
  std::set_symmetric_difference(a.begin(), a.end(), b.begin(), b.end(),
                                std::back_inserter(different));
  return different.size();
}

bool IsJoint(const Membership& membership) {
  return !membership.voters_outgoing.empty();
}

absl::Status ValidateOrEmpty(const Membership& membership) {
  if (membership == Membership()) return absl::OkStatus();
  return ValidateMembership(membership);
}

absl::StatusOr<Membership> Validated(Membership membership) {
  QUORATE_RETURN_IF_ERROR(ValidateMembership(membership));
  return membership;
}

}  // namespace

absl::StatusOr<Membership> ApplySimple(const Membership& membership,
                                       absl::Span<const MemberChange> changes) {
  QUORATE_RETURN_IF_ERROR(ValidateOrEmpty(membership));
  if (IsJoint(membership)) {
    return absl::FailedPreconditionError(
        "an earlier change of members has not ended");
  }
  QUORATE_ASSIGN_OR_RETURN(Membership changed,
                           Validated(AfterChanges(membership, changes)));
  if (CountDifferences(membership.voters, changed.voters) > 1) {
    return absl::OutOfRangeError(
        "more voters change than one entry may change");
  }
  return changed;
}

absl::StatusOr<Membership> EnterJoint(const Membership& membership,
                                      absl::Span<const MemberChange> changes,
                                      bool auto_leave) {
  QUORATE_RETURN_IF_ERROR(ValidateOrEmpty(membership));
  if (IsJoint(membership)) {
    return absl::FailedPreconditionError(
        "an earlier change of members has not ended");
  }
  if (membership.voters.empty()) {
    return absl::FailedPreconditionError(
        "the first voter comes without a joint configuration");
  }
  Membership joint = membership;
  joint.voters_outgoing = membership.voters;
  joint.auto_leave = auto_leave;
  return Validated(AfterChanges(std::move(joint), changes));
}

absl::StatusOr<Membership> LeaveJoint(const Membership& membership) {
  QUORATE_RETURN_IF_ERROR(ValidateOrEmpty(membership));
  if (!IsJoint(membership)) {
    return absl::FailedPreconditionError("no change of members is under way");
  }
  Membership left = membership;
  for (const MemberId id : left.learners_next)
    Add(left.learners, id);
  left.learners_next.clear();
  left.voters_outgoing.clear();
  left.auto_leave = false;
  return Validated(std::move(left));
}

Membership AfterChanges(Membership membership,
                        absl::Span<const MemberChange> changes) {
  for (const MemberChange& change : changes)
    ApplyOne(membership, change);
  return membership;
}

}  // namespace quorate::raft

#include "replication/raft/membership.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace quorate::raft {

namespace {

bool Contains(const std::vector<MemberId>& sorted, MemberId id) {
  return std::binary_search(sorted.begin(), sorted.end(), id);
}

bool SortedWithoutRepetition(const std::vector<MemberId>& ids) {
  return std::adjacent_find(ids.begin(), ids.end(),
                            std::greater_equal<MemberId>()) == ids.end();
}

// What only a joint membership has.
absl::Status ValidateJointPart(const Membership& membership) {
  for (const MemberId learner : membership.learners_next) {
    if (!Contains(membership.voters_outgoing, learner) ||
        Contains(membership.voters, learner)) {
      return absl::InvalidArgumentError(
          "a learner to come that is no outgoing voter");
    }
  }
  if (membership.auto_leave && membership.voters_outgoing.empty()) {
    return absl::InvalidArgumentError(
        "a membership that is to leave what it is not in");
  }
  return absl::OkStatus();
}

}  // namespace

bool IsVoter(const Membership& membership, MemberId id) {
  return Contains(membership.voters, id) ||
         Contains(membership.voters_outgoing, id);
}

bool IsMember(const Membership& membership, MemberId id) {
  return IsVoter(membership, id) || Contains(membership.learners, id);
}

const MemberAddress* FindAddress(const std::vector<MemberAddress>& addresses,
                                 MemberId id) {
  // A handful of members: a walk is the fastest search.
  const auto found = std::find_if(
      addresses.begin(), addresses.end(),
      [id](const MemberAddress& address) { return address.id == id; });
  return found == addresses.end() ? nullptr : &*found;
}

std::vector<MemberId> MembersExcept(const Membership& membership,
                                    MemberId except) {
  std::vector<MemberId> members;
  for (const auto* part : {&membership.voters, &membership.voters_outgoing,
                           &membership.learners}) {
    members.insert(members.end(), part->begin(), part->end());
  }
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
  members.erase(std::remove(members.begin(), members.end(), except),
                members.end());
  return members;
}

absl::Status ValidateMembership(const Membership& membership) {
  if (membership.voters.empty()) {
    return absl::InvalidArgumentError("a membership without voters");
  }
  for (const auto* part : {&membership.voters, &membership.voters_outgoing,
                           &membership.learners, &membership.learners_next}) {
    if (!SortedWithoutRepetition(*part)) {
      return absl::InvalidArgumentError("a member list that is not sorted");
    }
    if (Contains(*part, kNobody)) {
      return absl::InvalidArgumentError("a member without an id");
    }
  }
  for (const MemberId learner : membership.learners) {
    if (IsVoter(membership, learner)) {
      return absl::InvalidArgumentError("a member that is voter and learner");
    }
  }
  return ValidateJointPart(membership);
}

ConfigurationStack::ConfigurationStack(
    std::vector<RestoredState::AtIndex> restored)
    : stack_(std::move(restored)) {
  QUORATE_CHECK(!stack_.empty());
}

void ConfigurationStack::Append(
    Index index, std::shared_ptr<const Configuration> configuration) {
  QUORATE_CHECK(index > stack_.back().index);
  stack_.push_back({index, std::move(configuration)});
}

void ConfigurationStack::TruncateFrom(Index index) {
  while (stack_.size() > 1 && stack_.back().index >= index)
    stack_.pop_back();
}

void ConfigurationStack::Replace(
    Index index, std::shared_ptr<const Configuration> configuration) {
  stack_.clear();
  stack_.push_back({index, std::move(configuration)});
}

void ConfigurationStack::ForgetBefore(Index commit) {
  if (stack_.size() < 2 || stack_[1].index > commit) return;
  const auto first_after = std::find_if(
      stack_.begin(), stack_.end(),
      [commit](const auto& element) { return element.index > commit; });
  stack_.erase(stack_.begin(), first_after - 1);
}

}  // namespace quorate::raft

#include "tools/raft_script/membership_script.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "replication/raft/membership.h"
#include "replication/raft/membership_change.h"
#include "tools/raft_script/member_text.h"
#include "tools/raft_script/text_comparison.h"

namespace quorate::raft_script {

namespace {

using raft::MemberChange;
using raft::MemberId;
using raft::Membership;

// How the scripts name a refusal. Which one it is follows from the command, the
// code and what the membership was.
std::string RefusalText(absl::string_view command, const absl::Status& status,
                        const Membership& before) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return "removed all voters";
    case absl::StatusCode::kOutOfRange:
      return "more than one voter changed without entering joint config";
    case absl::StatusCode::kFailedPrecondition:
      if (command == "simple") {
        return "can't apply simple config change in joint config";
      }
      if (command == "leave-joint") return "can't leave a non-joint config";
      return before.voters.empty() ? "can't make a zero-voter config joint"
                                   : "config is already joint";
    default:
      return status.ToString();
  }
}

}  // namespace

absl::StatusOr<std::optional<Difference>> MembershipScript::Run(
    const Directive& directive) {
  const auto changes = ParseChanges(directive.input);
  if (!changes.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(directive.position, ": ", changes.status().message()));
  }
  std::string output;
  if (directive.command == "leave-joint" && !changes->empty()) {
    output = "this command takes no input";
  } else {
    absl::StatusOr<Membership> changed = Change(directive, *changes);
    if (changed.ok()) {
      Membership start = membership_;
      if (directive.command == "enter-joint") {
        start.voters_outgoing = start.voters;
      }
      Track(start, *changes);
      membership_ = *std::move(changed);
      Follow(membership_);
      output = Output();
    } else {
      output = RefusalText(directive.command, changed.status(), membership_);
    }
  }
  ++last_index_;
  return CompareText(directive, std::move(output));
}

absl::StatusOr<Membership> MembershipScript::Change(
    const Directive& directive, absl::Span<const MemberChange> changes) const {
  if (directive.command == "simple") {
    return raft::ApplySimple(membership_, changes);
  }
  if (directive.command == "leave-joint") return raft::LeaveJoint(membership_);
  return raft::EnterJoint(membership_, changes,
                          directive.Text("autoleave", "false") == "true");
}

// A member that is removed and added again in one command is a new one, so the
// steps are followed one by one.
void MembershipScript::Track(const Membership& start,
                             absl::Span<const MemberChange> changes) {
  Membership step = start;
  for (const MemberChange& change : changes) {
    step = raft::AfterChanges(std::move(step), {change});
    Follow(step);
  }
}

// Forgets who is no member, begins with who is new.
void MembershipScript::Follow(const Membership& membership) {
  std::map<MemberId, uint64_t> followed;
  const uint64_t next_of_new = std::max<uint64_t>(last_index_, 1);
  for (const MemberId id : raft::MembersExcept(membership, raft::kNobody)) {
    const auto known = next_.find(id);
    followed[id] = known == next_.end() ? next_of_new : known->second;
  }
  next_ = std::move(followed);
}

std::string MembershipScript::Output() const {
  std::string text = absl::StrCat(MembershipText(membership_), "\n");
  for (const auto& [id, next] : next_) {
    const auto& learners = membership_.learners;
    const bool learner =
        std::binary_search(learners.begin(), learners.end(), id);
    absl::StrAppend(&text, id.value(), ": StateProbe match=0 next=", next,
                    learner ? " learner" : "", "\n");
  }
  return text;
}

}  // namespace quorate::raft_script

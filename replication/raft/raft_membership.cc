// Changes of the membership: thesis, chapter 4. A configuration counts from its
// append; one is under way at a time; several voters change through a joint
// configuration, which the leader leaves by itself.

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/check.h"
#include "base/status.h"
#include "replication/raft/membership_change.h"
#include "replication/raft/raft_core.h"

namespace quorate::raft {

namespace {

absl::StatusOr<Membership> NextMembership(const Membership& current,
                                          const ConfigurationChange& change) {
  if (change.changes.empty()) {
    if (current.voters_outgoing.empty()) {
      return absl::InvalidArgumentError("a change that changes nothing");
    }
    return LeaveJoint(current);
  }
  if (!change.force_joint) {
    absl::StatusOr<Membership> simple = ApplySimple(current, change.changes);
    if (!absl::IsOutOfRange(simple.status())) return simple;
  }
  return EnterJoint(current, change.changes, change.auto_leave);
}

// The addresses of `next`: those that the change brings, else those that are
// known.
absl::StatusOr<std::vector<MemberAddress>> NextAddresses(
    const std::vector<MemberAddress>& known, const Membership& next,
    const ConfigurationChange& change) {
  for (const MemberAddress& address : change.addresses) {
    const bool named = std::any_of(
        change.changes.begin(), change.changes.end(),
        [&](const MemberChange& step) { return step.id == address.id; });
    if (!named || !IsMember(next, address.id)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "an address of ", address.id.value(), ", which is not changed"));
    }
  }
  std::vector<MemberAddress> addresses;
  for (const MemberId member : MembersExcept(next, kNobody)) {
    const MemberAddress* address = FindAddress(change.addresses, member);
    if (address == nullptr) address = FindAddress(known, member);
    if (address == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("no address of ", member.value()));
    }
    addresses.push_back(*address);
  }
  return addresses;
}

}  // namespace

absl::StatusOr<Index> Raft::Core::ProposeConfiguration(
    const ConfigurationChange& change, Stamp stamp) {
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) {
    return absl::FailedPreconditionError("this member is not the leader");
  }
  if (leader->transfer_to != kNobody) {
    return absl::UnavailableError("leadership is being handed over");
  }
  // Without an entry of this term a configuration of an earlier leader may
  // still come back, one whose majorities do not meet those of the next
  // (raft.md, pitfall 14).
  if (!committed_in_term_) {
    return absl::UnavailableError("nothing is committed in this term yet");
  }
  if (configurations_.index() > log_.commit()) {
    return absl::UnavailableError("an earlier change is not yet committed");
  }
  const Configuration& current = configurations_.current();
  if (!current.membership.voters_outgoing.empty() && !change.changes.empty()) {
    return absl::UnavailableError("an earlier change is not yet completed");
  }
  auto next = std::make_shared<Configuration>();
  QUORATE_ASSIGN_OR_RETURN(next->membership,
                           NextMembership(current.membership, change));
  QUORATE_ASSIGN_OR_RETURN(
      next->addresses,
      NextAddresses(current.addresses, next->membership, change));
  if (next->addresses.size() > kMaxMembers) {
    return absl::InvalidArgumentError("too many members");
  }
  AppendConfiguration(*leader, std::move(next), stamp);
  return configurations_.index();
}

void Raft::Core::AppendConfiguration(
    Leader& leader, std::shared_ptr<const Configuration> configuration,
    Stamp stamp) {
  stamp = NotBefore(stamp, log_.last_stamp());
  configurations_.Append(log_.last_index().Next(), configuration);
  AppendOwn({.type = EntryType::kConfiguration,
             .stamp = stamp,
             .configuration = std::move(configuration)});
  UpdatePeers(leader);
  // With other voters other answers are enough.
  ConfirmReads(leader);
  MaybeCommit(leader);
}

// The leader speaks to the members of the configuration in force, and to no
// others.
void Raft::Core::UpdatePeers(Leader& leader) {
  const InflightLimits limits{.messages = options_.max_inflight_messages,
                              .bytes = options_.max_inflight_bytes};
  std::vector<Peer> peers;
  for (const MemberId member :
       MembersExcept(configurations_.membership(), options_.id)) {
    Peer* known = leader.Find(member);
    if (known != nullptr) {
      peers.push_back(std::move(*known));
      continue;
    }
    peers.push_back({member, Progress(log_.last_index().Next(), limits)});
    // It gets the time of a check to show itself.
    peers.back().progress.recently_active = true;
  }
  leader.peers = std::move(peers);
}

// Called when the leader has committed something. It may not lead afterwards.
void Raft::Core::FinishChange(Leader& leader) {
  if (configurations_.index() > log_.commit()) return;
  const Membership& membership = configurations_.membership();
  if (membership.auto_leave && leader.transfer_to == kNobody) {
    LeaveJointConfiguration(leader);
    return;
  }
  if (!IsVoter(membership, options_.id)) StepDownRemoved(leader);
}

// Thesis, §4.3. Also a configuration that an earlier leader has entered is
// left, once it is committed in this term (raft.md, pitfall 16).
void Raft::Core::LeaveJointConfiguration(Leader& leader) {
  const Configuration& current = configurations_.current();
  absl::StatusOr<Membership> next = LeaveJoint(current.membership);
  QUORATE_CHECK_OK(next.status());
  auto configuration = std::make_shared<Configuration>();
  configuration->membership = *std::move(next);
  for (const MemberId member :
       MembersExcept(configuration->membership, kNobody)) {
    const MemberAddress* address = FindAddress(current.addresses, member);
    // Others' entries need not be as ours; a member without an address is one
    // that cannot be reached.
    configuration->addresses.push_back(
        address == nullptr ? MemberAddress{.id = member} : *address);
  }
  AppendConfiguration(leader, std::move(configuration), log_.last_stamp());
}

// Thesis, §4.2.2: a leader that is not among the voters goes on until that is
// committed. Then the one who has most of its log may follow it at once.
void Raft::Core::StepDownRemoved(Leader& leader) {
  for (Peer& peer : leader.peers)
    SendAppends(peer);
  const MemberId heir = MostCaughtUp(leader);
  if (heir != kNobody) Send(heir, term_, TimeoutNow{});
  BecomeFollower(term_, kNobody);
}

}  // namespace quorate::raft

#include "replication/node/membership_rules.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "replication/raft/membership.h"

namespace quorate::replication {
namespace {

using raft::Configuration;
using raft::ConfigurationChange;
using raft::MemberAddress;
using raft::MemberChange;
using raft::MemberId;
using raft::Membership;
using Kind = raft::MemberChange::Kind;

bool StandsIn(const std::vector<MemberId>& sorted, MemberId id) {
  return std::binary_search(sorted.begin(), sorted.end(), id);
}

// The members as the change leaves them.
struct Outcome {
  std::set<MemberId> voters;
  std::map<MemberId, MemberAddress> addresses;
};

Outcome OutcomeOf(const Configuration& current,
                  const ConfigurationChange& change) {
  Outcome outcome;
  outcome.voters.insert(current.membership.voters.begin(),
                        current.membership.voters.end());
  for (const MemberAddress& address : current.addresses) {
    outcome.addresses.emplace(address.id, address);
  }
  for (const MemberChange& step : change.changes) {
    if (step.kind == Kind::kRemove) {
      outcome.voters.erase(step.id);
      outcome.addresses.erase(step.id);
      continue;
    }
    if (step.kind == Kind::kAddVoter) outcome.voters.insert(step.id);
    const MemberAddress* address = raft::FindAddress(change.addresses, step.id);
    if (address != nullptr) outcome.addresses[step.id] = *address;
  }
  return outcome;
}

std::string NameOf(const Outcome& outcome, MemberId id) {
  const auto it = outcome.addresses.find(id);
  return it == outcome.addresses.end() ? absl::StrCat(id.value())
                                       : it->second.name;
}

absl::Status CheckShape(const Configuration& current,
                        const ConfigurationChange& change) {
  std::set<MemberId> named;
  for (const MemberChange& step : change.changes) {
    if (step.id == raft::kNobody) {
      return absl::InvalidArgumentError("a change names no member");
    }
    if (!named.insert(step.id).second) {
      return absl::InvalidArgumentError("a change names a member twice");
    }
    const bool adds = step.kind != Kind::kRemove;
    if (adds && !raft::IsMember(current.membership, step.id) &&
        raft::FindAddress(change.addresses, step.id) == nullptr) {
      return absl::InvalidArgumentError("a new member has no address");
    }
    if (step.kind == Kind::kUpdate &&
        !raft::IsMember(current.membership, step.id)) {
      return absl::FailedPreconditionError("it is not a member");
    }
    if (step.kind == Kind::kAddLearner &&
        StandsIn(current.membership.voters, step.id)) {
      return absl::FailedPreconditionError(
          "it votes, and a voter is not made a learner; remove it instead");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckAddresses(const Outcome& outcome) {
  if (outcome.addresses.size() > kMaxClusterMembers) {
    return absl::InvalidArgumentError(
        absl::StrCat("a cluster has at most ", kMaxClusterMembers, " members"));
  }
  std::map<std::string, std::string> taken;  // What it is, and whose.
  for (const auto& [id, address] : outcome.addresses) {
    const std::pair<const char*, const std::string&> parts[] = {
        {"name", address.name},
        {"peer endpoint", address.peer_endpoint},
        {"client endpoint", address.client_endpoint}};
    for (const auto& [what, value] : parts) {
      if (value.empty()) {
        return absl::InvalidArgumentError(
            absl::StrCat("a member has no ", what));
      }
      const auto [it, added] =
          taken.emplace(absl::StrCat(what, " ", value), address.name);
      if (!added) {
        return absl::InvalidArgumentError(absl::StrCat(
            "the ", it->first, " is that of the member ", it->second));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCaughtUp(const MembershipView& view, const Outcome& outcome,
                           MemberId id) {
  if (StandsIn(view.current.membership.voters, id)) return absl::OkStatus();
  if (!StandsIn(view.current.membership.learners, id)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the member ", NameOf(outcome, id),
                     " must be a learner before it can vote"));
  }
  if (!view.answers(id)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the member ", NameOf(outcome, id), " does not answer the leader"));
  }
  const raft::Index match = view.match(id);
  if (match.Plus(kCaughtUpEntries) < view.commit) {
    return absl::FailedPreconditionError(
        absl::StrCat("the member ", NameOf(outcome, id), " is still ",
                     view.commit.value() - match.value(), " entries behind"));
  }
  return absl::OkStatus();
}

// After the change the voters that answer must be a majority, or it would be
// the last change for a while (etcd's strict-reconfig-check).
absl::Status CheckQuorum(const MembershipView& view, const Outcome& outcome) {
  size_t answering = 0;
  std::string silent;
  for (const MemberId id : outcome.voters) {
    if (view.answers(id)) {
      ++answering;
    } else {
      absl::StrAppend(&silent, silent.empty() ? "" : ", ", NameOf(outcome, id));
    }
  }
  if (outcome.voters.empty()) {
    return absl::InvalidArgumentError("no voter would be left");
  }
  if (2 * answering > outcome.voters.size()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "it would leave ", outcome.voters.size(), " voters of which only ",
      answering, " answer; bring back ", silent, " first"));
}

}  // namespace

bool IsDone(const Configuration& current, const ConfigurationChange& change) {
  const Membership& membership = current.membership;
  return std::all_of(change.changes.begin(), change.changes.end(),
                     [&](const MemberChange& step) {
                       const MemberAddress* wanted =
                           raft::FindAddress(change.addresses, step.id);
                       const MemberAddress* there =
                           raft::FindAddress(current.addresses, step.id);
                       if (step.id == raft::kNobody) return false;
                       switch (step.kind) {
                         case Kind::kRemove:
                           return !raft::IsMember(membership, step.id);
                         case Kind::kAddVoter:
                           return StandsIn(membership.voters, step.id);
                         case Kind::kAddLearner:
                           return raft::IsMember(membership, step.id);
                         case Kind::kUpdate:
                           return wanted == nullptr ||
                                  (there != nullptr && *wanted == *there);
                       }
                       return false;
                     });
}

absl::Status CheckChange(const MembershipView& view,
                         const ConfigurationChange& change) {
  absl::Status status = CheckShape(view.current, change);
  if (!status.ok()) return status;
  const Outcome outcome = OutcomeOf(view.current, change);
  status = CheckAddresses(outcome);
  if (!status.ok()) return status;
  for (const MemberChange& step : change.changes) {
    if (step.kind != Kind::kAddVoter) continue;
    status = CheckCaughtUp(view, outcome, step.id);
    if (!status.ok()) return status;
  }
  return CheckQuorum(view, outcome);
}

absl::Status CheckTransfer(const MembershipView& view, MemberId to) {
  if (to == raft::kNobody) return absl::OkStatus();
  const MemberAddress* address = raft::FindAddress(view.current.addresses, to);
  if (address == nullptr) {
    return absl::FailedPreconditionError("it is not a member");
  }
  if (!StandsIn(view.current.membership.voters, to)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the member ", address->name, " is a learner; only a voter can lead"));
  }
  if (!view.answers(to)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the member ", address->name, " does not answer the leader"));
  }
  return absl::OkStatus();
}

MemberId SuccessorWithRoom(const MembershipView& view,
                           absl::FunctionRef<bool(MemberId)> has_room) {
  MemberId best = raft::kNobody;
  for (const MemberId id : view.current.membership.voters) {
    if (id == view.leader || !view.answers(id) || !has_room(id)) continue;
    if (best == raft::kNobody || view.match(best) < view.match(id)) best = id;
  }
  return best;
}

MemberId LearnerToPromote(const MembershipView& view) {
  for (const MemberId id : view.current.membership.learners) {
    const MemberAddress* address =
        raft::FindAddress(view.current.addresses, id);
    if (address == nullptr || !address->promote) continue;
    const ConfigurationChange change{
        .changes = {{.kind = Kind::kAddVoter, .id = id}}, .addresses = {}};
    if (CheckChange(view, change).ok()) return id;
  }
  return raft::kNobody;
}

}  // namespace quorate::replication

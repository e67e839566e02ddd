#include "server/join/admission.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "replication/node/membership_rules.h"
#include "replication/wire/entry_codec.h"
#include "server/rpc/member_fields.h"
#include "server/rpc/member_view.h"

namespace quorate::server {
namespace {

using raft::MemberAddress;
using raft::MemberChange;
using replication::NodeStatus;

bool Votes(const raft::Membership& membership, raft::MemberId id) {
  return std::binary_search(membership.voters.begin(), membership.voters.end(),
                            id);
}

Refusal Exists(const MemberAddress& other, absl::string_view shared) {
  return {.reason = type::v1::ERROR_REASON_MEMBER_EXISTS,
          .metadata = {{"member", other.name}, {"same", std::string(shared)}}};
}

std::optional<Refusal> CheckReplaced(const raft::Configuration& configuration,
                                     raft::MemberId self,
                                     const Newcomer& newcomer) {
  const std::string& name = newcomer.address.name;
  const MemberAddress* holder = FindMember(configuration, name);
  if (newcomer.replaces == raft::kNobody) {
    if (holder != nullptr) return Exists(*holder, "name");
    if (configuration.addresses.size() < replication::kMaxClusterMembers) {
      return std::nullopt;
    }
    return Refusal{
        .reason = type::v1::ERROR_REASON_LIMIT_REACHED,
        .metadata = {{"limit", "members"},
                     {"max", absl::StrCat(replication::kMaxClusterMembers)}}};
  }
  if (holder == nullptr) {
    return Refusal{.reason = type::v1::ERROR_REASON_MEMBER_NOT_FOUND,
                   .metadata = {{"member", name}}};
  }
  if (holder->id == self) {
    // It would be gone before it could answer.
    return Refusal{.reason = type::v1::ERROR_REASON_JOIN_NOT_SERVED,
                   .message = absl::StrCat(
                       name,
                       " does not let its own successor in; ask another "
                       "member (--from)")};
  }
  if (holder->id != newcomer.replaces) {
    Refusal refusal = Exists(*holder, "name");
    refusal.message = absl::StrCat(
        name, " is another machine by now (id ", holder->id.value(),
        "); if that one is to be replaced, make a new token");
    return refusal;
  }
  return std::nullopt;
}

}  // namespace

struct Admission::Step {
  Newcomer newcomer;
  absl::Duration deadline;
  Done done;
};

std::variant<Refusal, raft::ConfigurationChange> PlanAdmission(
    const NodeStatus& status, const Newcomer& newcomer) {
  const raft::Configuration& configuration = status.configuration;
  if (auto refusal = CheckReplaced(configuration, status.raft.id, newcomer)) {
    return *std::move(refusal);
  }
  MemberAddress added = newcomer.address;
  for (const MemberAddress& each : configuration.addresses) {
    if (each.id == added.id) return Exists(each, "id");
    if (each.id == newcomer.replaces) {
      // It is what the one before it was.
      added.promote = each.promote || Votes(configuration.membership, each.id);
      continue;
    }
    if (each.peer_endpoint == added.peer_endpoint) {
      return Exists(each, "peer endpoint");
    }
    if (each.client_endpoint == added.client_endpoint) {
      return Exists(each, "client endpoint");
    }
  }
  raft::ConfigurationChange change;
  if (newcomer.replaces != raft::kNobody) {
    change.changes.push_back({MemberChange::Kind::kRemove, newcomer.replaces});
  }
  change.changes.push_back({MemberChange::Kind::kAddLearner, added.id});
  change.addresses.push_back(std::move(added));
  return change;
}

absl::Duration Admission::Left(absl::Duration deadline) const {
  return deadline - deps_.clock->SinceBoot();
}

void Admission::Admit(const Newcomer& newcomer, absl::Duration timeout,
                      Done done) {
  Step step = {.newcomer = newcomer,
               .deadline = deps_.clock->SinceBoot() + timeout,
               .done = std::move(done)};
  deps_.node->Read(
      {}, timeout,
      [this, step = std::move(step)](replication::ReadOutcome outcome) {
        if (outcome != replication::ReadOutcome::kOk) {
          step.done(RefusalOf(outcome));
        } else {
          Change(step);
        }
      });
}

void Admission::Change(const Step& step) {
  const NodeStatus status = deps_.node->Status();
  const MemberAddress& address = step.newcomer.address;
  const MemberAddress* there = FindMember(status.configuration, address.id);
  if (there != nullptr && there->name == address.name) {
    Answer(step);
    return;
  }
  auto planned = PlanAdmission(status, step.newcomer);
  if (auto* refusal = std::get_if<Refusal>(&planned)) {
    step.done(std::move(*refusal));
    return;
  }
  deps_.node->ChangeMembers(
      std::get<raft::ConfigurationChange>(std::move(planned)),
      Left(step.deadline), [this, step](const absl::Status& changed) {
        if (!changed.ok()) {
          Refusal refusal = RefusalOfChange(
              changed, type::v1::ERROR_REASON_QUORUM_WOULD_BE_LOST);
          refusal.metadata.emplace_back("member", step.newcomer.address.name);
          step.done(std::move(refusal));
          return;
        }
        // What this member knows of itself may come a moment later.
        deps_.node->Read({}, Left(step.deadline),
                         [this, step](replication::ReadOutcome outcome) {
                           if (outcome != replication::ReadOutcome::kOk) {
                             step.done(RefusalOf(outcome));
                           } else {
                             Answer(step);
                           }
                         });
      });
}

void Admission::Answer(const Step& step) {
  const NodeStatus status = deps_.node->Status();
  if (FindMember(status.configuration, step.newcomer.address.id) == nullptr) {
    // Gone again, or not heard of yet: the same question gets the answer.
    step.done(Refusal{.reason = type::v1::ERROR_REASON_OUTCOME_UNKNOWN});
    return;
  }
  internal::v1::Admission admission;
  admission.set_cluster_id(member_.cluster_id);
  admission.set_cluster_epoch(member_.cluster_epoch);
  replication::EncodeConfiguration(status.configuration,
                                   admission.mutable_configuration());
  step.done(std::move(admission));
}

}  // namespace quorate::server

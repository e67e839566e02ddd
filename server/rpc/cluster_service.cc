#include "server/rpc/cluster_service.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "replication/node/membership_rules.h"
#include "server/rpc/list_call.h"
#include "server/rpc/member_fields.h"
#include "server/rpc/member_view.h"
#include "server/rpc/validation.h"

namespace quorate::server {
namespace {

using raft::MemberAddress;
using raft::MemberChange;
using replication::NodeStatus;

constexpr absl::string_view kMemberFields[] = {"name"};
constexpr ListShape kMembers = {
    .name = "members", .order = "name", .fields = kMemberFields};

bool Holds(const std::vector<raft::MemberId>& ids, raft::MemberId id) {
  return std::binary_search(ids.begin(), ids.end(), id);
}

admin::v1::MemberPart PartOf(const raft::Membership& membership,
                             const MemberAddress& member) {
  if (Holds(membership.voters, member.id)) return admin::v1::MEMBER_PART_VOTER;
  if (Holds(membership.voters_outgoing, member.id)) {
    return admin::v1::MEMBER_PART_LEAVING;
  }
  return member.promote ? admin::v1::MEMBER_PART_CATCHING_UP
                        : admin::v1::MEMBER_PART_LEARNER;
}

void DescribeMember(const NodeStatus& status, const MemberAddress& from,
                    admin::v1::Member* member) {
  member->set_name(from.name);
  member->set_member_id(absl::StrCat(from.id.value()));
  member->set_part(PartOf(status.configuration.membership, from));
  member->set_leader(from.id == status.raft.leader);
  member->set_client_endpoint(from.client_endpoint);
  member->set_peer_endpoint(from.peer_endpoint);
  const MemberContact contact = ContactOf(status, from.id);
  member->set_reachable(contact.reachable);
  if (contact.age.has_value()) {
    SetDuration(*contact.age, member->mutable_contact_age());
  }
  if (status.raft.role != raft::Role::kLeader) return;
  const raft::Index match = MatchOf(status, from.id);
  member->set_match_index(match.value());
  member->set_entries_behind(std::max(status.raft.last_index, match).value() -
                             match.value());
  for (const raft::PeerProgress& peer : status.raft.peers) {
    if (peer.id == from.id) member->set_receives_snapshot(peer.needs_snapshot);
  }
}

// Describes the member of this name where there is one: a later change may
// have taken it out again.
void DescribeNamed(const NodeStatus& status, absl::string_view name,
                   admin::v1::Member* member) {
  const MemberAddress* found = FindMember(status.configuration, name);
  if (found != nullptr) DescribeMember(status, *found, member);
}

void WriteMembers(const NodeStatus& status, const ListPage& page,
                  const admin::v1::ListMembersRequest& request,
                  admin::v1::ListMembersResponse* response) {
  std::vector<const MemberAddress*> members;
  for (const MemberAddress& each : status.configuration.addresses) {
    if (each.name <= page.after_name) continue;
    if (!page.filter.field.empty() && each.name != page.filter.value) continue;
    members.push_back(&each);
  }
  std::sort(members.begin(), members.end(),
            [](const MemberAddress* a, const MemberAddress* b) {
              return a->name < b->name;
            });
  const size_t count = std::min(members.size(), static_cast<size_t>(page.size));
  for (size_t i = 0; i < count; ++i) {
    DescribeMember(status, *members[i], response->add_members());
  }
  if (count < members.size()) {
    response->set_next_page_token(
        TokenAfter(kMembers, request.filter(), members[count - 1]->name));
  }
}

void CheckName(absl::string_view name, absl::string_view field,
               FieldFaults* faults) {
  if (!IsMemberName(name)) {
    faults->Add(field, "must be 1 to 64 letters, digits, '.', '_' or '-'");
  }
}

void CheckEndpoint(absl::string_view endpoint, absl::string_view field,
                   FieldFaults* faults) {
  if (!IsEndpoint(endpoint)) faults->Add(field, "must be \"host:port\"");
}

raft::MemberId CheckMemberId(absl::string_view id, FieldFaults* faults) {
  const std::optional<raft::MemberId> parsed = ParseMemberId(id);
  if (!parsed.has_value()) {
    faults->Add("member_id", "must be a positive decimal number of 64 bits");
  }
  return parsed.value_or(raft::kNobody);
}

Refusal NoSuchMember(absl::string_view name) {
  return {.reason = type::v1::ERROR_REASON_MEMBER_NOT_FOUND,
          .metadata = {{"member", std::string(name)}}};
}

// What the two have in common that only one may have; empty: nothing.
absl::string_view SharedBy(const MemberAddress& a, const MemberAddress& b) {
  if (a.name == b.name) return "name";
  if (a.id == b.id) return "id";
  if (a.peer_endpoint == b.peer_endpoint) return "peer endpoint";
  if (a.client_endpoint == b.client_endpoint) return "client endpoint";
  return "";
}

bool SamePlace(const MemberAddress& a, const MemberAddress& b) {
  return a.id == b.id && a.name == b.name &&
         a.peer_endpoint == b.peer_endpoint &&
         a.client_endpoint == b.client_endpoint;
}

std::optional<Refusal> RefuseAddition(const NodeStatus& status,
                                      const MemberAddress& added) {
  for (const MemberAddress& each : status.configuration.addresses) {
    const absl::string_view shared = SharedBy(each, added);
    if (shared.empty()) continue;
    return Refusal{
        .reason = type::v1::ERROR_REASON_MEMBER_EXISTS,
        .metadata = {{"member", each.name}, {"same", std::string(shared)}}};
  }
  if (status.configuration.addresses.size() >=
      replication::kMaxClusterMembers) {
    return Refusal{
        .reason = type::v1::ERROR_REASON_LIMIT_REACHED,
        .metadata = {{"limit", "members"},
                     {"max", absl::StrCat(replication::kMaxClusterMembers)}}};
  }
  return std::nullopt;
}

}  // namespace

void ClusterService::Header(const NodeStatus& status,
                            type::v1::ResponseHeader* header) const {
  FillHeader(calls_->member(),
             {.term = status.raft.term,
              .index = status.applied,
              .calendar_ms = calls_->deps().view->calendar_ms.load(
                  std::memory_order_relaxed)},
             header);
}

grpc::ServerUnaryReactor* ClusterService::ListMembers(
    grpc::CallbackServerContext* context,
    const admin::v1::ListMembersRequest* request,
    admin::v1::ListMembersResponse* response) {
  return AnswerList(calls_, kMembers, context, request, response,
                    [node = calls_->deps().node](
                        const licensing::Ledger&, const ListPage& page,
                        const admin::v1::ListMembersRequest& asked,
                        admin::v1::ListMembersResponse* answer) {
                      WriteMembers(node->Status(), page, asked, answer);
                    });
}

grpc::ServerUnaryReactor* ClusterService::AddMember(
    grpc::CallbackServerContext* context,
    const admin::v1::AddMemberRequest* request,
    admin::v1::AddMemberResponse* response) {
  return calls_->Take(
      context, *request, [this, request, response](const UnaryCall& call) {
        FieldFaults faults;
        CheckRequestId(request->request_id(), &faults);
        CheckName(request->name(), "name", &faults);
        CheckEndpoint(request->peer_endpoint(), "peer_endpoint", &faults);
        CheckEndpoint(request->client_endpoint(), "client_endpoint", &faults);
        const MemberAddress added = {
            .id = CheckMemberId(request->member_id(), &faults),
            .name = request->name(),
            .peer_endpoint = request->peer_endpoint(),
            .client_endpoint = request->client_endpoint(),
            .promote = request->promote()};
        if (!faults.empty()) {
          calls_->Refuse(call, std::move(faults).ToRefusal());
          return;
        }
        Change(
            call,
            [added](const NodeStatus& status) -> Plan {
              const MemberAddress* same =
                  FindMember(status.configuration, added.id);
              if (same != nullptr && SamePlace(*same, added))
                return {.done = true};
              return {.refusal = RefuseAddition(status, added),
                      .change = {.changes = {{MemberChange::Kind::kAddLearner,
                                              added.id}},
                                 .addresses = {added}}};
            },
            type::v1::ERROR_REASON_MEMBER_EXISTS, added.name,
            [this, name = added.name, response](const NodeStatus& status) {
              Header(status, response->mutable_header());
              DescribeNamed(status, name, response->mutable_member());
            });
      });
}

grpc::ServerUnaryReactor* ClusterService::PromoteMember(
    grpc::CallbackServerContext* context,
    const admin::v1::PromoteMemberRequest* request,
    admin::v1::PromoteMemberResponse* response) {
  return calls_->Take(
      context, *request, [this, request, response](const UnaryCall& call) {
        FieldFaults faults;
        CheckRequestId(request->request_id(), &faults);
        CheckName(request->name(), "name", &faults);
        if (!faults.empty()) {
          calls_->Refuse(call, std::move(faults).ToRefusal());
          return;
        }
        Change(
            call,
            [name = request->name()](const NodeStatus& status) -> Plan {
              const MemberAddress* found =
                  FindMember(status.configuration, name);
              if (found == nullptr) return {.refusal = NoSuchMember(name)};
              if (Holds(status.configuration.membership.voters, found->id)) {
                return {.done = true};
              }
              return {.change = {.changes = {{MemberChange::Kind::kAddVoter,
                                              found->id}}}};
            },
            type::v1::ERROR_REASON_MEMBER_BEHIND, request->name(),
            [this, name = request->name(), response](const NodeStatus& status) {
              Header(status, response->mutable_header());
              DescribeNamed(status, name, response->mutable_member());
            });
      });
}

grpc::ServerUnaryReactor* ClusterService::RemoveMember(
    grpc::CallbackServerContext* context,
    const admin::v1::RemoveMemberRequest* request,
    admin::v1::RemoveMemberResponse* response) {
  return calls_->Take(
      context, *request, [this, request, response](const UnaryCall& call) {
        FieldFaults faults;
        CheckRequestId(request->request_id(), &faults);
        CheckName(request->name(), "name", &faults);
        raft::MemberId id = raft::kNobody;
        if (!request->member_id().empty()) {
          id = CheckMemberId(request->member_id(), &faults);
        }
        if (!faults.empty()) {
          calls_->Refuse(call, std::move(faults).ToRefusal());
          return;
        }
        Change(
            call,
            [name = request->name(), id](const NodeStatus& status) -> Plan {
              const MemberAddress* found =
                  FindMember(status.configuration, name);
              const bool named = id != raft::kNobody;
              if (found == nullptr && !named)
                return {.refusal = NoSuchMember(name)};
              if (found == nullptr || (named && found->id != id)) {
                return {.done = true};
              }
              return {.change = {.changes = {{MemberChange::Kind::kRemove,
                                              found->id}}}};
            },
            type::v1::ERROR_REASON_QUORUM_WOULD_BE_LOST, request->name(),
            [this, response](const NodeStatus& status) {
              Header(status, response->mutable_header());
            });
      });
}

grpc::ServerUnaryReactor* ClusterService::TransferLeadership(
    grpc::CallbackServerContext* context,
    const admin::v1::TransferLeadershipRequest* request,
    admin::v1::TransferLeadershipResponse* response) {
  return calls_->Take(
      context, *request, [this, request, response](const UnaryCall& call) {
        FieldFaults faults;
        CheckRequestId(request->request_id(), &faults);
        if (!request->to().empty()) CheckName(request->to(), "to", &faults);
        if (!faults.empty()) {
          calls_->Refuse(call, std::move(faults).ToRefusal());
          return;
        }
        calls_->CatchUp(
            call, [this, call, request, response](absl::Duration timeout) {
              Transfer(call, timeout, *request, response);
            });
      });
}

void ClusterService::Transfer(
    const UnaryCall& call, absl::Duration timeout,
    const admin::v1::TransferLeadershipRequest& request,
    admin::v1::TransferLeadershipResponse* response) {
  const auto fill = [this, call, response] {
    const NodeStatus status = calls_->deps().node->Status();
    Header(status, response->mutable_header());
    const MemberAddress* leader =
        FindMember(status.configuration, status.raft.leader);
    if (leader != nullptr) response->set_leader(leader->name);
    calls_->Succeed(call);
  };
  const NodeStatus status = calls_->deps().node->Status();
  raft::MemberId to = raft::kNobody;
  if (!request.to().empty()) {
    const MemberAddress* found = FindMember(status.configuration, request.to());
    if (found == nullptr) {
      calls_->Refuse(call, NoSuchMember(request.to()));
      return;
    }
    if (!Holds(status.configuration.membership.voters, found->id)) {
      FieldFaults faults;
      faults.Add("to", absl::StrCat(found->name,
                                    " has no vote yet; only a voter can lead"));
      calls_->Refuse(call, std::move(faults).ToRefusal());
      return;
    }
    to = found->id;
  }
  if (to != raft::kNobody && to == status.raft.leader) {
    fill();
    return;
  }
  calls_->deps().node->TransferLeadership(
      to, timeout, [this, call, fill](const absl::Status& done) {
        if (done.ok()) {
          fill();
        } else {
          calls_->Refuse(call, RefusalOfChange(
                                   done, type::v1::ERROR_REASON_MEMBER_BEHIND));
        }
      });
}

void ClusterService::Change(const UnaryCall& call, Planner planner,
                            type::v1::ErrorReason unmet,
                            absl::string_view member,
                            std::function<void(const NodeStatus&)> fill) {
  const auto finish = [this, call, unmet, member = std::string(member),
                       fill = std::move(fill)](const absl::Status& done) {
    if (done.ok()) {
      fill(calls_->deps().node->Status());
      calls_->Succeed(call);
      return;
    }
    Refusal refusal = RefusalOfChange(done, unmet);
    refusal.metadata.emplace_back("member", member);
    calls_->Refuse(call, std::move(refusal));
  };
  calls_->CatchUp(call, [this, call, planner = std::move(planner),
                         finish](absl::Duration timeout) {
    Plan plan = planner(calls_->deps().node->Status());
    if (plan.refusal.has_value()) {
      calls_->Refuse(call, *std::move(plan.refusal));
    } else if (plan.done) {
      finish(absl::OkStatus());
    } else {
      calls_->deps().node->ChangeMembers(std::move(plan.change), timeout,
                                         finish);
    }
  });
}

}  // namespace quorate::server

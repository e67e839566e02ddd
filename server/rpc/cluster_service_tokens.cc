// Join tokens are made here and kept as hashes in the log: the token itself is
// in the answer, and nowhere else.

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "replication/node/membership_rules.h"
#include "server/rpc/cluster_service.h"
#include "server/rpc/member_fields.h"
#include "server/rpc/member_view.h"
#include "server/rpc/validation.h"
#include "trust/keys.h"

namespace quorate::server {
namespace {

using raft::MemberAddress;
using replication::NodeStatus;

int64_t CheckTokenTtl(bool is_set, const google::protobuf::Duration& ttl,
                      FieldFaults* faults) {
  if (!is_set) return licensing::kDefaultJoinTokenTtlMs;
  // In seconds first, so that no number can overflow.
  if (ttl.seconds() < licensing::kMinJoinTokenTtlMs / 1000 ||
      ttl.seconds() > licensing::kMaxJoinTokenTtlMs / 1000) {
    faults->Add("ttl", "must be 1 minute to 24 hours");
    return 0;
  }
  return ttl.seconds() * 1000;
}

void CheckTokenName(absl::string_view name, FieldFaults* faults) {
  if (!IsMemberName(name)) {
    faults->Add("name", "must be 1 to 64 letters, digits, '.', '_' or '-'");
  }
}

}  // namespace

grpc::ServerUnaryReactor* ClusterService::CreateJoinToken(
    grpc::CallbackServerContext* context,
    const admin::v1::CreateJoinTokenRequest* request,
    admin::v1::CreateJoinTokenResponse* response) {
  return calls_->Take(
      context, *request, [this, request, response](const UnaryCall& call) {
        FieldFaults faults;
        CheckRequestId(request->request_id(), &faults);
        CheckTokenName(request->name(), &faults);
        internal::v1::CreateJoinToken wanted;
        wanted.set_name(request->name());
        wanted.set_ttl_ms(
            CheckTokenTtl(request->has_ttl(), request->ttl(), &faults));
        wanted.set_stay_learner(request->stay_learner());
        if (!faults.empty()) {
          calls_->Refuse(call, std::move(faults).ToRefusal());
          return;
        }
        MakeToken(
            call, request->request_id(), std::move(wanted),
            [name = request->name()](const NodeStatus& status)
                -> std::variant<Refusal, raft::MemberId> {
              const raft::Configuration& members = status.configuration;
              if (FindMember(members, name) != nullptr) {
                return Refusal{.reason = type::v1::ERROR_REASON_MEMBER_EXISTS,
                               .metadata = {{"member", name}, {"same", "name"}},
                               .message = absl::StrCat(
                                   name,
                                   " is a member; a machine takes its place by "
                                   "ReplaceMember")};
              }
              if (members.addresses.size() >= replication::kMaxClusterMembers) {
                return Refusal{
                    .reason = type::v1::ERROR_REASON_LIMIT_REACHED,
                    .metadata = {
                        {"limit", "members"},
                        {"max",
                         absl::StrCat(replication::kMaxClusterMembers)}}};
              }
              return raft::kNobody;
            },
            response);
      });
}

grpc::ServerUnaryReactor* ClusterService::ReplaceMember(
    grpc::CallbackServerContext* context,
    const admin::v1::ReplaceMemberRequest* request,
    admin::v1::ReplaceMemberResponse* response) {
  return calls_->Take(
      context, *request, [this, request, response](const UnaryCall& call) {
        FieldFaults faults;
        CheckRequestId(request->request_id(), &faults);
        CheckTokenName(request->name(), &faults);
        internal::v1::CreateJoinToken wanted;
        wanted.set_name(request->name());
        wanted.set_ttl_ms(
            CheckTokenTtl(request->has_ttl(), request->ttl(), &faults));
        if (!faults.empty()) {
          calls_->Refuse(call, std::move(faults).ToRefusal());
          return;
        }
        MakeToken(
            call, request->request_id(), std::move(wanted),
            [name = request->name()](const NodeStatus& status)
                -> std::variant<Refusal, raft::MemberId> {
              const MemberAddress* found =
                  FindMember(status.configuration, name);
              if (found == nullptr) {
                return Refusal{
                    .reason = type::v1::ERROR_REASON_MEMBER_NOT_FOUND,
                    .metadata = {{"member", name}}};
              }
              if (found->id == status.raft.id) {
                // It would be gone before it could answer.
                return Refusal{
                    .reason = type::v1::ERROR_REASON_JOIN_NOT_SERVED,
                    .message = absl::StrCat(
                        name,
                        " does not let its own successor in; another member "
                        "must be asked, one with a join port")};
              }
              return found->id;
            },
            response);
      });
}

template <typename Response>
void ClusterService::MakeToken(const UnaryCall& call,
                               const std::string& request_id,
                               internal::v1::CreateJoinToken wanted,
                               TokenPlanner planner, Response* response) {
  if (!join_.has_value()) {
    calls_->Refuse(call, {.reason = type::v1::ERROR_REASON_JOIN_NOT_SERVED});
    return;
  }
  calls_->CatchUp(call, [this, call, request_id, wanted = std::move(wanted),
                         planner = std::move(planner),
                         response](absl::Duration timeout) mutable {
    const auto planned = planner(calls_->deps().node->Status());
    if (const auto* refusal = std::get_if<Refusal>(&planned)) {
      calls_->Refuse(call, *refusal);
      return;
    }
    const raft::MemberId replaces = std::get<raft::MemberId>(planned);
    const JoinToken token = DrawJoinToken(*join_);
    internal::v1::Command command;
    internal::v1::CreateJoinToken* body = command.mutable_create_join_token();
    *body = wanted;
    body->set_token_id(token.id);
    body->set_secret_sha256(trust::Sha256(token.secret));
    body->set_replaces_id(replaces.value());
    UnaryCall rest = call;
    rest.timeout = timeout;
    calls_->Propose(
        rest, request_id, &command, response,
        [text = FormatJoinToken(token), replaces, wanted,
         response](const licensing::LedgerAnswer& /*answer*/) {
          admin::v1::JoinToken* made = response->mutable_join_token();
          made->set_token(text);
          made->set_name(wanted.name());
          SetDuration(absl::Milliseconds(wanted.ttl_ms()), made->mutable_ttl());
          if (replaces != raft::kNobody) {
            made->set_replaces_member_id(absl::StrCat(replaces.value()));
          }
        });
  });
}

}  // namespace quorate::server

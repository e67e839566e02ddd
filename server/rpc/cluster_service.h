// Who the members are: shown, and changed.

#ifndef QUORATE_SERVER_RPC_CLUSTER_SERVICE_H_
#define QUORATE_SERVER_RPC_CLUSTER_SERVICE_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "quorate/admin/v1/cluster.grpc.pb.h"

#include "replication/node/node.h"
#include "server/rpc/join_token.h"
#include "server/rpc/member_calls.h"

namespace quorate::server {

// See cluster.proto for what is promised. Whether a change may be made is the
// leader's to decide (Node::ChangeMembers); here names become ids, and what is
// done already is found. Thread-safe.
class ClusterService final : public admin::v1::ClusterService::CallbackService {
 public:
  // `calls` is not owned. `join` says where machines may join; without it this
  // member makes no join tokens.
  ClusterService(MemberCalls* calls, std::optional<JoinDescription> join)
      : calls_(calls), join_(std::move(join)) {}

  grpc::ServerUnaryReactor* ListMembers(
      grpc::CallbackServerContext* context,
      const admin::v1::ListMembersRequest* request,
      admin::v1::ListMembersResponse* response) override;

  grpc::ServerUnaryReactor* AddMember(
      grpc::CallbackServerContext* context,
      const admin::v1::AddMemberRequest* request,
      admin::v1::AddMemberResponse* response) override;

  grpc::ServerUnaryReactor* PromoteMember(
      grpc::CallbackServerContext* context,
      const admin::v1::PromoteMemberRequest* request,
      admin::v1::PromoteMemberResponse* response) override;

  grpc::ServerUnaryReactor* RemoveMember(
      grpc::CallbackServerContext* context,
      const admin::v1::RemoveMemberRequest* request,
      admin::v1::RemoveMemberResponse* response) override;

  grpc::ServerUnaryReactor* TransferLeadership(
      grpc::CallbackServerContext* context,
      const admin::v1::TransferLeadershipRequest* request,
      admin::v1::TransferLeadershipResponse* response) override;

  grpc::ServerUnaryReactor* CreateJoinToken(
      grpc::CallbackServerContext* context,
      const admin::v1::CreateJoinTokenRequest* request,
      admin::v1::CreateJoinTokenResponse* response) override;

  grpc::ServerUnaryReactor* ReplaceMember(
      grpc::CallbackServerContext* context,
      const admin::v1::ReplaceMemberRequest* request,
      admin::v1::ReplaceMemberResponse* response) override;

  grpc::ServerUnaryReactor* AcceptCalendar(
      grpc::CallbackServerContext* context,
      const admin::v1::AcceptCalendarRequest* request,
      admin::v1::AcceptCalendarResponse* response) override;

 private:
  // What a request comes to, given the members as they are.
  struct Plan {
    std::optional<Refusal> refusal;
    bool done = false;  // As things stand already.
    raft::ConfigurationChange change = {};
  };

  using Planner = std::function<Plan(const replication::NodeStatus& status)>;

  // Plans when this member is up to date, and has the change made. `unmet` is
  // why it is refused where the leader finds that it cannot be done now,
  // `member` whom it is about. `fill` writes the response.
  void Change(const UnaryCall& call, Planner planner,
              type::v1::ErrorReason unmet, absl::string_view member,
              std::function<void(const replication::NodeStatus&)> fill);

  void Transfer(const UnaryCall& call, absl::Duration timeout,
                const admin::v1::TransferLeadershipRequest& request,
                admin::v1::TransferLeadershipResponse* response);

  // Finds whom the machine would replace (kNobody: no one), or why there can be
  // no token.
  using TokenPlanner = std::function<std::variant<Refusal, raft::MemberId>(
      const replication::NodeStatus& status)>;

  template <typename Response>
  void MakeToken(const UnaryCall& call, const std::string& request_id,
                 internal::v1::CreateJoinToken wanted, TokenPlanner planner,
                 Response* response);

  void Show(const UnaryCall& call, admin::v1::AcceptCalendarResponse* response);

  void Header(const replication::NodeStatus& status,
              type::v1::ResponseHeader* header) const;

  MemberCalls* const calls_;
  const std::optional<JoinDescription> join_;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_CLUSTER_SERVICE_H_

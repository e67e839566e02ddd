#include "server/join/rejoin_service.h"

#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "grpc/grpc_security_constants.h"
#include "grpcpp/security/auth_context.h"

#include "base/log.h"
#include "replication/transport/peer_identity.h"
#include "server/rpc/member_fields.h"
#include "server/rpc/member_view.h"
#include "server/rpc/validation.h"

namespace quorate::server {
namespace {

constexpr absl::Duration kRejoinTimeout = absl::Seconds(10);

// The place that the certificate of the connection is good for.
std::optional<std::string> PlaceOf(const grpc::AuthContext* connection,
                                   const std::string& cluster_id) {
  if (connection == nullptr || !connection->IsPeerAuthenticated()) {
    return std::nullopt;
  }
  const std::vector<grpc::string_ref> uris =
      connection->FindPropertyValues(GRPC_PEER_URI_PROPERTY_NAME);
  if (uris.size() != 1) return std::nullopt;
  const absl::string_view uri(uris.front().data(), uris.front().size());
  const size_t slash = uri.rfind('/');
  const std::string name(uri.substr(slash + 1));
  if (!IsMemberName(name) || uri != replication::MemberUri(cluster_id, name)) {
    return std::nullopt;
  }
  return name;
}

std::optional<Refusal> CheckRejoin(const internal::v1::RejoinRequest& request) {
  FieldFaults faults;
  if (request.member_id() == 0) faults.Add("member_id", "is required");
  if (!IsEndpoint(request.peer_endpoint())) {
    faults.Add("peer_endpoint", "must be \"host:port\"");
  }
  if (!IsEndpoint(request.client_endpoint())) {
    faults.Add("client_endpoint", "must be \"host:port\"");
  }
  if (faults.empty()) return std::nullopt;
  return std::move(faults).ToRefusal();
}

}  // namespace

// One call. It may end before the node answers: the peer port does not wait for
// what the node still has to say when it shuts down.
class RejoinService::Call final
    : public grpc::ServerUnaryReactor,
      public std::enable_shared_from_this<RejoinService::Call> {
 public:
  Call(const internal::v1::RejoinRequest* request,
       internal::v1::RejoinResponse* response)
      : request_(*request), response_(response) {}

  // gRPC holds it until OnDone.
  void HoldSelf() { self_ = shared_from_this(); }

  // By value, since gRPC's own is gone after the end.
  const internal::v1::RejoinRequest& request() const { return request_; }

  void Refuse(const Refusal& refusal) {
    End(ToGrpcStatus(refusal), internal::v1::RejoinResponse());
  }

  void Answer(internal::v1::RejoinResponse response) {
    End(grpc::Status::OK, std::move(response));
  }

 private:
  void End(const grpc::Status& status, internal::v1::RejoinResponse response) {
    // Finish may bring OnDone before the lock is let go.
    const CallPointer kept = shared_from_this();
    MutexLock lock(&mu_);
    if (ended_) return;
    ended_ = true;
    *response_ = std::move(response);
    Finish(status);
  }

  void OnCancel() override {
    End(grpc::Status::CANCELLED, internal::v1::RejoinResponse());
  }

  void OnDone() override { self_.reset(); }

  const internal::v1::RejoinRequest request_;
  CallPointer self_;

  Mutex mu_;
  internal::v1::RejoinResponse* const response_ ABSL_GUARDED_BY(mu_);
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
};

RejoinService::RejoinService(const Clock* clock, MemberDescription member)
    : clock_(clock), member_(std::move(member)) {}

RejoinService::~RejoinService() = default;

void RejoinService::Start(replication::Node* node) {
  MutexLock lock(&mu_);
  admission_ = std::make_unique<Admission>(
      Admission::Deps{.node = node, .clock = clock_}, member_);
  node_ = node;
}

void RejoinService::Stop() {
  MutexLock lock(&mu_);
  node_ = nullptr;
}

grpc::ServerUnaryReactor* RejoinService::Rejoin(
    grpc::CallbackServerContext* context,
    const internal::v1::RejoinRequest* request,
    internal::v1::RejoinResponse* response) {
  const auto call = std::make_shared<Call>(request, response);
  call->HoldSelf();
  const std::optional<std::string> name =
      PlaceOf(context->auth_context().get(), member_.cluster_id);
  if (!name.has_value()) {
    call->Refuse(
        {.reason = type::v1::ERROR_REASON_UNAUTHENTICATED,
         .message = "the certificate names no member of this cluster"});
  } else if (const auto refusal = CheckRejoin(*request)) {
    call->Refuse(*refusal);
  } else {
    Begin(call, *name);
  }
  return call.get();
}

void RejoinService::Begin(const CallPointer& call, const std::string& name) {
  replication::Node* node = nullptr;
  Admission* admission = nullptr;
  {
    MutexLock lock(&mu_);
    node = node_;
    admission = admission_.get();
  }
  if (node == nullptr) {
    call->Refuse({.reason = type::v1::ERROR_REASON_STOPPING});
    return;
  }
  node->Read(
      {}, kRejoinTimeout,
      [this, call, name, node, admission](replication::ReadOutcome outcome) {
        if (outcome != replication::ReadOutcome::kOk) {
          call->Refuse(RefusalOf(outcome));
        } else {
          Decide(call, name, node, admission);
        }
      });
}

void RejoinService::Decide(const CallPointer& call, const std::string& name,
                           replication::Node* node, Admission* admission) {
  const replication::NodeStatus status = node->Status();
  internal::v1::RejoinResponse response;
  if (status.raft.role != raft::Role::kLeader) {
    const raft::MemberAddress* leader =
        FindMember(status.configuration, status.raft.leader);
    if (leader == nullptr) {
      call->Refuse({.reason = type::v1::ERROR_REASON_NO_QUORUM});
      return;
    }
    response.mutable_ask()->set_name(leader->name);
    response.mutable_ask()->set_peer_endpoint(leader->peer_endpoint);
    call->Answer(std::move(response));
    return;
  }
  const raft::MemberAddress* holder = FindMember(status.configuration, name);
  if (holder == nullptr) {
    call->Refuse({.reason = type::v1::ERROR_REASON_MEMBER_NOT_FOUND,
                  .metadata = {{"member", name}},
                  .message = absl::StrCat(
                      name,
                      " is no member: it was removed. Its machine comes "
                      "in by a join token")});
    return;
  }
  const raft::MemberId id(call->request().member_id());
  if (holder->id != id && ContactOf(status, holder->id).reachable) {
    call->Refuse({.reason = type::v1::ERROR_REASON_CHANGE_UNDER_WAY,
                  .metadata = {{"member", name}},
                  .message = absl::StrCat(
                      name, " answers at ", holder->peer_endpoint,
                      ": while it runs, no second machine takes its place")});
    return;
  }
  const Newcomer newcomer = {
      .address = {.id = id,
                  .name = name,
                  .peer_endpoint = call->request().peer_endpoint(),
                  .client_endpoint = call->request().client_endpoint()},
      .replaces = holder->id};
  LogInfo("join", "rejoins",
          {{"name", name},
           {"old_id", absl::StrCat(holder->id.value())},
           {"new_id", absl::StrCat(id.value())}});
  admission->Admit(newcomer, kRejoinTimeout, [call](Admission::Outcome ended) {
    if (const auto* refusal = std::get_if<Refusal>(&ended)) {
      call->Refuse(*refusal);
      return;
    }
    internal::v1::RejoinResponse answer;
    *answer.mutable_admission() =
        std::get<internal::v1::Admission>(std::move(ended));
    call->Answer(std::move(answer));
  });
}

}  // namespace quorate::server

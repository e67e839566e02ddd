#include "server/join/join_service.h"

#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "grpcpp/support/server_callback.h"

#include "base/log.h"
#include "replication/transport/peer_identity.h"
#include "server/licensing/ledger.h"
#include "server/rpc/member_fields.h"
#include "server/rpc/validation.h"
#include "trust/keys.h"

namespace quorate::server {
namespace {

// A change of the members takes a few syncs, or an election.
constexpr absl::Duration kJoinTimeout = absl::Seconds(10);

// Asked again, a machine may come a moment after the next turn.
constexpr absl::Duration kTurnDelay = absl::Milliseconds(1100);

// Random bits of a secret (join_token.h).
constexpr size_t kSecretBytes = 32;

std::optional<Refusal> CheckJoin(const internal::v1::JoinRequest& request) {
  FieldFaults faults;
  if (request.secret().size() != kSecretBytes) {
    faults.Add("secret", "must have 32 bytes");
  }
  if (!IsMemberName(request.name())) {
    faults.Add("name", "must be 1 to 64 letters, digits, '.', '_' or '-'");
  }
  if (request.member_id() == 0) faults.Add("member_id", "is required");
  if (!IsEndpoint(request.peer_endpoint())) {
    faults.Add("peer_endpoint", "must be \"host:port\"");
  }
  if (!IsEndpoint(request.client_endpoint())) {
    faults.Add("client_endpoint", "must be \"host:port\"");
  }
  for (const auto& [field, bytes] :
       {std::pair("peer_certificate_request",
                  absl::string_view(request.peer_certificate_request())),
        std::pair("client_certificate_request",
                  absl::string_view(request.client_certificate_request()))}) {
    const absl::Status checked = CheckRequest(bytes);
    if (!checked.ok()) faults.Add(field, checked.message());
  }
  if (faults.empty()) return std::nullopt;
  return std::move(faults).ToRefusal();
}

internal::v1::UseJoinToken UseOf(const internal::v1::JoinRequest& request) {
  internal::v1::UseJoinToken use;
  use.set_token_id(request.token_id());
  use.set_secret_sha256(trust::Sha256(request.secret()));
  use.set_name(request.name());
  use.set_keys_sha256(trust::Sha256(
      absl::StrCat(KeyHashOf(request.peer_certificate_request()),
                   KeyHashOf(request.client_certificate_request()))));
  use.set_member_id(request.member_id());
  return use;
}

}  // namespace

// gRPC's objects live until the reactor is finished.
struct JoinService::Call {
  grpc::ServerUnaryReactor* reactor;
  const internal::v1::JoinRequest* request;
  internal::v1::JoinResponse* response;
  std::string peer;
  absl::Duration deadline;
};

JoinService::JoinService(const Deps& deps, Options options)
    : deps_(deps),
      options_(std::move(options)),
      admission_({.node = deps.node, .clock = deps.clock}, options_.member) {}

bool JoinService::TakeTurn() {
  const absl::Duration now = deps_.clock->SinceBoot();
  MutexLock lock(&mu_);
  if (now < next_turn_) return false;
  next_turn_ = now + kJoinPeriod;
  return true;
}

absl::Duration JoinService::Left(const Call& call) const {
  return call.deadline - deps_.clock->SinceBoot();
}

void JoinService::Refuse(const Call& call, const Refusal& refusal) {
  LogWarn("join", "refused",
          {{"peer", call.peer},
           {"reason", std::string(ReasonName(refusal.reason))}});
  Refusal told = refusal;
  if (MayRetry(refusal.reason) && !told.retry_delay.has_value()) {
    told.retry_delay = kTurnDelay;
  }
  call.reactor->Finish(ToGrpcStatus(told));
}

grpc::ServerUnaryReactor* JoinService::Join(
    grpc::CallbackServerContext* context,
    const internal::v1::JoinRequest* request,
    internal::v1::JoinResponse* response) {
  const Call call = {.reactor = context->DefaultReactor(),
                     .request = request,
                     .response = response,
                     .peer = context->peer(),
                     .deadline = deps_.clock->SinceBoot() + kJoinTimeout};
  if (stopping_.load()) {
    call.reactor->Finish(
        ToGrpcStatus({.reason = type::v1::ERROR_REASON_STOPPING}));
    return call.reactor;
  }
  if (!TakeTurn()) {
    // Not a line in the log for each: a stranger could fill the disk.
    call.reactor->Finish(
        ToGrpcStatus({.reason = type::v1::ERROR_REASON_OVERLOADED,
                      .message = "one machine a second may join; ask again",
                      .retry_delay = kTurnDelay}));
    return call.reactor;
  }
  if (const auto refusal = CheckJoin(*request)) {
    Refuse(call, *refusal);
    return call.reactor;
  }
  // A wrong token shall not cost the cluster an entry, so it is looked at
  // first, by what this member has.
  deps_.node->Read({}, kJoinTimeout,
                   [this, call](replication::ReadOutcome outcome) {
                     if (outcome != replication::ReadOutcome::kOk) {
                       Refuse(call, RefusalOf(outcome));
                       return;
                     }
                     internal::v1::UseJoinToken use = UseOf(*call.request);
                     const auto checked = deps_.view->join_tokens->Check(
                         use, deps_.view->ledger->time().cluster_ms);
                     if (!checked.answer.ok()) {
                       Refuse(call, RefusalOf(checked.answer));
                       return;
                     }
                     UseToken(call, std::move(use));
                   });
  return call.reactor;
}

void JoinService::UseToken(const Call& call, internal::v1::UseJoinToken use) {
  internal::v1::Command command;
  *command.mutable_use_join_token() = std::move(use);
  deps_.node->Propose(
      command.SerializeAsString(), Left(call),
      [this, call](const replication::ProposeResult& result) {
        if (result.outcome != replication::ProposeOutcome::kApplied) {
          Refuse(call, RefusalOf(result.outcome));
          return;
        }
        const auto& answer =
            static_cast<const LicensingAnswer&>(*result.answer);
        if (!answer.ledger.ok()) {
          Refuse(call, RefusalOf(answer.ledger));
          return;
        }
        Admit(call, answer.join);
      });
}

void JoinService::Admit(const Call& call, const licensing::JoinGrant& grant) {
  const internal::v1::JoinRequest& request = *call.request;
  const Newcomer newcomer = {
      .address = {.id = raft::MemberId(request.member_id()),
                  .name = grant.name,
                  .peer_endpoint = request.peer_endpoint(),
                  .client_endpoint = request.client_endpoint(),
                  .promote = !grant.stay_learner},
      .replaces = raft::MemberId(grant.replaces_id)};
  admission_.Admit(newcomer, Left(call),
                   [this, call](Admission::Outcome ended) {
                     if (const auto* refusal = std::get_if<Refusal>(&ended)) {
                       Refuse(call, *refusal);
                     } else {
                       Answer(call, std::get<internal::v1::Admission>(ended));
                     }
                   });
}

void JoinService::Answer(const Call& call,
                         const internal::v1::Admission& admission) {
  const internal::v1::JoinRequest& request = *call.request;
  const std::string& cluster = options_.member.cluster_id;
  const std::string uri = replication::MemberUri(cluster, request.name());
  const absl::Time now = deps_.clock->Calendar();
  const auto peer = options_.peer_authority->Issue(
      request.peer_certificate_request(),
      {.common_name = request.name(),
       .uris = {uri},
       .hosts = {replication::MemberHostName(cluster, request.name())},
       .client = true},
      now);
  const auto client = options_.client_authority->Issue(
      request.client_certificate_request(),
      {.common_name = request.name(),
       .uris = {uri},
       .hosts = {std::string(HostOf(request.client_endpoint()))}},
      now);
  for (const auto& issued : {&peer, &client}) {
    if (issued->ok()) continue;
    Refuse(call, {.reason = type::v1::ERROR_REASON_BAD_REQUEST,
                  .message = std::string(issued->status().message())});
    return;
  }
  internal::v1::JoinResponse* response = call.response;
  *response->mutable_admission() = admission;
  response->set_peer_ca_pem(options_.peer_ca_pem);
  response->set_client_ca_pem(options_.client_ca_pem);
  response->set_peer_certificate_pem(*peer);
  response->set_client_certificate_pem(*client);
  response->set_trust_root(options_.trust_root);
  response->set_tick_ms(absl::ToInt64Milliseconds(options_.tick));
  response->set_heartbeat_ticks(options_.heartbeat_ticks);
  response->set_election_ticks(options_.election_ticks);
  response->mutable_administrators()->Assign(options_.administrators.begin(),
                                             options_.administrators.end());
  LogInfo("join", "joined",
          {{"name", request.name()},
           {"id", absl::StrCat(request.member_id())},
           {"peer", call.peer}});
  call.reactor->Finish(grpc::Status::OK);
}

}  // namespace quorate::server

#include "server/rpc/member_calls.h"

#include <algorithm>

#include "base/random.h"

namespace quorate::server {
namespace {

using type::v1::Consistency;

// A client that hangs on one member shall find out soon enough to ask another
// one, whatever deadline it has itself.
constexpr absl::Duration kMaxTimeout = absl::Seconds(10);
constexpr absl::Duration kDefaultTimeout = absl::Seconds(5);

// Of a client's deadline, to let the answer arrive before it.
constexpr absl::Duration kAnswerTime = absl::Milliseconds(20);

// gRPC gives the end of time where a call has no deadline.
constexpr absl::Duration kNoDeadline = absl::Hours(24 * 365);

}  // namespace

replication::ReadConsistency ToReadConsistency(const Consistency& consistency) {
  using Kind = replication::ReadConsistency::Kind;
  switch (consistency.kind()) {
    case Consistency::KIND_AT_LEAST:
      return {.kind = Kind::kAtLeast,
              .at_least = raft::Index(consistency.index())};
    case Consistency::KIND_LOCAL:
      return {.kind = Kind::kLocal};
    default:
      return {.kind = Kind::kLinearizable};
  }
}

void FillLocalHeader(const MemberCalls& calls,
                     const replication::NodeStatus& status,
                     type::v1::ResponseHeader* header) {
  FillHeader(calls.member(),
             {.term = status.raft.term,
              .index = status.applied,
              .calendar_ms = calls.deps().view->calendar_ms.load(
                  std::memory_order_relaxed)},
             header);
}

MemberCalls::MemberCalls(const Deps& deps, MemberDescription member)
    : deps_(deps),
      member_(std::move(member)),
      authenticator_(member_.cluster_id),
      retry_seed_(SystemRandomId()) {}

std::optional<UnaryCall> MemberCalls::Begin(grpc::CallbackServerContext* call,
                                            grpc::ServerUnaryReactor* reactor) {
  UnaryCall begun = {.reactor = reactor};
  under_way_.fetch_add(1);
  if (std::optional<Refusal> refusal =
          RefuseConnection(call, &begun.principal)) {
    Finish(reactor, StatusOf(*std::move(refusal)));
    return std::nullopt;
  }
  begun.timeout = TimeoutOf(*call);
  return begun;
}

std::optional<UnaryCall> MemberCalls::BeginNewWork(
    grpc::CallbackServerContext* call, grpc::ServerUnaryReactor* reactor) {
  std::optional<UnaryCall> begun = Begin(call, reactor);
  if (!begun.has_value()) return std::nullopt;
  const raft::MemberId low = deps_.node->LowLeaderHint();
  if (low == raft::kNobody) return begun;
  Refusal refusal = {.reason = type::v1::ERROR_REASON_DISK_FULL};
  for (const raft::MemberAddress& member :
       deps_.node->Status().configuration.addresses) {
    if (member.id == low) refusal.metadata.emplace_back("member", member.name);
  }
  Finish(reactor, StatusOf(std::move(refusal)));
  return std::nullopt;
}

std::optional<Refusal> MemberCalls::RefuseConnection(
    const grpc::CallbackServerContext* call, std::string* principal) const {
  if (stopping_.load()) {
    return Refusal{.reason = type::v1::ERROR_REASON_STOPPING};
  }
  absl::StatusOr<std::string> authenticated =
      authenticator_.Authenticate(call->auth_context().get());
  if (!authenticated.ok()) {
    return Refusal{.reason = type::v1::ERROR_REASON_UNAUTHENTICATED,
                   .message = std::string(authenticated.status().message())};
  }
  *principal = *std::move(authenticated);
  return std::nullopt;
}

void MemberCalls::Refuse(const UnaryCall& call, Refusal refusal) {
  Finish(call.reactor, StatusOf(std::move(refusal)));
}

void MemberCalls::CatchUp(const UnaryCall& call,
                          std::function<void(absl::Duration timeout)> then) {
  const absl::Duration deadline = deps_.clock->SinceBoot() + call.timeout;
  deps_.node->Read({}, call.timeout,
                   [this, call, deadline,
                    then = std::move(then)](replication::ReadOutcome outcome) {
                     if (outcome != replication::ReadOutcome::kOk) {
                       Refuse(call, RefusalOf(outcome));
                     } else {
                       then(deadline - deps_.clock->SinceBoot());
                     }
                   });
}

grpc::Status MemberCalls::StatusOf(Refusal refusal) {
  if (MayRetry(refusal.reason) && !refusal.retry_delay.has_value()) {
    refusal.retry_delay = RetryDelay();
  }
  return ToGrpcStatus(refusal);
}

absl::Duration MemberCalls::RetryDelay() {
  Random random(retry_seed_.fetch_add(1, std::memory_order_relaxed));
  return absl::Milliseconds(random.Between(150, 450));
}

void MemberCalls::Finish(grpc::ServerUnaryReactor* reactor,
                         const grpc::Status& status) {
  reactor->Finish(status);
  Leave();
}

void MemberCalls::Leave() {
  if (under_way_.fetch_sub(1) == 1 && stopping_.load()) {
    // With the lock, so that a waiter is either before its look or in its
    // wait.
    MutexLock lock(&mu_);
    idle_.NotifyAll();
  }
}

std::string MemberCalls::Serialize(const UnaryCall& call,
                                   const std::string& request_id,
                                   internal::v1::Command* command) const {
  command->set_request_id(request_id);
  command->set_principal(call.principal);
  command->set_not_after_cluster_ms(deps_.node->ClusterMsHint() +
                                    licensing::kAttemptMs);
  return command->SerializeAsString();
}

absl::Duration MemberCalls::TimeoutOf(
    const grpc::CallbackServerContext& call) const {
  const absl::Duration left =
      absl::FromChrono(call.deadline()) - deps_.clock->Calendar();
  if (left > kNoDeadline) return kDefaultTimeout;
  return std::clamp(left - kAnswerTime, absl::Milliseconds(1), kMaxTimeout);
}

void MemberCalls::StopTaking() {
  stopping_.store(true);
}

bool MemberCalls::WaitIdle(absl::Duration timeout) {
  const absl::Duration deadline = deps_.clock->SinceBoot() + timeout;
  MutexLock lock(&mu_);
  while (under_way_.load() > 0) {
    const absl::Duration left = deadline - deps_.clock->SinceBoot();
    if (left <= absl::ZeroDuration()) return false;
    idle_.WaitFor(&mu_, left);
  }
  return true;
}

}  // namespace quorate::server

#include "server/rpc/member_calls.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/strip.h"

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

std::optional<Refusal> ReadMode(const grpc::CallbackServerContext& call,
                                CallMode* mode) {
  const auto [first, last] = call.client_metadata().equal_range(kModeKey);
  if (first == last) return std::nullopt;
  const absl::string_view word(first->second.data(), first->second.size());
  if (std::next(first) == last && word == "full") return std::nullopt;
  if (std::next(first) == last && word == "restricted") {
    *mode = CallMode::kRestricted;
    return std::nullopt;
  }
  return Refusal{
      .reason = type::v1::ERROR_REASON_BAD_REQUEST,
      .fields = {{.field = std::string(kModeKey),
                  .description = "in the metadata of the call must be "
                                 "\"restricted\" or \"full\", once"}}};
}

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
      refused_(std::make_unique<RefusedCalls>(deps.clock)),
      retry_seed_(SystemRandomId()) {}

std::optional<UnaryCall> MemberCalls::BeginAs(
    grpc::CallbackServerContext* call, grpc::ServerUnaryReactor* reactor,
    const google::protobuf::Descriptor* request) {
  const absl::Duration begun = deps_.clock->SinceBoot();
  under_way_.fetch_add(1);
  Caller caller;
  std::optional<Refusal> refusal = RefuseCaller(call, request, &caller);
  if (!refusal.has_value() && caller.unconfirmed) {
    refusal = Refusal{.reason = type::v1::ERROR_REASON_PERMISSION_MISSING};
  }
  if (refusal.has_value()) {
    Finish(reactor, StatusOf(*std::move(refusal)));
    return std::nullopt;
  }
  return UnaryCall{.reactor = reactor,
                   .principal = std::move(caller.principal),
                   .timeout = TimeoutOf(*call),
                   .begun = begun,
                   .mode = caller.mode};
}

grpc::ServerUnaryReactor* MemberCalls::TakeAs(
    grpc::CallbackServerContext* call,
    const google::protobuf::Descriptor* request, Serve serve) {
  grpc::ServerUnaryReactor* const reactor = call->DefaultReactor();
  const absl::Duration begun = deps_.clock->SinceBoot();
  under_way_.fetch_add(1);
  Caller caller;
  if (std::optional<Refusal> refusal = RefuseCaller(call, request, &caller)) {
    Finish(reactor, StatusOf(*std::move(refusal)));
    return reactor;
  }
  UnaryCall taken = {.reactor = reactor,
                     .principal = caller.principal,
                     .timeout = TimeoutOf(*call),
                     .begun = begun,
                     .mode = caller.mode};
  if (!caller.unconfirmed) {
    serve(taken);
    return reactor;
  }
  const absl::Duration timeout = taken.timeout;
  const absl::Duration deadline = deps_.clock->SinceBoot() + timeout;
  Confirm(caller, timeout,
          [this, taken = std::move(taken), deadline,
           serve = std::move(serve)](std::optional<Refusal> refusal) mutable {
            if (refusal.has_value()) {
              Refuse(taken, *std::move(refusal));
              return;
            }
            taken.timeout = deadline - deps_.clock->SinceBoot();
            serve(taken);
          });
  return reactor;
}

bool MemberCalls::RefuseForRoom(const UnaryCall& call) {
  const raft::MemberId low = deps_.node->LowLeaderHint();
  if (low == raft::kNobody) return false;
  Refusal refusal = {.reason = type::v1::ERROR_REASON_DISK_FULL};
  for (const raft::MemberAddress& member :
       deps_.node->Status().configuration.addresses) {
    if (member.id == low) refusal.metadata.emplace_back("member", member.name);
  }
  Refuse(call, std::move(refusal));
  return true;
}

std::optional<Refusal> MemberCalls::RefuseRight(const Caller& caller) const {
  std::optional<Refusal> refusal = deps_.authorizer->Refuse(
      caller.permission, caller.principal, caller.mode);
  if (refusal.has_value()) {
    refused_->NoteMissing(
        caller.principal, caller.call, PermissionName(caller.permission),
        caller.mode == CallMode::kRestricted ? "RESTRICTED" : "FULL");
  }
  return refusal;
}

std::optional<Refusal> MemberCalls::RefuseCaller(
    const grpc::CallbackServerContext* call,
    const google::protobuf::Descriptor* request, Caller* caller) const {
  if (stopping_.load()) {
    return Refusal{.reason = type::v1::ERROR_REASON_STOPPING};
  }
  absl::StatusOr<std::string> authenticated =
      authenticator_.Authenticate(call->auth_context().get());
  if (!authenticated.ok()) {
    refused_->NoteStranger(call->peer(), authenticated.status().message());
    return Refusal{.reason = type::v1::ERROR_REASON_UNAUTHENTICATED,
                   .message = std::string(authenticated.status().message())};
  }
  caller->principal = *std::move(authenticated);
  if (auto refusal = ReadMode(*call, &caller->mode)) return refusal;
  const Authorizer& authorizer = *deps_.authorizer;
  const MethodRight* const right = authorizer.FindRight(request);
  if (right == nullptr) {
    return Refusal{.reason = type::v1::ERROR_REASON_PERMISSION_MISSING};
  }
  caller->permission = right->permission;
  caller->call = absl::StripSuffix(request->name(), "Request");
  // No account says what a restricted call keeps, nor who is an administrator
  // by this member's configuration.
  caller->unconfirmed = right->confirmed && caller->mode == CallMode::kFull &&
                        !authorizer.IsConfigured(caller->principal);
  if (caller->unconfirmed) return std::nullopt;
  return RefuseRight(*caller);
}

void MemberCalls::Confirm(const Caller& caller, absl::Duration timeout,
                          std::function<void(std::optional<Refusal>)> then) {
  deps_.node->Read(
      {}, timeout,
      [this, caller, then = std::move(then)](replication::ReadOutcome outcome) {
        if (outcome != replication::ReadOutcome::kOk) {
          then(RefusalOf(outcome));
          return;
        }
        then(RefuseRight(caller));
      });
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

LatencySeries* MemberCalls::SeriesOf(
    const internal::v1::Command& command) const {
  if (deps_.latencies == nullptr) return nullptr;
  return command.has_checkout() ? &deps_.latencies->checkout()
                                : &deps_.latencies->change();
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

// The way of every unary call through a member: who calls, propose or read,
// answer. The services add what is special about each method.

#ifndef QUORATE_SERVER_RPC_MEMBER_CALLS_H_
#define QUORATE_SERVER_RPC_MEMBER_CALLS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"

#include "quorate/internal/v1/command.pb.h"
#include "quorate/type/v1/header.pb.h"

#include "base/clock.h"
#include "base/latency_book.h"
#include "base/mutex.h"
#include "replication/node/node.h"
#include "server/rpc/authentication.h"
#include "server/rpc/authorizer.h"
#include "server/rpc/licensing_view.h"
#include "server/rpc/refused_calls.h"
#include "server/rpc/response_header.h"
#include "server/rpc/status_translation.h"

namespace quorate::server {

// Who makes a call, and by what right.
struct Caller {
  std::string principal;
  CallMode mode = CallMode::kFull;
  Permission permission = options::v1::PERMISSION_UNSPECIFIED;
  absl::string_view call;  // "SetAccount"; lives as long as the process.

  // The accounts must be read linearizably before anything is done.
  bool unconfirmed = false;
};

// A call that was let in. Values only; the reactor is gRPC's and lives until
// it is finished.
struct UnaryCall {
  grpc::ServerUnaryReactor* reactor = nullptr;
  std::string principal;
  absl::Duration timeout;  // For the proposal or the read.
  absl::Duration begun;    // SinceBoot.
  CallMode mode = CallMode::kFull;
};

// Thread-safe. Outlives the gRPC server and everything the node may still
// answer, that is, until Node::Stop has returned.
class MemberCalls {
 public:
  struct Deps {
    replication::Node* node = nullptr;       // Not owned.
    const LicensingView* view = nullptr;     // Not owned.
    const Clock* clock = nullptr;            // Not owned.
    const Authorizer* authorizer = nullptr;  // Not owned.
    LatencyBook* latencies = nullptr;        // Not owned; null: not measured.
  };

  using Serve = std::function<void(const UnaryCall&)>;

  MemberCalls(const Deps& deps, MemberDescription member);

  // Lets a call in: this member takes calls, the connection belongs to a
  // client, and its roles and mode allow the method that takes `request`. Else
  // finishes the reactor and returns nothing. What was let in is finished by
  // one of the calls below, exactly once. For methods whose permission needs
  // no confirmation (MustBeConfirmed); others let nobody in this way.
  template <typename Request>
  std::optional<UnaryCall> Begin(grpc::CallbackServerContext* call,
                                 grpc::ServerUnaryReactor* reactor,
                                 const Request& /*request*/) {
    return BeginAs(call, reactor, Request::descriptor());
  }

  // The same for what takes room on the disk: it is refused with DISK_FULL too
  // while the leader is short of it.
  template <typename Request>
  std::optional<UnaryCall> BeginNewWork(grpc::CallbackServerContext* call,
                                        grpc::ServerUnaryReactor* reactor,
                                        const Request& request) {
    std::optional<UnaryCall> begun = Begin(call, reactor, request);
    if (begun.has_value() && RefuseForRoom(*begun)) return std::nullopt;
    return begun;
  }

  // Lets a call of any method in and serves it: at once, or, where its right
  // must be confirmed, on the applier thread when this member has all accounts
  // that were set before. `request` lives until the call is finished.
  template <typename Request>
  grpc::ServerUnaryReactor* Take(grpc::CallbackServerContext* call,
                                 const Request& /*request*/, Serve serve) {
    return TakeAs(call, Request::descriptor(), std::move(serve));
  }

  // As BeginNewWork.
  template <typename Request>
  grpc::ServerUnaryReactor* TakeNewWork(grpc::CallbackServerContext* call,
                                        const Request& request, Serve serve) {
    return Take(call, request,
                [this, serve = std::move(serve)](const UnaryCall& taken) {
                  if (!RefuseForRoom(taken)) serve(taken);
                });
  }

  // As Begin, for a stream: there is no reactor to finish. One that is
  // unconfirmed has to wait for Confirm.
  template <typename Request>
  std::optional<Refusal> RefuseStream(const grpc::CallbackServerContext* call,
                                      Caller* caller) const {
    return RefuseCaller(call, Request::descriptor(), caller);
  }

  // What became of the right of a stream's caller since, by this member's
  // accounts.
  std::optional<Refusal> RefuseAgain(const Caller& caller) const {
    return RefuseRight(caller);
  }

  // Runs `then` on the applier thread, with a refusal where the accounts of
  // the cluster do not let the caller do it, or could not be read.
  void Confirm(const Caller& caller, absl::Duration timeout,
               std::function<void(std::optional<Refusal>)> then);

  void Refuse(const UnaryCall& call, Refusal refusal);

  // Replicates `command`, to which it adds request id, principal and limit of
  // time. Where the ledger did it, `fill` writes the response on the applier
  // thread. The header is written here.
  // How long it takes until the answer is measured, whatever the answer is.
  template <typename Response, typename Fill>
  void Propose(const UnaryCall& call, const std::string& request_id,
               internal::v1::Command* command, Response* response, Fill fill);

  // Runs `fill` on the applier thread when the state is as fresh as asked. It
  // returns nothing for success, or a refusal.
  template <typename Response, typename Fill>
  void Read(const UnaryCall& call, const type::v1::Consistency& consistency,
            Response* response, Fill fill);

  // Runs `then` on the applier thread when this member has all that was agreed
  // on before; it is given what is left of the call's time, and finishes the
  // call. Else the call is refused.
  void CatchUp(const UnaryCall& call,
               std::function<void(absl::Duration timeout)> then);

  // Finishes the call with success, once its response is written.
  void Succeed(const UnaryCall& call) {
    Finish(call.reactor, grpc::Status::OK);
  }

  // The status of a refusal; one that may be tried again gets a delay.
  grpc::Status StatusOf(Refusal refusal);

  // Some hundred milliseconds, never the same for two: clients that are
  // refused at once shall not come back at once (security.md §5.5, row 28).
  absl::Duration RetryDelay();

  const MemberDescription& member() const { return member_; }

  const ClientAuthenticator& authenticator() const { return authenticator_; }

  const Deps& deps() const { return deps_; }

  // From now on everything is refused with STOPPING.
  void StopTaking();

  // Waits until all calls are finished; false where `timeout` passed before.
  // After StopTaking.
  bool WaitIdle(absl::Duration timeout);

 private:
  std::optional<Refusal> RefuseRight(const Caller& caller) const;
  std::optional<Refusal> RefuseCaller(
      const grpc::CallbackServerContext* call,
      const google::protobuf::Descriptor* request, Caller* caller) const;
  std::optional<UnaryCall> BeginAs(grpc::CallbackServerContext* call,
                                   grpc::ServerUnaryReactor* reactor,
                                   const google::protobuf::Descriptor* request);
  grpc::ServerUnaryReactor* TakeAs(grpc::CallbackServerContext* call,
                                   const google::protobuf::Descriptor* request,
                                   Serve serve);
  // Finishes the call and returns true where the leader's disk is too full.
  bool RefuseForRoom(const UnaryCall& call);
  void Finish(grpc::ServerUnaryReactor* reactor, const grpc::Status& status);
  void Leave();
  // Null: not measured.
  LatencySeries* SeriesOf(const internal::v1::Command& command) const;
  std::string Serialize(const UnaryCall& call, const std::string& request_id,
                        internal::v1::Command* command) const;
  absl::Duration TimeoutOf(const grpc::CallbackServerContext& call) const;

  const Deps deps_;
  const MemberDescription member_;
  const ClientAuthenticator authenticator_;
  const std::unique_ptr<RefusedCalls> refused_;

  std::atomic<uint64_t> retry_seed_;
  std::atomic<bool> stopping_ = false;
  std::atomic<int64_t> under_way_ = 0;

  // For WaitIdle alone; calls take it only while this member stops.
  Mutex mu_;
  CondVar idle_;
};

// The header of an answer that needs no read; `status` is the node's.
void FillLocalHeader(const MemberCalls& calls,
                     const replication::NodeStatus& status,
                     type::v1::ResponseHeader* header);

// Translates a fresh-ness that was validated before.
replication::ReadConsistency ToReadConsistency(
    const type::v1::Consistency& consistency);

template <typename Response, typename Fill>
void MemberCalls::Propose(const UnaryCall& call, const std::string& request_id,
                          internal::v1::Command* command, Response* response,
                          Fill fill) {
  deps_.node->Propose(
      Serialize(call, request_id, command), call.timeout,
      [this, reactor = call.reactor, response, begun = call.begun,
       series = SeriesOf(*command),
       fill = std::move(fill)](const replication::ProposeResult& result) {
        if (series != nullptr) series->Record(deps_.clock->SinceBoot() - begun);
        if (result.outcome != replication::ProposeOutcome::kApplied) {
          Finish(reactor, StatusOf(RefusalOf(result.outcome)));
          return;
        }
        const licensing::LedgerAnswer& answer =
            static_cast<const LicensingAnswer&>(*result.answer).ledger;
        if (!answer.ok()) {
          Finish(reactor, StatusOf(RefusalOf(answer)));
          return;
        }
        FillHeader(member_,
                   {.term = result.term,
                    .index = result.index,
                    .calendar_ms = answer.time.calendar_ms},
                   response->mutable_header());
        fill(answer);
        Finish(reactor, grpc::Status::OK);
      });
}

template <typename Response, typename Fill>
void MemberCalls::Read(const UnaryCall& call,
                       const type::v1::Consistency& consistency,
                       Response* response, Fill fill) {
  deps_.node->Read(
      ToReadConsistency(consistency), call.timeout,
      [this, reactor = call.reactor, response,
       fill = std::move(fill)](replication::ReadOutcome outcome) {
        if (outcome != replication::ReadOutcome::kOk) {
          Finish(reactor, StatusOf(RefusalOf(outcome)));
          return;
        }
        const LicensingView& view = *deps_.view;
        FillHeader(member_,
                   {.term = view.term,
                    .index = view.applied,
                    .calendar_ms = view.ledger->time().calendar_ms},
                   response->mutable_header());
        std::optional<Refusal> refusal = fill(*view.ledger);
        Finish(reactor, refusal.has_value() ? StatusOf(*std::move(refusal))
                                            : grpc::Status::OK);
      });
}

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_MEMBER_CALLS_H_

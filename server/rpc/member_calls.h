// The way of every unary call through a member: who calls, propose or read,
// answer. The services add what is special about each method.

#ifndef QUORATE_SERVER_RPC_MEMBER_CALLS_H_
#define QUORATE_SERVER_RPC_MEMBER_CALLS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"

#include "quorate/internal/v1/command.pb.h"
#include "quorate/type/v1/header.pb.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "replication/node/node.h"
#include "server/rpc/authentication.h"
#include "server/rpc/licensing_view.h"
#include "server/rpc/response_header.h"
#include "server/rpc/status_translation.h"

namespace quorate::server {

// A call that was let in. Values only; the reactor is gRPC's and lives until
// it is finished.
struct UnaryCall {
  grpc::ServerUnaryReactor* reactor = nullptr;
  std::string principal;
  absl::Duration timeout;  // For the proposal or the read.
};

// Thread-safe. Outlives the gRPC server and everything the node may still
// answer, that is, until Node::Stop has returned.
class MemberCalls {
 public:
  struct Deps {
    replication::Node* node = nullptr;    // Not owned.
    const LicensingView* view = nullptr;  // Not owned.
    const Clock* clock = nullptr;         // Not owned.
  };

  MemberCalls(const Deps& deps, MemberDescription member);

  // Lets a call in: this member takes calls, and the connection belongs to a
  // client. Else finishes the reactor and returns nothing. What was let in is
  // finished by one of the calls below, exactly once.
  std::optional<UnaryCall> Begin(grpc::CallbackServerContext* call,
                                 grpc::ServerUnaryReactor* reactor);

  // The same for what takes room on the disk: it is refused with DISK_FULL too
  // while the leader is short of it.
  std::optional<UnaryCall> BeginNewWork(grpc::CallbackServerContext* call,
                                        grpc::ServerUnaryReactor* reactor);

  // The same for a stream; there is no reactor to finish.
  std::optional<Refusal> RefuseConnection(
      const grpc::CallbackServerContext* call, std::string* principal) const;

  void Refuse(const UnaryCall& call, Refusal refusal);

  // Replicates `command`, to which it adds request id, principal and limit of
  // time. Where the ledger did it, `fill` writes the response on the applier
  // thread. The header is written here.
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

  const Deps& deps() const { return deps_; }

  // From now on everything is refused with STOPPING.
  void StopTaking();

  // Waits until all calls are finished; false where `timeout` passed before.
  // After StopTaking.
  bool WaitIdle(absl::Duration timeout);

 private:
  void Finish(grpc::ServerUnaryReactor* reactor, const grpc::Status& status);
  void Leave();
  std::string Serialize(const UnaryCall& call, const std::string& request_id,
                        internal::v1::Command* command) const;
  absl::Duration TimeoutOf(const grpc::CallbackServerContext& call) const;

  const Deps deps_;
  const MemberDescription member_;
  const ClientAuthenticator authenticator_;

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
      [this, reactor = call.reactor, response,
       fill = std::move(fill)](const replication::ProposeResult& result) {
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

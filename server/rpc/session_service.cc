#include "server/rpc/session_service.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/log.h"
#include "server/rpc/client_description.h"
#include "server/rpc/validation.h"

namespace quorate::server {
namespace {

using internal::v1::Command;
using internal::v1::SessionRecord;
using internal::v1::TerminationRecord;

void WriteTermination(const licensing::Ledger& ledger, uint64_t session_id,
                      admin::v1::TerminateSessionResponse* response) {
  // A repeat may come when it is forgotten.
  const TerminationRecord* from = ledger.FindTermination(session_id);
  if (from == nullptr) return;
  admin::v1::Termination* to = response->mutable_termination();
  to->set_session(SessionName(session_id));
  DescribeClient(from->description(), to->mutable_client());
  to->set_reason(from->reason());
  to->set_terminated_by(from->terminated_by());
  SetTimestamp(from->terminated_calendar_ms(), to->mutable_terminate_time());
  *to->mutable_features() = from->features();
  const SessionRecord* session = ledger.FindSession(session_id);
  const int64_t left_ms = session == nullptr ? 0
                                             : session->lease_end_cluster_ms() -
                                                   ledger.time().cluster_ms;
  SetDuration(absl::Milliseconds(std::max<int64_t>(left_ms, 0)),
              response->mutable_seats_free_in());
}

}  // namespace

grpc::ServerUnaryReactor* SessionService::TerminateSession(
    grpc::CallbackServerContext* context,
    const admin::v1::TerminateSessionRequest* request,
    admin::v1::TerminateSessionResponse* response) {
  return calls_->Take(
      context, *request, [this, request, response](const UnaryCall& call) {
        FieldFaults faults;
        CheckRequestId(request->request_id(), &faults);
        const uint64_t session_id =
            CheckSessionName(request->session(), "session", &faults);
        CheckText(request->reason(), "reason", &faults);
        const int64_t cool_down_ms =
            CheckSpan(request->cool_down(), licensing::kMaxCoolDownMs,
                      "cool_down", &faults);
        if (!faults.empty()) {
          calls_->Refuse(call, std::move(faults).ToRefusal());
          return;
        }
        Command command;
        internal::v1::TerminateSession* body =
            command.mutable_terminate_session();
        body->set_session_id(session_id);
        body->set_reason(request->reason());
        body->set_cool_down_ms(cool_down_ms);
        body->set_at_once(request->at_once());
        calls_->Propose(
            call, request->request_id(), &command, response,
            [this, request, response, session_id, principal = call.principal](
                const licensing::LedgerAnswer& answer) {
              WriteTermination(*calls_->deps().view->ledger, session_id,
                               response);
              if (answer.repeated) return;
              LogInfo("admin", "session_terminated",
                      {{"session", request->session()},
                       {"by", principal},
                       {"reason", request->reason()},
                       {"at_once", request->at_once() ? "yes" : "no"}});
            });
      });
}

grpc::ServerUnaryReactor* SessionService::ReleaseSeat(
    grpc::CallbackServerContext* context,
    const admin::v1::ReleaseSeatRequest* request,
    admin::v1::ReleaseSeatResponse* response) {
  return calls_->Take(
      context, *request, [this, request, response](const UnaryCall& call) {
        FieldFaults faults;
        CheckRequestId(request->request_id(), &faults);
        CheckText(request->reason(), "reason", &faults);
        if (!faults.empty()) {
          calls_->Refuse(call, std::move(faults).ToRefusal());
          return;
        }
        Command command;
        command.mutable_release_seat()->set_seat_handle(request->seat());
        command.mutable_release_seat()->set_reason(request->reason());
        calls_->Propose(call, request->request_id(), &command, response,
                        [request, response, principal = call.principal](
                            const licensing::LedgerAnswer& answer) {
                          response->set_session(SessionName(answer.session_id));
                          response->set_released_by(principal);
                          if (answer.repeated) return;
                          LogInfo("admin", "seat_released",
                                  {{"seat", absl::StrCat(request->seat())},
                                   {"session", response->session()},
                                   {"by", principal},
                                   {"reason", request->reason()}});
                        });
      });
}

grpc::ServerUnaryReactor* SessionService::WriteOffBorrow(
    grpc::CallbackServerContext* context,
    const admin::v1::WriteOffBorrowRequest* request,
    admin::v1::WriteOffBorrowResponse* response) {
  return calls_->Take(
      context, *request, [this, request, response](const UnaryCall& call) {
        FieldFaults faults;
        CheckRequestId(request->request_id(), &faults);
        const uint64_t session_id =
            CheckSessionName(request->borrow(), "borrow", &faults);
        CheckText(request->reason(), "reason", &faults);
        if (request->reason().empty()) faults.Add("reason", "must say why");
        if (!faults.empty()) {
          calls_->Refuse(call, std::move(faults).ToRefusal());
          return;
        }
        Command command;
        command.mutable_write_off_borrow()->set_session_id(session_id);
        command.mutable_write_off_borrow()->set_reason(request->reason());
        calls_->Propose(call, request->request_id(), &command, response,
                        [request, response, principal = call.principal](
                            const licensing::LedgerAnswer& answer) {
                          response->set_written_off_by(principal);
                          if (answer.repeated) return;
                          LogInfo("admin", "borrow_written_off",
                                  {{"borrow", request->borrow()},
                                   {"by", principal},
                                   {"reason", request->reason()}});
                        });
      });
}

grpc::ServerUnaryReactor* SessionService::ReleaseNamedUser(
    grpc::CallbackServerContext* context,
    const admin::v1::ReleaseNamedUserRequest* request,
    admin::v1::ReleaseNamedUserResponse* response) {
  return calls_->Take(
      context, *request, [this, request, response](const UnaryCall& call) {
        FieldFaults faults;
        CheckRequestId(request->request_id(), &faults);
        CheckFeature(request->feature(), "feature", &faults);
        CheckText(request->user(), "user", &faults);
        CheckText(request->reason(), "reason", &faults);
        if (!faults.empty()) {
          calls_->Refuse(call, std::move(faults).ToRefusal());
          return;
        }
        Command command;
        internal::v1::ReleaseNamedUser* body =
            command.mutable_release_named_user();
        body->set_feature(request->feature());
        body->set_user(request->user());
        body->set_reason(request->reason());
        calls_->Propose(call, request->request_id(), &command, response,
                        [request, response, principal = call.principal](
                            const licensing::LedgerAnswer& answer) {
                          response->set_released_by(principal);
                          if (answer.repeated) return;
                          LogInfo("admin", "named_user_released",
                                  {{"feature", request->feature()},
                                   {"user", request->user()},
                                   {"by", principal},
                                   {"reason", request->reason()}});
                        });
      });
}

}  // namespace quorate::server

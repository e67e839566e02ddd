// The calendar's part of ClusterService.

#include <string>

#include "absl/strings/str_cat.h"

#include "base/log.h"
#include "server/rpc/cluster_service.h"
#include "server/rpc/response_header.h"
#include "server/rpc/validation.h"

namespace quorate::server {

grpc::ServerUnaryReactor* ClusterService::AcceptCalendar(
    grpc::CallbackServerContext* context,
    const admin::v1::AcceptCalendarRequest* request,
    admin::v1::AcceptCalendarResponse* response) {
  return calls_->Take(
      context, *request, [this, request, response](const UnaryCall& call) {
        FieldFaults faults;
        CheckRequestId(request->request_id(), &faults);
        if (!request->has_up_to() || !IsTime(request->up_to())) {
          faults.Add("up_to", "must be a moment");
        }
        if (!faults.empty()) {
          calls_->Refuse(call, std::move(faults).ToRefusal());
          return;
        }
        calls_->CatchUp(call, [this, call, up_to_ms = MsOf(request->up_to()),
                               response](absl::Duration timeout) {
          // Before it is done: who asked must be found even where this member
          // ends.
          LogWarn("clock", "leap_asked_for",
                  {{"principal", call.principal},
                   {"up_to_ms", absl::StrCat(up_to_ms)}});
          calls_->deps().node->AcceptCalendar(
              up_to_ms, timeout,
              [this, call, response](const absl::Status& done) {
                if (!done.ok()) {
                  calls_->Refuse(
                      call, RefusalOfChange(
                                done, type::v1::ERROR_REASON_CLOCKS_BEYOND));
                  return;
                }
                Show(call, response);
              });
        });
      });
}

void ClusterService::Show(const UnaryCall& call,
                          admin::v1::AcceptCalendarResponse* response) {
  // The entry may not be applied here yet.
  calls_->CatchUp(call, [this, call, response](absl::Duration /*timeout*/) {
    Header(calls_->deps().node->Status(), response->mutable_header());
    SetTimestamp(
        calls_->deps().view->calendar_ms.load(std::memory_order_relaxed),
        response->mutable_time());
    calls_->Succeed(call);
  });
}

}  // namespace quorate::server

// The calls of BackupService about restored and retired clusters.

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "base/log.h"
#include "server/licensing/sessions.h"
#include "server/rpc/backup_service.h"
#include "server/rpc/read_call.h"
#include "server/rpc/validation.h"

namespace quorate::server {
namespace {

using admin::v1::GetRestorationResponse;
using internal::v1::Restoration;
using licensing::Ledger;

int64_t QuietMs(const Ledger& ledger) {
  const Restoration* restoration = ledger.restoration();
  if (restoration == nullptr || !restoration->released()) return 0;
  return std::max<int64_t>(
      0, restoration->quiet_until_cluster_ms() - ledger.time().cluster_ms);
}

admin::v1::RestorationState StateOf(const Ledger& ledger) {
  const Restoration* restoration = ledger.restoration();
  if (restoration == nullptr) {
    return admin::v1::RESTORATION_STATE_NOT_RESTORED;
  }
  if (!restoration->released()) return admin::v1::RESTORATION_STATE_ON_HOLD;
  return QuietMs(ledger) > 0 ? admin::v1::RESTORATION_STATE_QUIET
                             : admin::v1::RESTORATION_STATE_SERVING;
}

void WriteRestoration(const Ledger& ledger, GetRestorationResponse* response) {
  response->set_state(StateOf(ledger));
  SetDuration(absl::Milliseconds(QuietMs(ledger)),
              response->mutable_quiet_time());
  if (const Restoration* restoration = ledger.restoration()) {
    response->set_old_epoch(restoration->old_epoch());
    response->set_restore_id(restoration->restore_id());
    *response->mutable_old_endpoints() = restoration->old_clients();
    if (restoration->released()) {
      response->set_released_by(restoration->released_by());
      response->set_old_cluster_is_gone(restoration->old_cluster_is_gone());
      SetDuration(absl::Milliseconds(restoration->stopped_for_ms()),
                  response->mutable_stopped_for());
      SetTimestamp(restoration->released_calendar_ms(),
                   response->mutable_release_time());
    }
  }
  if (const internal::v1::Retirement* retirement = ledger.retirement()) {
    response->set_retired_for_epoch(retirement->epoch());
    response->set_retired_by(retirement->retired_by());
  }
}

// As many as a Duration may have. What makes no sense the ledger refuses.
int64_t WholeSecondsMs(const google::protobuf::Duration& span) {
  constexpr int64_t kMaxSeconds = 315'576'000'000;
  return std::clamp<int64_t>(span.seconds(), -1, kMaxSeconds) * 1000;
}

// Rounded up, so that nothing is granted too soon.
int64_t MsOf(const google::protobuf::Duration& span) {
  const int64_t rest = std::clamp<int64_t>(span.nanos(), 0, 999'999'999);
  return WholeSecondsMs(span) + (rest + 999'999) / 1'000'000;
}

}  // namespace

grpc::ServerUnaryReactor* BackupService::GetRestoration(
    grpc::CallbackServerContext* context,
    const admin::v1::GetRestorationRequest* request,
    GetRestorationResponse* response) {
  return AnswerRead(calls_, context, request, response,
                    [response](const Ledger& ledger) -> std::optional<Refusal> {
                      WriteRestoration(ledger, response);
                      return std::nullopt;
                    });
}

grpc::ServerUnaryReactor* BackupService::ReleaseRestored(
    grpc::CallbackServerContext* context,
    const admin::v1::ReleaseRestoredRequest* request,
    admin::v1::ReleaseRestoredResponse* response) {
  return calls_->Take(
      context, *request, [this, request, response](const UnaryCall& call) {
        FieldFaults faults;
        CheckRequestId(request->request_id(), &faults);
        if (request->old_epoch() == 0) faults.Add("old_epoch", "is required");
        if (request->has_longest_lease() == request->old_cluster_is_gone()) {
          faults.Add("longest_lease",
                     "is required, unless old_cluster_is_gone, and never both");
        }
        // No lease lasts longer.
        CheckSpan(request->longest_lease(),
                  licensing::LeaseEndMs(0, licensing::kMaxTtlMs),
                  "longest_lease", &faults);
        if (request->has_stopped_for() && !request->old_cluster_is_gone()) {
          faults.Add("stopped_for", "is only for an old cluster that is gone");
        }
        if (!faults.empty()) {
          calls_->Refuse(call, std::move(faults).ToRefusal());
          return;
        }
        LogWarn("restore", "release_asked_for",
                {{"by", call.principal},
                 {"old_epoch", absl::StrCat(request->old_epoch())},
                 {"gone", request->old_cluster_is_gone() ? "true" : "false"}});
        internal::v1::Command command;
        internal::v1::ReleaseRestored* body =
            command.mutable_release_restored();
        body->set_old_epoch(request->old_epoch());
        body->set_longest_lease_ms(MsOf(request->longest_lease()));
        body->set_old_cluster_is_gone(request->old_cluster_is_gone());
        // Rounded down: never said to be gone for longer than they said.
        body->set_stopped_for_ms(WholeSecondsMs(request->stopped_for()));
        calls_->Propose(
            call, request->request_id(), &command, response,
            [response,
             view = calls_->deps().view](const licensing::LedgerAnswer&) {
              SetDuration(absl::Milliseconds(QuietMs(*view->ledger)),
                          response->mutable_quiet_time());
            });
      });
}

grpc::ServerUnaryReactor* BackupService::RetireCluster(
    grpc::CallbackServerContext* context,
    const admin::v1::RetireClusterRequest* request,
    admin::v1::RetireClusterResponse* response) {
  return calls_->Take(
      context, *request, [this, request, response](const UnaryCall& call) {
        FieldFaults faults;
        CheckRequestId(request->request_id(), &faults);
        CheckRequestId(request->restore_id(), &faults, "restore_id");
        if (request->cluster_id() != calls_->member().cluster_id) {
          faults.Add("cluster_id", absl::StrCat("is not this cluster's, ",
                                                calls_->member().cluster_id));
        }
        if (!faults.empty()) {
          calls_->Refuse(call, std::move(faults).ToRefusal());
          return;
        }
        LogWarn("restore", "retirement_asked_for",
                {{"by", call.principal},
                 {"for_epoch", absl::StrCat(request->epoch())}});
        internal::v1::Command command;
        internal::v1::RetireCluster* body = command.mutable_retire_cluster();
        body->set_cluster_epoch(request->cluster_epoch());
        body->set_epoch(request->epoch());
        body->set_restore_id(request->restore_id());
        // Leases are not renewed any more, so a later look gives no longer one.
        calls_->Propose(
            call, request->request_id(), &command, response,
            [response, view = calls_->deps().view](
                const licensing::LedgerAnswer& answer) {
              SetDuration(absl::Milliseconds(view->ledger->LongestLeaseMs() +
                                             (view->ledger->time().cluster_ms -
                                              answer.time.cluster_ms)),
                          response->mutable_longest_lease());
            });
      });
}

}  // namespace quorate::server

// MonitoringService::ReplayUsage and AdviseSeats.

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/status.h"
#include "server/history/replay.h"
#include "server/rpc/monitoring_service.h"
#include "server/rpc/policy_messages.h"
#include "server/rpc/time_span.h"
#include "server/rpc/validation.h"

namespace quorate::server {
namespace {

using history::Demands;
using history::HistoryView;
using history::ReplayOutcome;
using policy::CompiledPolicy;

constexpr double kDefaultDenialRate = 0.01;

// More units than anybody asks for at once.
constexpr uint64_t kNoEnd = uint64_t{1} << 62;

// Shared by the copies of a callback.
using PolicyPointer = std::shared_ptr<const CompiledPolicy>;

// Plays it twice: nobody waits, all wait.
void WriteReplay(absl::string_view feature, const Demands& demands,
                 uint64_t units, const CompiledPolicy& policy,
                 monitoring::v1::Replay* replay) {
  const ReplayOutcome denied = history::Replay(
      feature, demands, {.units = units, .policy = &policy, .wait = false});
  const ReplayOutcome waited = history::Replay(
      feature, demands, {.units = units, .policy = &policy, .wait = true});
  replay->set_units(units);
  replay->set_requests(denied.requests);
  replay->set_denials(denied.denied);
  replay->set_peak(denied.peak);
  if (denied.peak > 0) {
    SetTimestamp(denied.peak_ms, replay->mutable_peak_time());
  }
  replay->set_waits(waited.waits);
  SetDuration(absl::Milliseconds(waited.mean_wait_ms),
              replay->mutable_mean_wait());
  SetDuration(absl::Milliseconds(waited.wait_95_ms), replay->mutable_wait_95());
  SetDuration(absl::Milliseconds(waited.longest_wait_ms),
              replay->mutable_longest_wait());
}

uint64_t DeniedInTruth(const Demands& demands) {
  return static_cast<uint64_t>(std::count_if(
      demands.demands.begin(), demands.demands.end(),
      [](const history::Demand& demand) { return demand.was_denied; }));
}

template <typename Response>
absl::StatusOr<Demands> Begin(const std::string& feature, const AskedSpan& span,
                              int64_t now_ms, HistoryView* view,
                              Response* response) {
  QUORATE_ASSIGN_OR_RETURN(
      Demands demands, history::ReadDemands(feature, span.From(now_ms),
                                            span.Until(now_ms), now_ms, view));
  SetTimestamp(demands.from_ms, response->mutable_start_time());
  SetTimestamp(std::max(demands.until_ms, demands.from_ms),
               response->mutable_end_time());
  response->set_denied_in_truth(DeniedInTruth(demands));
  return demands;
}

}  // namespace

grpc::ServerUnaryReactor* MonitoringService::ReplayUsage(
    grpc::CallbackServerContext* context,
    const monitoring::v1::ReplayUsageRequest* request,
    monitoring::v1::ReplayUsageResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls_->Begin(context, reactor, *request);
  if (!call.has_value()) return reactor;
  FieldFaults faults;
  CheckFeature(request->feature(), "feature", &faults);
  CheckConsistency(request->consistency(), &faults);
  const AskedSpan span = ReadSpan(*request, &faults);
  PolicyPointer draft;
  if (request->has_policy()) {
    internal::v1::Policy policy = ToInternal(request->policy());
    CheckPolicyFields(policy, &faults);
    std::vector<policy::PolicyFault> found;
    draft = CompiledPolicy::Compile(std::move(policy), &found);
  }
  if (!faults.empty()) {
    calls_->Refuse(*call, std::move(faults).ToRefusal());
    return reactor;
  }
  history_->Read(
      *call, request->consistency(), response,
      [draft, span, request, response](HistoryView* view,
                                       int64_t now_ms) -> absl::Status {
        QUORATE_ASSIGN_OR_RETURN(
            const Demands demands,
            Begin(request->feature(), span, now_ms, view, response));
        PolicyPointer policy = draft;
        if (policy == nullptr) {
          QUORATE_ASSIGN_OR_RETURN(policy, history::ReadPolicyInForce(view));
        }
        WriteReplay(request->feature(), demands,
                    request->units() != 0 ? request->units() : demands.licensed,
                    *policy, response->mutable_replay());
        return absl::OkStatus();
      });
  return reactor;
}

grpc::ServerUnaryReactor* MonitoringService::AdviseSeats(
    grpc::CallbackServerContext* context,
    const monitoring::v1::AdviseSeatsRequest* request,
    monitoring::v1::AdviseSeatsResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls_->Begin(context, reactor, *request);
  if (!call.has_value()) return reactor;
  FieldFaults faults;
  CheckFeature(request->feature(), "feature", &faults);
  CheckConsistency(request->consistency(), &faults);
  const AskedSpan span = ReadSpan(*request, &faults);
  // Also where it is no number.
  if (!(request->denial_rate() >= 0 && request->denial_rate() <= 1)) {
    faults.Add("denial_rate", "must be 0 to 1");
  }
  if (!faults.empty()) {
    calls_->Refuse(*call, std::move(faults).ToRefusal());
    return reactor;
  }
  history_->Read(
      *call, request->consistency(), response,
      [span, request, response](HistoryView* view,
                                int64_t now_ms) -> absl::Status {
        const std::string& feature = request->feature();
        QUORATE_ASSIGN_OR_RETURN(const Demands demands,
                                 Begin(feature, span, now_ms, view, response));
        QUORATE_ASSIGN_OR_RETURN(const PolicyPointer policy,
                                 history::ReadPolicyInForce(view));
        response->set_licensed(demands.licensed);
        const ReplayOutcome all = history::Replay(
            feature, demands, {.units = kNoEnd, .policy = policy.get()});
        const double rate = request->denial_rate() > 0 ? request->denial_rate()
                                                       : kDefaultDenialRate;
        for (const uint64_t units : history::UnitsToTry(all.peak)) {
          QUORATE_RETURN_IF_ERROR(view->CheckTime());
          monitoring::v1::Replay* const replay = response->add_replays();
          WriteReplay(feature, demands, units, *policy, replay);
          if (response->units() == 0 &&
              static_cast<double>(replay->denials()) <=
                  rate * static_cast<double>(replay->requests())) {
            response->set_units(units);
          }
        }
        return absl::OkStatus();
      });
  return reactor;
}

}  // namespace quorate::server

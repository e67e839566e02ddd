// MonitoringService::GetLatency.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/latency_book.h"
#include "server/rpc/monitoring_service.h"
#include "server/rpc/time_span.h"
#include "server/rpc/validation.h"

namespace quorate::server {
namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kMostStepMs = LatencySeries::kMinutes * kMinuteMs;
constexpr int64_t kDefaultLatencySpanMs = 60 * kMinuteMs;

struct LatencyQuestion {
  absl::Time from;
  absl::Time until;
  int64_t step_minutes = 1;
};

LatencyQuestion ReadQuestion(const monitoring::v1::GetLatencyRequest& request,
                             absl::Time now, FieldFaults* faults) {
  const AskedSpan span = ReadSpan(request, faults);
  const int64_t until_ms = span.Until(absl::ToUnixMillis(now));
  const int64_t from_ms = span.from_ms.value_or(std::max<int64_t>(
                              until_ms - kDefaultLatencySpanMs, 0)) /
                          kMinuteMs * kMinuteMs;
  int64_t step_ms = CheckSpan(request.step(), kMostStepMs, "step", faults);
  if (step_ms == 0) step_ms = kMinuteMs;
  if (step_ms % kMinuteMs != 0) {
    faults->Add("step", "must be whole minutes");
  }
  return {.from = absl::FromUnixMillis(from_ms),
          .until = absl::FromUnixMillis(until_ms),
          .step_minutes = std::max<int64_t>(step_ms / kMinuteMs, 1)};
}

void SetExact(absl::Duration span, google::protobuf::Duration* duration) {
  const int64_t us = absl::ToInt64Microseconds(span);
  duration->set_seconds(us / 1'000'000);
  duration->set_nanos(static_cast<int32_t>(us % 1'000'000) * 1'000);
}

void DescribePoint(absl::Time begin, const LatencyHistogram& spans,
                   monitoring::v1::LatencyPoint* point) {
  SetTimestamp(absl::ToUnixMillis(begin), point->mutable_start_time());
  point->set_count(spans.count());
  SetExact(spans.Quantile(0.5), point->mutable_p50());
  SetExact(spans.Quantile(0.9), point->mutable_p90());
  SetExact(spans.Quantile(0.99), point->mutable_p99());
  SetExact(spans.longest(), point->mutable_max());
}

void AddSeries(const LatencySeries& from, const LatencyQuestion& question,
               monitoring::v1::LatencyKind kind, const std::string& peer,
               const std::string& member,
               monitoring::v1::GetLatencyResponse* response) {
  LatencyHistogram all;
  monitoring::v1::LatencySeries series;
  for (const LatencySeries::Step& step :
       from.Steps(question.from, question.until, question.step_minutes)) {
    all.Merge(step.spans);
    DescribePoint(step.begin, step.spans, series.add_points());
  }
  if (all.count() == 0) return;
  series.set_member(member);
  series.set_kind(kind);
  series.set_peer(peer);
  DescribePoint(question.from, all, series.mutable_total());
  *response->add_series() = std::move(series);
}

std::string NameOf(const replication::NodeStatus& status, uint64_t id) {
  for (const raft::MemberAddress& member : status.configuration.addresses) {
    if (member.id == raft::MemberId(id)) return member.name;
  }
  return absl::StrCat(id);
}

}  // namespace

grpc::ServerUnaryReactor* MonitoringService::GetLatency(
    grpc::CallbackServerContext* context,
    const monitoring::v1::GetLatencyRequest* request,
    monitoring::v1::GetLatencyResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls_->Begin(context, reactor, *request);
  if (!call.has_value()) return reactor;
  const MemberCalls::Deps& deps = calls_->deps();
  FieldFaults faults;
  const LatencyQuestion question =
      ReadQuestion(*request, deps.clock->Calendar(), &faults);
  if (!faults.empty()) {
    calls_->Refuse(*call, std::move(faults).ToRefusal());
    return reactor;
  }
  const replication::NodeStatus status = deps.node->Status();
  FillLocalHeader(*calls_, status, response->mutable_header());
  SetTimestamp(absl::ToUnixMillis(question.from),
               response->mutable_start_time());
  SetTimestamp(absl::ToUnixMillis(question.until),
               response->mutable_end_time());
  SetDuration(absl::Minutes(question.step_minutes), response->mutable_step());
  if (deps.latencies != nullptr) {
    const std::string& member = calls_->member().name;
    LatencyBook& book = *deps.latencies;
    AddSeries(book.checkout(), question, monitoring::v1::LATENCY_KIND_CHECKOUT,
              "", member, response);
    AddSeries(book.change(), question, monitoring::v1::LATENCY_KIND_CHANGE, "",
              member, response);
    AddSeries(book.commit(), question, monitoring::v1::LATENCY_KIND_COMMIT, "",
              member, response);
    AddSeries(book.sync(), question, monitoring::v1::LATENCY_KIND_SYNC, "",
              member, response);
    for (const LatencyBook::PeerSeries& each : book.RoundTrips()) {
      AddSeries(*each.series, question, monitoring::v1::LATENCY_KIND_ROUND_TRIP,
                NameOf(status, each.peer), member, response);
    }
  }
  calls_->Succeed(*call);
  return reactor;
}

}  // namespace quorate::server

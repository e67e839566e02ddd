// MonitoringService::QueryUsage and ListDenials.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "server/history/denial_query.h"
#include "server/history/usage_query.h"
#include "server/rpc/list_page.h"
#include "server/rpc/monitoring_service.h"
#include "server/rpc/page_token.h"
#include "server/rpc/time_span.h"
#include "server/rpc/validation.h"

namespace quorate::server {
namespace {

using history::HistoryView;
using history::UsageGroup;

constexpr absl::string_view kDenialFields[] = {"feature", "user"};

constexpr absl::string_view kDenials = "denials";
constexpr absl::string_view kUsage = "usage";

void SetMs(uint64_t ms, google::protobuf::Duration* duration) {
  // More than a Duration takes is of no use to anybody: 10,000 years.
  SetDuration(
      absl::Milliseconds(std::min<uint64_t>(ms, 315'576'000'000ull * 1000)),
      duration);
}

std::optional<UsageGroup> GroupOf(monitoring::v1::UsageGroup group) {
  switch (group) {
    case monitoring::v1::USAGE_GROUP_UNSPECIFIED:
    case monitoring::v1::USAGE_GROUP_FEATURE:
      return UsageGroup::kFeature;
    case monitoring::v1::USAGE_GROUP_USER:
      return UsageGroup::kUser;
    case monitoring::v1::USAGE_GROUP_HOST:
      return UsageGroup::kHost;
    case monitoring::v1::USAGE_GROUP_PROJECT:
      return UsageGroup::kProject;
    case monitoring::v1::USAGE_GROUP_HOUR:
      return UsageGroup::kHour;
    case monitoring::v1::USAGE_GROUP_DAY:
      return UsageGroup::kDay;
    default:
      return std::nullopt;
  }
}

// What must not change from page to page.
std::string UsageFilter(const monitoring::v1::QueryUsageRequest& request) {
  return absl::StrCat(
      request.group_by(), "|", request.start_time().seconds(), ".",
      request.start_time().nanos(), "|", request.end_time().seconds(), ".",
      request.end_time().nanos(), "|", request.feature(), "|", request.user(),
      "|", request.host(), "|", request.project());
}

std::string DenialFilter(const monitoring::v1::ListDenialsRequest& request) {
  return absl::StrCat(request.start_time().seconds(), ".",
                      request.start_time().nanos(), "|",
                      request.end_time().seconds(), ".",
                      request.end_time().nanos(), "|", request.filter());
}

std::string ReadPlace(absl::string_view list, const std::string& filter,
                      const std::string& token, FieldFaults* faults) {
  if (token.empty()) return "";
  std::optional<std::string> place = ParsePageToken(list, filter, token);
  if (!place.has_value()) {
    faults->Add("page_token",
                "is not from the page before, with the same other fields");
  }
  return place.value_or("");
}

void DescribeRow(const history::UsageRow& from, UsageGroup group,
                 monitoring::v1::UsageRow* row) {
  row->set_feature(from.feature);
  row->set_name(from.name);
  if (group == UsageGroup::kHour || group == UsageGroup::kDay) {
    SetTimestamp(from.begin_ms, row->mutable_start_time());
  }
  row->set_seats(from.usage.seats());
  SetMs(from.usage.unit_ms(), row->mutable_held());
  row->set_waits(from.usage.waits());
  SetMs(from.usage.waited_ms(), row->mutable_waited());
  SetMs(from.usage.longest_wait_ms(), row->mutable_longest_wait());
  if (from.usage.last_ms() > 0) {
    SetTimestamp(from.usage.last_ms(), row->mutable_last_time());
  }
  row->set_denials(from.denials);
  SetMs(from.out_unit_ms, row->mutable_out());
  row->set_peak(from.peak);
  if (from.peak > 0) SetTimestamp(from.peak_ms, row->mutable_peak_time());
  row->set_total(from.total);
}

void DescribeDenial(const history::DenialRow& from,
                    monitoring::v1::Denial* denial) {
  denial->set_feature(from.feature);
  denial->set_reason(std::string(ReasonName(from.reason)));
  denial->set_rule(from.record.rule());
  denial->set_user(from.subject.user);
  denial->set_host(from.subject.host);
  denial->set_project(from.subject.project);
  denial->set_application(from.record.application());
  denial->set_count(from.record.denials());
  denial->set_units(from.record.units());
  SetTimestamp(from.record.first_ms(), denial->mutable_first_time());
  SetTimestamp(from.record.last_ms(), denial->mutable_last_time());
}

history::UsageQuestion ReadUsage(
    const monitoring::v1::QueryUsageRequest& request, FieldFaults* faults) {
  history::UsageQuestion question = {.feature = request.feature(),
                                     .subject = {.user = request.user(),
                                                 .host = request.host(),
                                                 .project = request.project()}};
  const std::optional<UsageGroup> group = GroupOf(request.group_by());
  if (!group.has_value()) {
    faults->Add("group_by", "is not known to this version");
  }
  question.group = group.value_or(UsageGroup::kFeature);
  if (!request.feature().empty()) {
    CheckFeature(request.feature(), "feature", faults);
  }
  CheckText(request.user(), "user", faults);
  CheckText(request.host(), "host", faults);
  CheckText(request.project(), "project", faults);
  question.limit =
      static_cast<size_t>(CheckPageSize(request.page_size(), faults));
  question.after =
      ReadPlace(kUsage, UsageFilter(request), request.page_token(), faults);
  CheckConsistency(request.consistency(), faults);
  return question;
}

history::DenialQuestion ReadDenials(
    const monitoring::v1::ListDenialsRequest& request, FieldFaults* faults) {
  history::DenialQuestion question;
  const ListFilter filter =
      ParseListFilter(request.filter(), kDenialFields, faults);
  (filter.field == "user" ? question.user : question.feature) = filter.value;
  question.limit =
      static_cast<size_t>(CheckPageSize(request.page_size(), faults));
  question.after =
      ReadPlace(kDenials, DenialFilter(request), request.page_token(), faults);
  CheckOrderBy(request.order_by(), "feature", faults);
  CheckConsistency(request.consistency(), faults);
  return question;
}

}  // namespace

grpc::ServerUnaryReactor* MonitoringService::QueryUsage(
    grpc::CallbackServerContext* context,
    const monitoring::v1::QueryUsageRequest* request,
    monitoring::v1::QueryUsageResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls_->Begin(context, reactor, *request);
  if (!call.has_value()) return reactor;
  FieldFaults faults;
  history::UsageQuestion question = ReadUsage(*request, &faults);
  const AskedSpan span = ReadSpan(*request, &faults);
  if (!faults.empty()) {
    calls_->Refuse(*call, std::move(faults).ToRefusal());
    return reactor;
  }
  history_->Read(
      *call, request->consistency(), response,
      [question = std::move(question), span, request, response](
          HistoryView* view, int64_t now_ms) mutable -> absl::Status {
        question.from_ms = span.From(now_ms);
        question.until_ms = span.Until(now_ms);
        question.now_ms = now_ms;
        QUORATE_ASSIGN_OR_RETURN(const history::UsageRows answer,
                                 history::QueryUsage(question, view));
        for (const history::UsageRow& row : answer.rows) {
          DescribeRow(row, question.group, response->add_rows());
        }
        if (answer.more) {
          response->set_next_page_token(MakePageToken(
              kUsage, UsageFilter(*request), answer.rows.back().place));
        }
        SetTimestamp(answer.span.from_ms, response->mutable_start_time());
        SetTimestamp(answer.span.until_ms, response->mutable_end_time());
        response->set_lost_seats(view->record().lost_uses());
        return absl::OkStatus();
      });
  return reactor;
}

grpc::ServerUnaryReactor* MonitoringService::ListDenials(
    grpc::CallbackServerContext* context,
    const monitoring::v1::ListDenialsRequest* request,
    monitoring::v1::ListDenialsResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls_->Begin(context, reactor, *request);
  if (!call.has_value()) return reactor;
  FieldFaults faults;
  history::DenialQuestion question = ReadDenials(*request, &faults);
  const AskedSpan span = ReadSpan(*request, &faults);
  if (!faults.empty()) {
    calls_->Refuse(*call, std::move(faults).ToRefusal());
    return reactor;
  }
  history_->Read(
      *call, request->consistency(), response,
      [question = std::move(question), span, request, response](
          HistoryView* view, int64_t now_ms) mutable -> absl::Status {
        question.from_ms = span.From(now_ms);
        question.until_ms = span.Until(now_ms);
        QUORATE_ASSIGN_OR_RETURN(const history::DenialRows answer,
                                 history::QueryDenials(question, view));
        for (const history::DenialRow& row : answer.rows) {
          DescribeDenial(row, response->add_denials());
        }
        if (answer.more) {
          response->set_next_page_token(
              MakePageToken(kDenials, DenialFilter(*request), answer.last));
        }
        response->set_lost_denials(view->record().lost_denials());
        return absl::OkStatus();
      });
  return reactor;
}

}  // namespace quorate::server

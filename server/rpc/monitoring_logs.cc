// MonitoringService::SearchLogs.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/ordered_encoding.h"
#include "server/rpc/monitoring_service.h"
#include "server/rpc/page_token.h"
#include "server/rpc/time_span.h"
#include "server/rpc/validation.h"

namespace quorate::server {
namespace {

using monitoring::v1::LogSeverity;

constexpr absl::string_view kLogs = "logs";

std::optional<LogLevel> LevelOf(LogSeverity severity) {
  switch (severity) {
    case monitoring::v1::LOG_SEVERITY_UNSPECIFIED:
    case monitoring::v1::LOG_SEVERITY_DEBUG:
      return LogLevel::kDebug;
    case monitoring::v1::LOG_SEVERITY_INFO:
      return LogLevel::kInfo;
    case monitoring::v1::LOG_SEVERITY_WARN:
      return LogLevel::kWarn;
    case monitoring::v1::LOG_SEVERITY_ERROR:
      return LogLevel::kError;
    default:
      return std::nullopt;
  }
}

LogSeverity SeverityOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return monitoring::v1::LOG_SEVERITY_DEBUG;
    case LogLevel::kInfo:
      return monitoring::v1::LOG_SEVERITY_INFO;
    case LogLevel::kWarn:
      return monitoring::v1::LOG_SEVERITY_WARN;
    case LogLevel::kError:
      return monitoring::v1::LOG_SEVERITY_ERROR;
    case LogLevel::kOff:
      break;
  }
  return monitoring::v1::LOG_SEVERITY_UNSPECIFIED;
}

// What must not change from page to page. Each member has a log of its own, so
// another one's token is refused.
std::string FilterOf(const monitoring::v1::SearchLogsRequest& request,
                     const std::string& member) {
  return absl::StrCat(member, "|", request.start_time().seconds(), ".",
                      request.start_time().nanos(), "|",
                      request.end_time().seconds(), ".",
                      request.end_time().nanos(), "|", request.least_severity(),
                      "|", request.area(), "|", request.event(), "|",
                      request.order_by(), "|", request.text());
}

std::string KeyOf(const LogPlace& place) {
  std::string key;
  AppendOrdered64(place.file, &key);
  AppendOrdered64(place.offset, &key);
  return key;
}

std::optional<LogPlace> PlaceOf(absl::string_view key) {
  const std::optional<uint64_t> file = ParseOrdered64(key.substr(0, 8));
  const std::optional<uint64_t> offset =
      ParseOrdered64(key.substr(std::min<size_t>(key.size(), 8)));
  if (!file.has_value() || !offset.has_value()) return std::nullopt;
  return LogPlace{.file = *file, .offset = *offset};
}

LogQuestion ReadQuestion(const monitoring::v1::SearchLogsRequest& request,
                         const std::string& member, FieldFaults* faults) {
  LogQuestion question = {.area = request.area(),
                          .event = request.event(),
                          .text = request.text(),
                          .oldest_first = request.order_by() == "time"};
  const AskedSpan span = ReadSpan(request, faults);
  question.from_ms = span.from_ms.value_or(0);
  question.until_ms = span.until_ms;
  const std::optional<LogLevel> least = LevelOf(request.least_severity());
  if (!least.has_value()) {
    faults->Add("least_severity", "is not known to this version");
  }
  question.least = least.value_or(LogLevel::kDebug);
  CheckText(request.area(), "area", faults);
  CheckText(request.event(), "event", faults);
  CheckText(request.text(), "text", faults);
  if (!question.oldest_first) {
    CheckOrderBy(request.order_by(), "time desc", faults);
  }
  question.limit =
      static_cast<size_t>(CheckPageSize(request.page_size(), faults));
  if (!request.page_token().empty()) {
    const std::optional<std::string> key =
        ParsePageToken(kLogs, FilterOf(request, member), request.page_token());
    if (key.has_value()) question.after = PlaceOf(*key);
    if (!question.after.has_value()) {
      faults->Add("page_token",
                  "is not from the page before, of the same member, with the "
                  "same other fields");
    }
  }
  return question;
}

void DescribeLine(const LogLine& from, const std::string& member,
                  monitoring::v1::LogLine* line) {
  SetTimestamp(from.time_ms, line->mutable_time());
  // A file that was brought here from elsewhere says whose it is.
  line->set_member(from.member.empty() ? member : from.member);
  line->set_severity(SeverityOf(from.severity));
  line->set_area(from.area);
  line->set_event(from.event);
  for (const auto& [name, value] : from.fields) {
    monitoring::v1::LogField* field = line->add_fields();
    field->set_name(name);
    field->set_value(value);
  }
}

}  // namespace

grpc::ServerUnaryReactor* MonitoringService::SearchLogs(
    grpc::CallbackServerContext* context,
    const monitoring::v1::SearchLogsRequest* request,
    monitoring::v1::SearchLogsResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls_->Begin(context, reactor, *request);
  if (!call.has_value()) return reactor;
  const std::string& member = calls_->member().name;
  FieldFaults faults;
  LogQuestion question = ReadQuestion(*request, member, &faults);
  if (!faults.empty()) {
    calls_->Refuse(*call, std::move(faults).ToRefusal());
    return reactor;
  }
  FillLocalHeader(*calls_, calls_->deps().node->Status(),
                  response->mutable_header());
  response->set_kept(logs_->keeps());
  logs_->Search(
      *call, std::move(question),
      [request, response, &member](const LogAnswer& answer) {
        for (const LogLine& line : answer.lines) {
          DescribeLine(line, member, response->add_lines());
        }
        if (answer.next.has_value()) {
          response->set_next_page_token(MakePageToken(
              kLogs, FilterOf(*request, member), KeyOf(*answer.next)));
        }
        response->set_skipped_lines(static_cast<int64_t>(answer.skipped));
        response->set_gone(answer.gone);
      });
  return reactor;
}

}  // namespace quorate::server

#include "tools/quorate/one_member.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "base/status.h"
#include "client/caller.h"
#include "client/endpoint_set.h"
#include "tools/quorate/invocation.h"
#include "tools/quorate/member_calls.h"

namespace quorate::cli {
namespace {

// A member that does not answer by then is left out.
constexpr absl::Duration kAttempt = absl::Seconds(5);

ClientOptions OptionsFor(ClientOptions options, const std::string& endpoint) {
  options.endpoints = {endpoint};
  options.deadline = std::min(kAttempt, options.deadline);
  return options;
}

// All members, or the one that is named.
absl::StatusOr<std::vector<MemberPlace>> MembersToAsk(
    const ClientOptions& options, const std::string& only) {
  QUORATE_ASSIGN_OR_RETURN(const auto status, AskStatus(options));
  std::vector<MemberPlace> places;
  for (const monitoring::v1::Member& member : status.members()) {
    if (!only.empty() && member.name() != only) continue;
    places.push_back(
        {.name = member.name(), .endpoint = member.client_endpoint()});
  }
  if (places.empty()) {
    return absl::NotFoundError(
        absl::StrCat("there is no member \"", only,
                     "\"; \"quorate status\" shows the members"));
  }
  return places;
}

}  // namespace

struct OneMember::Calls {
  explicit Calls(const ClientOptions& options)
      : endpoints(options, &SystemClock()),
        caller(&endpoints, &SystemClock()),
        limits{.deadline = options.deadline,
               .first_attempt = options.deadline,
               .rounds = 1} {}

  template <typename Request, typename Response>
  absl::StatusOr<Response> Ask(
      grpc::Status (monitoring::v1::MonitoringService::Stub::*method)(
          grpc::ClientContext*, const Request&, Response*),
      const Request& request) {
    Response response;
    QUORATE_RETURN_IF_ERROR(caller.Run(
        limits,
        [&](const Connection& connection, grpc::ClientContext* context) {
          return (connection.monitoring.get()->*method)(context, request,
                                                        &response);
        }));
    return response;
  }

  EndpointSet endpoints;
  Caller caller;
  const CallLimits limits;
};

OneMember::OneMember(const ClientOptions& options, const std::string& endpoint)
    : calls_(std::make_unique<Calls>(OptionsFor(options, endpoint))) {}

OneMember::~OneMember() = default;

absl::StatusOr<monitoring::v1::SearchLogsResponse> OneMember::SearchLogs(
    const monitoring::v1::SearchLogsRequest& request) {
  return calls_->Ask(&monitoring::v1::MonitoringService::Stub::SearchLogs,
                     request);
}

absl::StatusOr<monitoring::v1::GetLatencyResponse> OneMember::GetLatency(
    const monitoring::v1::GetLatencyRequest& request) {
  return calls_->Ask(&monitoring::v1::MonitoringService::Stub::GetLatency,
                     request);
}

absl::Status AskEachMember(
    const ClientOptions& options, const std::string& only,
    absl::FunctionRef<absl::Status(const MemberPlace&)> ask) {
  QUORATE_ASSIGN_OR_RETURN(const auto places, MembersToAsk(options, only));
  std::vector<std::string> failures;
  absl::Status last;
  for (const MemberPlace& place : places) {
    const absl::Status asked = ask(place);
    if (asked.ok()) continue;
    // A mistake of the caller is the same everywhere.
    if (!absl::IsUnavailable(asked) && !absl::IsDeadlineExceeded(asked)) {
      return asked;
    }
    failures.push_back(
        absl::StrCat(place.name, " does not answer: ", asked.message()));
    last = asked;
  }
  if (failures.size() == places.size()) return last;
  for (const std::string& failure : failures)
    Say(failure);
  return absl::OkStatus();
}

}  // namespace quorate::cli

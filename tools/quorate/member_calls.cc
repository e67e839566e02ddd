#include "tools/quorate/member_calls.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_join.h"

#include "base/clock.h"
#include "base/status.h"
#include "client/caller.h"
#include "client/endpoint_set.h"

namespace quorate::cli {
namespace {

using monitoring::v1::GetClusterStatusResponse;

// How long `quorate status` waits for one endpoint.
constexpr absl::Duration kStatusAttempt = absl::Seconds(2);

// Where clients reach the leader; empty where none is known.
std::string LeaderEndpoint(const GetClusterStatusResponse& status) {
  for (const monitoring::v1::Member& member : status.members()) {
    if (member.name() == status.leader()) return member.client_endpoint();
  }
  return "";
}

}  // namespace

absl::StatusOr<GetClusterStatusResponse> AskOneStatus(
    const ClientOptions& options, const std::string& endpoint) {
  ClientOptions one = options;
  one.endpoints = {endpoint};
  EndpointSet endpoints(one, &SystemClock());
  Caller caller(&endpoints, &SystemClock());
  const absl::Duration attempt = std::min(kStatusAttempt, options.deadline);
  GetClusterStatusResponse response;
  QUORATE_RETURN_IF_ERROR(caller.Run(
      {.deadline = attempt, .first_attempt = attempt, .rounds = 1},
      [&](const Connection& connection, grpc::ClientContext* context) {
        return connection.monitoring->GetClusterStatus(context, {}, &response);
      }));
  return response;
}

absl::StatusOr<GetClusterStatusResponse> AskStatus(
    const ClientOptions& options) {
  std::optional<GetClusterStatusResponse> idle;
  std::vector<std::string> failures;
  absl::StatusCode worst = absl::StatusCode::kUnavailable;
  for (const std::string& endpoint : options.endpoints) {
    auto response = AskOneStatus(options, endpoint);
    if (!response.ok()) {
      worst = response.status().code();
      failures.emplace_back(response.status().message());
      continue;
    }
    if (!response->serving()) {
      if (!idle.has_value()) idle = *std::move(response);
      continue;
    }
    const std::string leader = LeaderEndpoint(*response);
    if (leader == endpoint ||
        !absl::c_linear_search(options.endpoints, leader)) {
      return response;
    }
    auto of_leader = AskOneStatus(options, leader);
    return of_leader.ok() && of_leader->serving() ? of_leader : response;
  }
  if (idle.has_value()) return *std::move(idle);
  return absl::Status(worst, absl::StrJoin(failures, "; "));
}

absl::StatusOr<admin::v1::ListMembersResponse> AskMembers(
    const ClientOptions& options, const ListQuery& query) {
  auto first = Cluster(options).ListMembers(query);
  if (!first.ok() || query.local) return first;
  for (const admin::v1::Member& member : first->members()) {
    if (!member.leader() || member.name() == first->header().member() ||
        !absl::c_linear_search(options.endpoints, member.client_endpoint())) {
      continue;
    }
    ClientOptions leader = options;
    leader.endpoints = {member.client_endpoint()};
    leader.deadline = std::min(kStatusAttempt, options.deadline);
    // What it sees itself is fresh enough: the members are agreed already.
    auto of_leader = Cluster(leader).ListMembers({.local = true});
    if (of_leader.ok()) return of_leader;
  }
  return first;
}

}  // namespace quorate::cli

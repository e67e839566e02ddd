#include "tools/quorate/cluster.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "base/clock.h"
#include "base/status.h"
#include "client/caller.h"
#include "client/endpoint_set.h"

namespace quorate::cli {
namespace {

using monitoring::v1::GetClusterStatusResponse;

constexpr int kPageSize = 1000;

// A million rows; a cluster has no more, and a member that never ends its
// list must not fill our memory.
constexpr int kMaxPages = 1000;

// How long `quorate status` waits for one endpoint.
constexpr absl::Duration kStatusAttempt = absl::Seconds(2);

// A large state over a slow line.
constexpr absl::Duration kBackupLimit = absl::Hours(6);

template <typename Request>
Request ListRequest(const ListQuery& query) {
  Request request;
  request.set_page_size(kPageSize);
  request.set_filter(query.filter);
  request.mutable_consistency()->set_kind(
      query.local ? type::v1::Consistency::KIND_LOCAL
                  : type::v1::Consistency::KIND_LINEARIZABLE);
  return request;
}

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

grpc::Status ReadBackup(const Connection& connection,
                        const admin::v1::GetBackupRequest& request,
                        const BackupSink& sink, grpc::ClientContext* context,
                        absl::Status* taken) {
  *taken = sink.begin();
  const auto stream = connection.backups->GetBackup(context, request);
  admin::v1::GetBackupResponse response;
  uint64_t offset = 0;
  while (taken->ok() && stream->Read(&response)) {
    if (response.offset() != offset) {
      *taken = absl::InternalError("pieces of the backup are missing");
      break;
    }
    offset += response.content().size();
    *taken = sink.piece(response.content());
  }
  if (!taken->ok()) context->TryCancel();
  const grpc::Status status = stream->Finish();
  return taken->ok() ? status : grpc::Status::OK;
}

// Where clients reach the leader; empty where none is known.
std::string LeaderEndpoint(const GetClusterStatusResponse& status) {
  for (const monitoring::v1::Member& member : status.members()) {
    if (member.name() == status.leader()) return member.client_endpoint();
  }
  return "";
}

}  // namespace

struct Cluster::Calls {
  explicit Calls(const ClientOptions& options)
      : endpoints(options, &SystemClock()),
        caller(&endpoints, &SystemClock()),
        limits{.deadline = options.deadline,
               .first_attempt = options.first_attempt} {}

  // Fetches page after page with `call` and joins their rows, which `rows`
  // finds in a response.
  template <typename Response, typename Request, typename Call, typename Rows>
  absl::StatusOr<Response> List(Request request, Call call, Rows rows) {
    Response all;
    for (int page = 0; page < kMaxPages; ++page) {
      Response response;
      QUORATE_RETURN_IF_ERROR(caller.Run(
          limits,
          [&](const Connection& connection, grpc::ClientContext* context) {
            response.Clear();
            return call(connection, context, request, &response);
          }));
      *all.mutable_header() = response.header();
      rows(&all)->MergeFrom(*rows(&response));
      if (response.next_page_token().empty()) return all;
      request.set_page_token(response.next_page_token());
    }
    return absl::InternalError("the list does not end");
  }

  // One call that changes something, with a request_id of its own.
  template <typename Response, typename Request, typename Call>
  absl::StatusOr<Response> Change(Request request, Call call) {
    request.set_request_id(DrawRequestId());
    Response response;
    QUORATE_RETURN_IF_ERROR(caller.Run(
        limits,
        [&](const Connection& connection, grpc::ClientContext* context) {
          response.Clear();
          return call(connection, context, request, &response);
        }));
    return response;
  }

  EndpointSet endpoints;
  Caller caller;
  const CallLimits limits;
};

Cluster::Cluster(const ClientOptions& options)
    : calls_(std::make_unique<Calls>(options)) {}

Cluster::~Cluster() = default;

absl::StatusOr<monitoring::v1::ListPoolsResponse> Cluster::ListPools(
    const ListQuery& query) {
  return calls_->List<monitoring::v1::ListPoolsResponse>(
      ListRequest<monitoring::v1::ListPoolsRequest>(query),
      [](const Connection& connection, auto* context, const auto& request,
         auto* response) {
        return connection.monitoring->ListPools(context, request, response);
      },
      [](auto* response) { return response->mutable_pools(); });
}

absl::StatusOr<monitoring::v1::ListSessionsResponse> Cluster::ListSessions(
    const ListQuery& query) {
  return calls_->List<monitoring::v1::ListSessionsResponse>(
      ListRequest<monitoring::v1::ListSessionsRequest>(query),
      [](const Connection& connection, auto* context, const auto& request,
         auto* response) {
        return connection.monitoring->ListSessions(context, request, response);
      },
      [](auto* response) { return response->mutable_sessions(); });
}

absl::StatusOr<monitoring::v1::ListSeatsResponse> Cluster::ListSeats(
    const ListQuery& query) {
  return calls_->List<monitoring::v1::ListSeatsResponse>(
      ListRequest<monitoring::v1::ListSeatsRequest>(query),
      [](const Connection& connection, auto* context, const auto& request,
         auto* response) {
        return connection.monitoring->ListSeats(context, request, response);
      },
      [](auto* response) { return response->mutable_seats(); });
}

absl::StatusOr<admin::v1::ListLicensesResponse> Cluster::ListLicenses(
    const ListQuery& query) {
  return calls_->List<admin::v1::ListLicensesResponse>(
      ListRequest<admin::v1::ListLicensesRequest>(query),
      [](const Connection& connection, auto* context, const auto& request,
         auto* response) {
        return connection.licenses->ListLicenses(context, request, response);
      },
      [](auto* response) { return response->mutable_licenses(); });
}

absl::StatusOr<admin::v1::InstallLicenseResponse> Cluster::InstallLicense(
    const std::string& file) {
  admin::v1::InstallLicenseRequest request;
  request.set_license_file(file);
  return calls_->Change<admin::v1::InstallLicenseResponse>(
      std::move(request), [](const Connection& connection, auto* context,
                             const auto& asked, auto* response) {
        return connection.licenses->InstallLicense(context, asked, response);
      });
}

absl::StatusOr<admin::v1::ListMembersResponse> Cluster::ListMembers(
    const ListQuery& query) {
  return calls_->List<admin::v1::ListMembersResponse>(
      ListRequest<admin::v1::ListMembersRequest>(query),
      [](const Connection& connection, auto* context, const auto& request,
         auto* response) {
        return connection.cluster->ListMembers(context, request, response);
      },
      [](auto* response) { return response->mutable_members(); });
}

absl::StatusOr<admin::v1::GetRestorationResponse> Cluster::GetRestoration(
    bool local) {
  admin::v1::GetRestorationRequest request;
  request.mutable_consistency()->set_kind(
      local ? type::v1::Consistency::KIND_LOCAL
            : type::v1::Consistency::KIND_LINEARIZABLE);
  admin::v1::GetRestorationResponse response;
  QUORATE_RETURN_IF_ERROR(calls_->caller.Run(
      calls_->limits,
      [&](const Connection& connection, grpc::ClientContext* context) {
        response.Clear();
        return connection.backups->GetRestoration(context, request, &response);
      }));
  return response;
}

absl::StatusOr<admin::v1::ReleaseRestoredResponse> Cluster::ReleaseRestored(
    admin::v1::ReleaseRestoredRequest request) {
  return calls_->Change<admin::v1::ReleaseRestoredResponse>(
      std::move(request), [](const Connection& connection, auto* context,
                             const auto& asked, auto* response) {
        return connection.backups->ReleaseRestored(context, asked, response);
      });
}

absl::StatusOr<admin::v1::RetireClusterResponse> Cluster::RetireCluster(
    admin::v1::RetireClusterRequest request) {
  return calls_->Change<admin::v1::RetireClusterResponse>(
      std::move(request), [](const Connection& connection, auto* context,
                             const auto& asked, auto* response) {
        return connection.backups->RetireCluster(context, asked, response);
      });
}

absl::StatusOr<admin::v1::AddMemberResponse> Cluster::AddMember(
    admin::v1::AddMemberRequest request) {
  return calls_->Change<admin::v1::AddMemberResponse>(
      std::move(request), [](const Connection& connection, auto* context,
                             const auto& asked, auto* response) {
        return connection.cluster->AddMember(context, asked, response);
      });
}

absl::StatusOr<admin::v1::PromoteMemberResponse> Cluster::PromoteMember(
    admin::v1::PromoteMemberRequest request) {
  return calls_->Change<admin::v1::PromoteMemberResponse>(
      std::move(request), [](const Connection& connection, auto* context,
                             const auto& asked, auto* response) {
        return connection.cluster->PromoteMember(context, asked, response);
      });
}

absl::StatusOr<admin::v1::RemoveMemberResponse> Cluster::RemoveMember(
    admin::v1::RemoveMemberRequest request) {
  return calls_->Change<admin::v1::RemoveMemberResponse>(
      std::move(request), [](const Connection& connection, auto* context,
                             const auto& asked, auto* response) {
        return connection.cluster->RemoveMember(context, asked, response);
      });
}

absl::StatusOr<admin::v1::TransferLeadershipResponse>
Cluster::TransferLeadership(admin::v1::TransferLeadershipRequest request) {
  return calls_->Change<admin::v1::TransferLeadershipResponse>(
      std::move(request), [](const Connection& connection, auto* context,
                             const auto& asked, auto* response) {
        return connection.cluster->TransferLeadership(context, asked, response);
      });
}

absl::StatusOr<admin::v1::CreateJoinTokenResponse> Cluster::CreateJoinToken(
    admin::v1::CreateJoinTokenRequest request) {
  return calls_->Change<admin::v1::CreateJoinTokenResponse>(
      std::move(request), [](const Connection& connection, auto* context,
                             const auto& asked, auto* response) {
        return connection.cluster->CreateJoinToken(context, asked, response);
      });
}

absl::StatusOr<admin::v1::ReplaceMemberResponse> Cluster::ReplaceMember(
    admin::v1::ReplaceMemberRequest request) {
  return calls_->Change<admin::v1::ReplaceMemberResponse>(
      std::move(request), [](const Connection& connection, auto* context,
                             const auto& asked, auto* response) {
        return connection.cluster->ReplaceMember(context, asked, response);
      });
}

absl::StatusOr<admin::v1::AcceptCalendarResponse> Cluster::AcceptCalendar(
    admin::v1::AcceptCalendarRequest request) {
  return calls_->Change<admin::v1::AcceptCalendarResponse>(
      std::move(request), [](const Connection& connection, auto* context,
                             const auto& asked, auto* response) {
        return connection.cluster->AcceptCalendar(context, asked, response);
      });
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

absl::Status FetchBackup(const ClientOptions& options, bool local,
                         const BackupSink& sink) {
  EndpointSet endpoints(options, &SystemClock());
  Caller caller(&endpoints, &SystemClock());
  admin::v1::GetBackupRequest request;
  request.mutable_consistency()->set_kind(
      local ? type::v1::Consistency::KIND_LOCAL
            : type::v1::Consistency::KIND_LINEARIZABLE);
  // An error of the sink is not the cluster's, and another member does not
  // help.
  absl::Status taken;
  const absl::Status status = caller.Run(
      {.deadline = kBackupLimit, .first_attempt = kBackupLimit, .rounds = 2},
      [&](const Connection& connection, grpc::ClientContext* context) {
        return ReadBackup(connection, request, sink, context, &taken);
      });
  return taken.ok() ? status : taken;
}

std::string FilterFor(absl::string_view field, absl::string_view value) {
  std::string quoted;
  for (const char letter : value) {
    if (letter == '"' || letter == '\\') quoted.push_back('\\');
    quoted.push_back(letter);
  }
  return absl::StrCat(field, "=\"", quoted, "\"");
}

}  // namespace quorate::cli

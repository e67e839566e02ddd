// What single members say of the cluster: asked one after another, also where
// none serves.

#ifndef QUORATE_TOOLS_QUORATE_MEMBER_CALLS_H_
#define QUORATE_TOOLS_QUORATE_MEMBER_CALLS_H_

#include <string>

#include "absl/status/statusor.h"

#include "quorate/admin/v1/cluster.pb.h"
#include "quorate/monitoring/v1/monitoring.pb.h"

#include "client/client_options.h"
#include "tools/quorate/cluster.h"

namespace quorate::cli {

// The cluster's state as the leader sees it, where it is one of the endpoints:
// only the leader hears of all members. Else as the first member sees it that
// serves; where none serves, as the first sees it that answers. One short
// attempt at each endpoint, in the given order.
absl::StatusOr<monitoring::v1::GetClusterStatusResponse> AskStatus(
    const ClientOptions& options);

// The state as the member at `endpoint` sees it. One short attempt, with the
// credentials of `options`.
absl::StatusOr<monitoring::v1::GetClusterStatusResponse> AskOneStatus(
    const ClientOptions& options, const std::string& endpoint);

// The members, as the leader sees them where it is one of the endpoints: only
// the leader knows how far others are. With query.local, as the one sees them
// that answers.
absl::StatusOr<admin::v1::ListMembersResponse> AskMembers(
    const ClientOptions& options, const ListQuery& query);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_MEMBER_CALLS_H_

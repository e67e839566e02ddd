#include "tools/quorate/foreign_snapshot.h"

#include "base/clock.h"
#include "base/status.h"
#include "client/error.h"
#include "tools/quorate/cluster.h"
#include "tools/quorate/member_calls.h"

namespace quorate::cli {
namespace {

using monitoring::v1::GetClusterStatusResponse;
using monitoring::v1::Member;

// Only the leader hears of all members. Where it is none of the endpoints it
// is asked all the same; where that fails, each member that the answering one
// does not hear of is asked itself.
GetClusterStatusResponse Completed(const ClientOptions& options,
                                   GetClusterStatusResponse status) {
  if (status.leader().empty() || status.header().member() == status.leader()) {
    return status;
  }
  for (const Member& member : status.members()) {
    if (member.name() != status.leader()) continue;
    auto of_leader = AskOneStatus(options, member.client_endpoint());
    if (of_leader.ok() && of_leader->serving()) return *std::move(of_leader);
  }
  for (Member& member : *status.mutable_members()) {
    if (member.reachable()) continue;
    member.set_reachable(AskOneStatus(options, member.client_endpoint()).ok());
  }
  return status;
}

absl::Status AddUsage(Cluster* cluster, const SnapshotWish& wish,
                      foreign::Snapshot* snapshot) {
  ListQuery query;
  if (!wish.feature.empty()) query.filter = FilterFor("feature", wish.feature);
  if (wish.pools) {
    QUORATE_ASSIGN_OR_RETURN(const auto pools, cluster->ListPools(query));
    AddPools(pools, snapshot);
    QUORATE_ASSIGN_OR_RETURN(const auto reservations,
                             cluster->ListReservations(query));
    AddReservations(reservations, snapshot);
  }
  if (wish.seats) {
    QUORATE_ASSIGN_OR_RETURN(const auto seats, cluster->ListSeats(query));
    AddSeats(seats, snapshot);
    QUORATE_ASSIGN_OR_RETURN(const auto queue, cluster->ListQueue(query));
    AddQueue(queue, snapshot);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<foreign::Snapshot> TakeSnapshot(const ClientOptions& options,
                                               const SnapshotWish& wish) {
  foreign::Snapshot snapshot;
  snapshot.taken = SystemClock().Calendar();
  snapshot.zone = absl::LocalTimeZone();
  QUORATE_ASSIGN_OR_RETURN(GetClusterStatusResponse status, AskStatus(options));
  AddStatus(Completed(options, std::move(status)), &snapshot);
  Cluster cluster(options);
  const auto licenses = cluster.ListLicenses({.local = !snapshot.serving});
  if (!licenses.ok()) return licenses.status();
  AddLicenses(*licenses, &snapshot);
  if (!snapshot.serving) return snapshot;
  const absl::Status usage = AddUsage(&cluster, wish, &snapshot);
  if (ReasonOf(usage) == ErrorReason::kNoQuorum) {
    // It was lost just now: what there is says so.
    snapshot.serving = false;
    return snapshot;
  }
  if (!usage.ok()) return usage;
  return snapshot;
}

}  // namespace quorate::cli

// The members' clocks and the calendar, as monitoring sees them.

#ifndef QUORATE_SERVER_RPC_CLOCK_VIEW_H_
#define QUORATE_SERVER_RPC_CLOCK_VIEW_H_

#include "quorate/monitoring/v1/monitoring.pb.h"

#include "replication/node/node.h"

namespace quorate::server {

// Writes the calendar, the alarms, and how far the clocks of the members are
// ahead that `response` has already. Nothing where `status` is not a leader's.
void DescribeClocks(const replication::NodeStatus& status,
                    monitoring::v1::GetClusterStatusResponse* response);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_CLOCK_VIEW_H_

// The streams between members, each in order for itself.

#ifndef QUORATE_REPLICATION_TRANSPORT_LANE_H_
#define QUORATE_REPLICATION_TRANSPORT_LANE_H_

#include "replication/transport/transport.h"

namespace quorate::replication {

// Control stays quick while bulk is busy (raft.md, pitfall 18).
enum class Lane { kControl, kBulk };

// Votes, heartbeats, replies, reads and clocks travel on control, entries and
// forwarded proposals on bulk.
Lane LaneOf(const PeerMessage& message);

// "control", "bulk".
const char* LaneName(Lane lane);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_TRANSPORT_LANE_H_

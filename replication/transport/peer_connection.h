// Everything that goes from this member to one other.

#ifndef QUORATE_REPLICATION_TRANSPORT_PEER_CONNECTION_H_
#define QUORATE_REPLICATION_TRANSPORT_PEER_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/time/time.h"

#include "replication/transport/grpc_transport.h"
#include "replication/transport/outbound_snapshots.h"
#include "replication/transport/outbound_stream.h"
#include "replication/transport/peer_lane.h"
#include "replication/transport/transport.h"

namespace quorate::replication {

// The three lanes to one member, each over a connection of its own, and what
// the sink was told of them. Sends may be called by any thread, the rest by the
// keeper's alone. Thread-safe in that sense.
class PeerConnection {
 public:
  // `run` names this process. `keeper` is not owned and outlives the
  // connection.
  PeerConnection(const GrpcTransport::Options& options,
                 const raft::MemberAddress& peer, uint64_t run,
                 LaneKeeper* keeper);

  const raft::MemberAddress& peer() const { return peer_; }

  void Send(PeerMessage message);

  // False after Close: nobody will be told of its end.
  bool SendSnapshot(raft::Term term, std::unique_ptr<SnapshotSource> snapshot);

  // Keeps both lanes going and tells `sink`, if there is one, what has changed.
  void Maintain(absl::Duration now, PeerMessageSink* sink);

  void ConnectSoon();
  void Close();
  bool idle() const;

 private:
  enum class Told { kNothing, kUnreachable, kReachable };

  const raft::MemberAddress peer_;
  PeerLane control_;
  PeerLane bulk_;
  OutboundSnapshots snapshots_;
  Told told_ = Told::kNothing;  // Confined to the keeper's thread.
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_TRANSPORT_PEER_CONNECTION_H_

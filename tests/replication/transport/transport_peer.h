// One member's transport over loopback, and messages to send with it.

#ifndef QUORATE_TESTS_REPLICATION_TRANSPORT_TRANSPORT_PEER_H_
#define QUORATE_TESTS_REPLICATION_TRANSPORT_TRANSPORT_PEER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"

#include "replication/transport/grpc_transport.h"
#include "tests/replication/transport/recording_sink.h"
#include "tests/replication/transport/test_authority.h"

namespace quorate::replication {

inline constexpr char kTestCluster[] = "0123456789abcdef0123456789abcdef";

// "m11" for 11.
std::string TestName(raft::MemberId id);

// Voters with these ports of this machine.
raft::Configuration ConfigurationOf(
    const std::vector<std::pair<raft::MemberId, int>>& ports);

PeerMessage HeartbeatOf(raft::MemberId from, raft::MemberId to,
                        uint64_t number);
PeerMessage AppendOf(raft::MemberId from, raft::MemberId to, uint64_t number,
                     size_t bytes);

// Thread-compatible.
class TransportPeer {
 public:
  // `port` 0 for a free one.
  TransportPeer(TestAuthority* authority, raft::MemberId id, int port);

  absl::Status Create();

  // Ends the transport and begins another, on the same port.
  void Restart(const raft::Configuration& configuration);

  // `snapshots` may be null.
  void Start(const raft::Configuration& configuration,
             SnapshotSink* snapshots = nullptr);

  GrpcTransport& transport() { return *transport_; }

  GrpcTransport::Options& options() { return options_; }

  RecordingSink& sink() { return sink_; }

  raft::MemberId id() const { return options_.id; }

 private:
  GrpcTransport::Options options_;
  RecordingSink sink_;
  std::unique_ptr<GrpcTransport> transport_;
};

}  // namespace quorate::replication

#endif  // QUORATE_TESTS_REPLICATION_TRANSPORT_TRANSPORT_PEER_H_

// The transport between real members: gRPC streams over mutual TLS.

#ifndef QUORATE_REPLICATION_TRANSPORT_GRPC_TRANSPORT_H_
#define QUORATE_REPLICATION_TRANSPORT_GRPC_TRANSPORT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "base/clock.h"
#include "replication/raft/types.h"
#include "replication/transport/inbound_peers.h"
#include "replication/transport/transport.h"

namespace grpc {
class Service;
}  // namespace grpc

namespace quorate::replication {

// Certificates of one member, as PEM. `ca_pem` is the cluster's own authority:
// it signs members and nothing else. `cert_pem` is good for both client and
// server and carries MemberUri and MemberHostName (peer_identity.h).
struct PeerTlsOptions {
  std::string ca_pem;
  std::string cert_pem;
  std::string key_pem;
  std::string cluster_id;
};

// Serves the peer port and keeps two streams (lanes) to each other member of
// the configuration, and a third while a snapshot is sent. Until a stream to a
// member is up, and while its queue is full, what is sent to it is dropped and
// the sink told once; it is told again when messages get through. A peer that
// hangs is not noticed here: that is what the core's timers are for. A
// connection that died without a word is given up after some seconds.
//
// Thread-safe. A peer that cannot prove to be a member of this cluster and of
// the configuration in force is refused with PERMISSION_DENIED and logged, an
// old process or copy of a member with FAILED_PRECONDITION.
class GrpcTransport : public Transport {
 public:
  struct Options {
    raft::MemberId id;
    std::string listen;  // "host:port"; port 0 for a free one.
    PeerTlsOptions tls;
    // Which life of the cluster: one more with each restore of a backup.
    uint32_t cluster_epoch = 1;
    // Of the backup that this member began with; empty where with none.
    std::string restore_id;
    const Clock* clock = nullptr;  // Not owned; outlives the transport.

    // Which start of the data directory this is; 0 where nobody counts. Peers
    // refuse an older start than they have seen.
    uint64_t incarnation = 0;

    // Where this member's log ended when the process began.
    raft::Index last_index;

    // Asked about each process that speaks to us, on top of what this process
    // has seen itself; FAILED_PRECONDITION refuses it. Must not block.
    std::function<absl::Status(const Speaker&)> witness;

    // Called where a peer refuses this process as an old state or a copy of its
    // member, perhaps often. Must not block.
    std::function<void()> on_refused_as_copy;

    // Of one snapshot that is sent: enough for the largest ledger in seconds,
    // and half of what a disk that others need takes.
    uint64_t snapshot_bytes_per_second = uint64_t{64} << 20;

    // Served on the peer port beside the members' own; they check by themselves
    // who calls. Not owned; outlive the transport.
    std::vector<grpc::Service*> services = {};
  };

  // Begins to listen. Peers are refused as UNAVAILABLE until Start.
  // Errors: INVALID_ARGUMENT where an option is missing; FAILED_PRECONDITION
  // where the port is taken or the certificates do not fit together.
  static absl::StatusOr<std::unique_ptr<GrpcTransport>> Create(
      const Options& options);

  // The port it listens on.
  virtual int port() const = 0;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_TRANSPORT_GRPC_TRANSPORT_H_

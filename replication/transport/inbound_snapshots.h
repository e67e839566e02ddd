// The receiving side of the snapshot lane.

#ifndef QUORATE_REPLICATION_TRANSPORT_INBOUND_SNAPSHOTS_H_
#define QUORATE_REPLICATION_TRANSPORT_INBOUND_SNAPSHOTS_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "grpcpp/support/sync_stream.h"

#include "quorate/internal/v1/peer.grpc.pb.h"

#include "base/mutex.h"
#include "replication/raft/types.h"
#include "replication/snapshot_stream.h"
#include "replication/transport/inbound_peers.h"
#include "replication/transport/snapshot_wire.h"

namespace quorate::replication {

// Whether a member may go on sending. Thread-safe.
class SnapshotPermission {
 public:
  virtual absl::Status MaySend(raft::MemberId from) const = 0;

 protected:
  ~SnapshotPermission() = default;
};

// Receives one snapshot at a time, in the thread of the call that brings it:
// the sink may block. A later call ends the one before it, unless that is a
// later leader's. Thread-safe.
class InboundSnapshots {
 public:
  using Stream = grpc::ServerReaderWriter<internal::v1::SnapshotResponse,
                                          internal::v1::SnapshotRequest>;

  // `permission` is not owned.
  explicit InboundSnapshots(const SnapshotPermission* permission)
      : permission_(permission) {}

  // Takes the rest of a stream that began with `offer`, to its end. `call` is
  // that stream, as others may cancel it. The sink's errors come back as they
  // are; INVALID_ARGUMENT and DATA_LOSS for what keeps no rule, CANCELLED for a
  // stream that broke.
  absl::Status Receive(raft::MemberId from, const SnapshotOffer& offer,
                       SnapshotSink* sink, InboundCall* call, Stream* stream);

 private:
  absl::Status Begin(raft::Term term, InboundCall* call);
  void End();
  absl::Status Take(raft::MemberId from, const SnapshotOffer& offer,
                    SnapshotSink* sink, Stream* stream) const;

  const SnapshotPermission* const permission_;

  Mutex mu_;
  CondVar ended_;
  InboundCall* current_ ABSL_GUARDED_BY(mu_) = nullptr;
  raft::Term current_term_ ABSL_GUARDED_BY(mu_);
  uint64_t latest_ ABSL_GUARDED_BY(mu_) = 0;  // Counts the calls.
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_TRANSPORT_INBOUND_SNAPSHOTS_H_

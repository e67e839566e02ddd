// One lane to one member: a bounded queue, and the stream that empties it.

#ifndef QUORATE_REPLICATION_TRANSPORT_PEER_LANE_H_
#define QUORATE_REPLICATION_TRANSPORT_PEER_LANE_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "grpcpp/support/status.h"

#include "base/mutex.h"
#include "replication/transport/outbound_stream.h"
#include "replication/transport/transport.h"

namespace quorate::replication {

// Wakes the thread that maintains the lanes; hears of snapshots. Thread-safe.
class LaneKeeper {
 public:
  virtual void Wake() = 0;
  virtual void OnSnapshotSent(raft::MemberId to, bool delivered) = 0;
  virtual void OnRefusedAsCopy() = 0;

 protected:
  ~LaneKeeper() = default;
};

// Send is called by any thread; Maintain and its like by the keeper's thread
// alone, which also destroys the lane, when it is idle. Thread-safe.
class PeerLane final : private OutboundStreamOwner {
 public:
  // `keeper` is not owned and outlives the lane.
  PeerLane(Lane lane, std::shared_ptr<grpc::Channel> channel,
           OutboundHello hello, LaneKeeper* keeper);
  ~PeerLane();

  PeerLane(const PeerLane&) = delete;
  PeerLane& operator=(const PeerLane&) = delete;

  // Queues; drops where there is no stream or no room.
  void Send(PeerMessage message);

  // What happened since the last time.
  struct News {
    bool lost = false;  // Messages may have been lost.
    bool up = false;    // Messages get through.
  };

  // Restarts a stream that has ended, ends one whose connection is gone.
  News Maintain(absl::Duration now);

  // The peer is there: nothing is gained by waiting with the next try.
  void ConnectSoon();

  // Ends the stream for good.
  void Close();

  // True after Close, once the stream has ended.
  bool idle() const;

 private:
  void OnAccepted(bool ok) override;
  void OnWritten(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  void Pump();
  void Connect();
  void Break();
  bool FailLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::vector<PeerMessage> TakeBatchLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Constant after construction.
  const Lane lane_;
  const std::shared_ptr<grpc::Channel> channel_;
  const OutboundHello hello_;
  LaneKeeper* const keeper_;

  // Confined to the keeper's thread, but for calls while a write or a hold
  // keeps it alive.
  std::unique_ptr<OutboundStream> stream_;
  absl::Duration next_try_;
  bool closing_ = false;

  mutable Mutex mu_;
  std::deque<PeerMessage> queue_ ABSL_GUARDED_BY(mu_);
  size_t queue_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  bool lost_ ABSL_GUARDED_BY(mu_) = false;      // Told by the next Maintain.
  bool overflow_ ABSL_GUARDED_BY(mu_) = false;  // Until the queue is empty.

  // Of the stream.
  bool accepted_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool failed_ ABSL_GUARDED_BY(mu_) = false;
  bool held_ ABSL_GUARDED_BY(mu_) = false;
  bool done_ ABSL_GUARDED_BY(mu_) = true;  // Ended, or none begun.
  bool refused_ ABSL_GUARDED_BY(mu_) = false;
  bool copy_ ABSL_GUARDED_BY(mu_) = false;  // Refused as one, or as too old.
  std::string ended_ ABSL_GUARDED_BY(mu_);  // How, for the log.
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_TRANSPORT_PEER_LANE_H_

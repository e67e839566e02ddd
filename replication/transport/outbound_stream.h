// One stream to one member, as gRPC's callback interface wants it.

#ifndef QUORATE_REPLICATION_TRANSPORT_OUTBOUND_STREAM_H_
#define QUORATE_REPLICATION_TRANSPORT_OUTBOUND_STREAM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "grpcpp/channel.h"
#include "grpcpp/support/status.h"

#include "quorate/internal/v1/peer.pb.h"

#include "replication/raft/types.h"
#include "replication/transport/lane.h"
#include "replication/transport/transport.h"

namespace quorate::replication {

// Who owns a stream. Called on gRPC's threads, one call at a time.
class OutboundStreamOwner {
 public:
  // The peer has taken the hello, or has not and the stream is at its end.
  virtual void OnAccepted(bool ok) = 0;

  // The write that Start or Write began is over.
  virtual void OnWritten(bool ok) = 0;

  // The last call; the stream may be destroyed once it has been made.
  virtual void OnDone(const grpc::Status& status) = 0;

 protected:
  ~OutboundStreamOwner() = default;
};

// The owner keeps the hold rule: from Start on the stream holds itself open;
// the owner writes only while it has not called Release, one write at a time,
// and calls Release once, when no write is under way, after a failure or
// Cancel. OnDone follows. Thread-compatible.
class OutboundStream {
 public:
  virtual ~OutboundStream() = default;

  // Begins the call and writes the hello, of which OnWritten tells.
  virtual void Start() = 0;
  virtual void Write(const std::vector<PeerMessage>& messages) = 0;
  virtual void Cancel() = 0;
  virtual void Release() = 0;
};

struct OutboundHello {
  std::string cluster_id;
  raft::MemberId from;
  raft::MemberId to;
  uint64_t run = 0;
  uint64_t incarnation = 0;
  uint32_t cluster_epoch = 1;
  std::string restore_id;
  raft::Index last_index;
};

// Fills `*proto`, the first message of every stream.
void EncodeHello(const OutboundHello& hello, internal::v1::PeerHello* proto);

// `owner` is not owned and outlives the stream.
std::unique_ptr<OutboundStream> NewOutboundStream(
    Lane lane, const std::shared_ptr<grpc::Channel>& channel,
    const OutboundHello& hello, OutboundStreamOwner* owner);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_TRANSPORT_OUTBOUND_STREAM_H_

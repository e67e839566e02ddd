// What members say to each other, as PeerFrame of
// quorate/internal/v1/raft.proto.
//
// A frame names neither sender nor receiver: the stream that carries it does,
// and the transport has checked them against the certificate. Decoders take
// input from the network: whatever does not keep the rules of its type is
// INVALID_ARGUMENT, and nothing of it is used.

#ifndef QUORATE_REPLICATION_WIRE_PEER_CODEC_H_
#define QUORATE_REPLICATION_WIRE_PEER_CODEC_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "quorate/internal/v1/raft.pb.h"

#include "replication/raft/types.h"
#include "replication/transport/transport.h"

namespace quorate::replication {

// Overwrites `*frame`.
void EncodePeerFrame(const PeerMessage& message,
                     internal::v1::PeerFrame* frame);

// Takes payloads out of `frame` instead of copying them.
absl::StatusOr<PeerMessage> DecodePeerFrame(internal::v1::PeerFrame&& frame,
                                            raft::MemberId from,
                                            raft::MemberId to);

// The same from the bytes of a frame: for tests, the simulator and fuzzing.
absl::StatusOr<PeerMessage> DecodePeerFrameBytes(absl::string_view bytes,
                                                 raft::MemberId from,
                                                 raft::MemberId to);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_WIRE_PEER_CODEC_H_

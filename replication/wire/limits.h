// What decoders accept at most. A peer or a disk that offers more is refused,
// so nothing from outside decides how much memory a member takes.
//
// What is proposed must stay within these limits, else an entry could be
// appended that no other member takes.

#ifndef QUORATE_REPLICATION_WIRE_LIMITS_H_
#define QUORATE_REPLICATION_WIRE_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "replication/raft/types.h"

namespace quorate::replication {

// One command. The largest are enrolled licence documents (tens of KiB) and
// batches of renewals; the node refuses larger proposals.
inline constexpr size_t kMaxPayloadBytes = size_t{2} << 20;

// One frame: an append carries at most RaftOptions::max_message_bytes, or one
// entry of any size, plus its framing. Above the sum of both.
inline constexpr size_t kMaxFrameBytes = size_t{4} << 20;

// Entries of one append, proposals of one forward. EntryCost counts tens of
// bytes for an empty entry, so max_message_bytes ends far below.
inline constexpr size_t kMaxItemsInFrame = size_t{64} << 10;

// Members of one kind.
inline constexpr size_t kMaxMembers = raft::kMaxMembers;

// A host name has at most 253 characters (RFC 1035, 2.3.4), a port five.
inline constexpr size_t kMaxEndpointBytes = 260;
inline constexpr size_t kMaxMemberNameBytes = 64;

// Indexes and terms stay far below the end of their type, so that adding to
// one never wraps. A million a second takes 146,000 years to get there.
inline constexpr uint64_t kMaxIndexOrTerm = uint64_t{1} << 62;

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_WIRE_LIMITS_H_

// Changes of the members on their way to the leader, how they ended, and who
// the members are now.
//
// As peer_codec.h, of which this is a part: decoders take input from outside.

#ifndef QUORATE_REPLICATION_WIRE_MEMBERSHIP_CODEC_H_
#define QUORATE_REPLICATION_WIRE_MEMBERSHIP_CODEC_H_

#include "absl/status/statusor.h"

#include "quorate/internal/v1/raft.pb.h"

#include "replication/transport/transport.h"

namespace quorate::replication {

// Encoders fill an empty `*proto`.
void EncodeMembershipRequest(const MembershipRequest& request,
                             internal::v1::MembershipRequest* proto);
void EncodeMembershipReply(const MembershipReply& reply,
                           internal::v1::MembershipReply* proto);

// `hint.configuration` is set.
void EncodeMembersHint(const MembersHint& hint,
                       internal::v1::MembersHint* proto);

absl::StatusOr<PeerMessageBody> DecodeMembershipRequest(
    const internal::v1::MembershipRequest& proto);
absl::StatusOr<PeerMessageBody> DecodeMembershipReply(
    const internal::v1::MembershipReply& proto);
absl::StatusOr<PeerMessageBody> DecodeMembersHint(
    const internal::v1::MembersHint& proto);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_WIRE_MEMBERSHIP_CODEC_H_

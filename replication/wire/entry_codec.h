// What stands in the log, as the messages of quorate/internal/v1/raft.proto.
//
// The same bytes go to disk and to the other members. Decoders take input
// from outside: they check every rule that a value can be checked against by
// itself and answer INVALID_ARGUMENT with the rule that is broken. Fields that
// a later version added are ignored.

#ifndef QUORATE_REPLICATION_WIRE_ENTRY_CODEC_H_
#define QUORATE_REPLICATION_WIRE_ENTRY_CODEC_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "quorate/internal/v1/raft.pb.h"

#include "replication/raft/types.h"

namespace quorate::replication {

// Encoders overwrite `*proto`. The value must keep the rules of its type.
void EncodeEntry(const raft::Entry& entry, internal::v1::Entry* proto);
void EncodeConfiguration(const raft::Configuration& configuration,
                         internal::v1::Configuration* proto);
void EncodeAddress(const raft::MemberAddress& address,
                   internal::v1::MemberAddress* proto);
void EncodeHardState(const raft::HardState& hard_state,
                     internal::v1::HardState* proto);

// Takes the payload out of `proto` instead of copying it.
absl::StatusOr<raft::Entry> DecodeEntry(internal::v1::Entry&& proto);
absl::StatusOr<raft::Configuration> DecodeConfiguration(
    const internal::v1::Configuration& proto);

absl::StatusOr<raft::MemberAddress> DecodeAddress(
    const internal::v1::MemberAddress& proto);

// `position.configuration` is set.
void EncodeSnapshotPosition(const raft::SnapshotPosition& position,
                            internal::v1::SnapshotPosition* proto);

// Nothing stands before the first entry, so index and term are above zero.
absl::StatusOr<raft::SnapshotPosition> DecodeSnapshotPosition(
    const internal::v1::SnapshotPosition& proto);
absl::StatusOr<raft::HardState> DecodeHardState(
    const internal::v1::HardState& proto);

// OK where `value` can be an index or a term (limits.h); `name` says what it
// is in the error.
absl::Status CheckIndexOrTerm(uint64_t value, const char* name);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_WIRE_ENTRY_CODEC_H_

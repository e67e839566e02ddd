// Counting votes and acknowledgements against a membership.
//
// Pure functions: they read a Membership and the answers so far and return a
// verdict. tests/replication/raft/quorum_test.cc runs them against a slow,
// obvious version on every small case.

#ifndef QUORATE_REPLICATION_RAFT_QUORUM_H_
#define QUORATE_REPLICATION_RAFT_QUORUM_H_

#include <cstdint>
#include <limits>
#include <optional>

#include "absl/functional/function_ref.h"

#include "replication/raft/types.h"

namespace quorate::raft {

enum class VoteResult { kPending, kWon, kLost };

// The answer of one member: true for yes, false for no, nothing where it has
// not answered. Asked once or twice for each voter.
using VoteLookup = absl::FunctionRef<std::optional<bool>(MemberId)>;

// The highest index that one member is known to hold on its disk, Index(0)
// where nothing is known.
using AckLookup = absl::FunctionRef<Index(MemberId)>;

// What an empty quorum has acknowledged: everything. It makes an empty half of
// a joint membership neutral.
inline constexpr Index kEveryIndex =
    Index(std::numeric_limits<uint64_t>::max());

// Returns the verdict of an election. Learners and members outside are never
// asked. An empty half of a joint membership counts as won, so that a
// half-filled one behaves like a plain one.
VoteResult TallyVotes(const Membership& membership, VoteLookup vote);

// Returns the highest index a quorum has acknowledged, Index(0) if none, and
// kEveryIndex where there are no voters at all. The caller must still check
// that the entry is of its own term before it commits it (Raft, §5.4.2).
Index QuorumIndex(const Membership& membership, AckLookup acknowledged);

}  // namespace quorate::raft

#endif  // QUORATE_REPLICATION_RAFT_QUORUM_H_

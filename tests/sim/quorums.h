// What a majority is, written down a second time and as plainly as can be: the
// checker shares no code with what it checks.

#ifndef QUORATE_TESTS_SIM_QUORUMS_H_
#define QUORATE_TESTS_SIM_QUORUMS_H_

#include <set>

#include "replication/raft/types.h"

namespace quorate::sim {

// A majority of the voters, and of the outgoing ones where there are any.
bool IsQuorum(const raft::Membership& membership,
              const std::set<raft::MemberId>& members);

// True where every majority of one has a member in every majority of the
// other. By trying all of them.
bool QuorumsMeet(const raft::Membership& one, const raft::Membership& other);

bool Votes(const raft::Membership& membership, raft::MemberId id);

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_QUORUMS_H_

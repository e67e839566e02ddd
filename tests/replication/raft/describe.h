// Messages, entries and Readies as short lines for golden scripts.

#ifndef QUORATE_TESTS_REPLICATION_RAFT_DESCRIBE_H_
#define QUORATE_TESTS_REPLICATION_RAFT_DESCRIBE_H_

#include <string>

#include "replication/raft/message.h"
#include "replication/raft/raft.h"
#include "replication/raft/ready.h"

namespace quorate::raft {

// "4/2 'x'": index, term, content.
std::string Describe(const Entry& entry);

// "voters(1 2 3)", with the other lists where they are not empty.
std::string Describe(const Membership& membership);

// "1->2 AppendRequest term=2 after=3/2 commit=3 [4/2 'x']"
std::string Describe(const Message& message);

// "term=2 vote=1 commit=0"
std::string Describe(const HardState& state);

// One line a part: what goes out now, what is to be written and what goes out
// after that, what is to be applied, which reads may run.
std::string Describe(const Ready& ready);

// "1 leader term=2 vote=1 leader=1 last=3 durable=3 commit=3 applied=3", and
// a line for each follower of a leader.
std::string Describe(const RaftStatus& status);

}  // namespace quorate::raft

#endif  // QUORATE_TESTS_REPLICATION_RAFT_DESCRIBE_H_

// Random values of everything that goes over the wire, and their text.

#ifndef QUORATE_TESTS_REPLICATION_WIRE_SAMPLE_MESSAGES_H_
#define QUORATE_TESTS_REPLICATION_WIRE_SAMPLE_MESSAGES_H_

#include <string>

#include "base/random.h"
#include "replication/raft/types.h"
#include "replication/transport/transport.h"

namespace quorate::replication {

raft::Configuration SampleConfiguration(Random* random);

// Any type, of `index` and `term`.
raft::Entry SampleEntry(Random* random, raft::Index index, raft::Term term);

// Any kind.
PeerMessage SamplePeerMessage(Random* random);

// Every field of the value as text. Does not compile where a struct has a field
// that it does not print, so a field cannot be left out of the codec unseen.
std::string Describe(const raft::Configuration& configuration);
std::string Describe(const raft::Entry& entry);
std::string Describe(const PeerMessage& message);

}  // namespace quorate::replication

#endif  // QUORATE_TESTS_REPLICATION_WIRE_SAMPLE_MESSAGES_H_

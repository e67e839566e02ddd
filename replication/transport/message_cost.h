// How much of a queue a message takes.

#ifndef QUORATE_REPLICATION_TRANSPORT_MESSAGE_COST_H_
#define QUORATE_REPLICATION_TRANSPORT_MESSAGE_COST_H_

#include <cstddef>
#include <variant>

#include "replication/transport/transport.h"

namespace quorate::replication {

// What a message, and each of its items, counts for beside its payloads.
inline constexpr size_t kPeerMessageBytes = 256;
inline constexpr size_t kPeerItemBytes = 64;

// About the memory that `message` holds; near enough to its size on the wire.
inline size_t PeerMessageCost(const PeerMessage& message) {
  size_t bytes = kPeerMessageBytes;
  if (const auto* raft = std::get_if<raft::Message>(&message.body)) {
    if (const auto* append = std::get_if<raft::AppendRequest>(&raft->body)) {
      for (const raft::Entry& entry : append->entries) {
        bytes += kPeerItemBytes + raft::EntryCost(entry);
      }
    }
  } else if (const auto* forward =
                 std::get_if<ForwardProposals>(&message.body)) {
    for (const raft::Proposal& proposal : forward->proposals) {
      bytes += kPeerItemBytes;
      if (proposal.payload != nullptr) bytes += proposal.payload->size();
    }
  } else if (const auto* rejected =
                 std::get_if<RejectedProposals>(&message.body)) {
    bytes += kPeerItemBytes * rejected->proposals.size();
  }
  return bytes;
}

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_TRANSPORT_MESSAGE_COST_H_

// How members talk to each other.

#ifndef QUORATE_REPLICATION_TRANSPORT_TRANSPORT_H_
#define QUORATE_REPLICATION_TRANSPORT_TRANSPORT_H_

#include <cstdint>
#include <variant>
#include <vector>

#include "replication/raft/message.h"
#include "replication/raft/raft.h"
#include "replication/raft/types.h"

namespace quorate::replication {

// Commands that a member hands to the one it takes for the leader of `term`.
// The receiver appends them in that term or not at all. `batch` is new for each
// message of a sender's run, so that a rejection names the attempt it is about.
struct ForwardProposals {
  raft::Term term;
  uint64_t batch = 0;
  std::vector<raft::Proposal> proposals;
};

// Nothing of these was appended, and nothing of that message ever will be.
// (What was appended is never answered: the sender sees it when it applies.)
struct RejectedProposals {
  raft::Term term;          // Of the one who rejects.
  uint64_t batch = 0;       // As received.
  bool overloaded = false;  // The leader refuses: too much is uncommitted.
  std::vector<raft::ProposalId> proposals;
};

// A read index for a follower's read. `nonce` is new for each attempt.
struct ReadIndexRequest {
  uint64_t nonce = 0;
};

struct ReadIndexReply {
  uint64_t nonce = 0;
  raft::Index index;  // Index(0): not the leader, or the read was dropped.
};

using PeerMessageBody =
    std::variant<raft::Message, ForwardProposals, RejectedProposals,
                 ReadIndexRequest, ReadIndexReply>;

struct PeerMessage {
  raft::MemberId from;
  raft::MemberId to;
  PeerMessageBody body;
};

// Takes what arrives. Called on the transport's threads; must not block.
class PeerMessageSink {
 public:
  virtual ~PeerMessageSink() = default;

  // Returns false where there is no room: the message is lost, as if the
  // network had lost it.
  virtual bool OnPeerMessage(PeerMessage message) = 0;

  // The connection that carries our messages to `peer` broke (what was queued
  // or under way may be lost), or a message to it found no room.
  virtual void OnPeerUnreachable(raft::MemberId peer) = 0;

  // A connection that carries our messages to `peer` is up (again).
  virtual void OnPeerReachable(raft::MemberId peer) = 0;
};

// Thread-safe.
class Transport {
 public:
  virtual ~Transport() = default;

  // Begins to deliver to `sink`, which outlives the transport or Stop().
  virtual void Start(PeerMessageSink* sink) = 0;

  // Queues for delivery; never waits. Messages of one lane (votes, heartbeats,
  // replies and reads on one; appends and forwards on the other) arrive in
  // order or not at all. A message that finds no room is dropped and the sink
  // told OnPeerUnreachable.
  virtual void Send(PeerMessage message) = 0;

  // Connects to the members of `configuration`, drops the others. Called once
  // before messages flow and again at each change.
  virtual void SetConfiguration(const raft::Configuration& configuration) = 0;

  // No call to the sink after this returns.
  virtual void Stop() = 0;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_TRANSPORT_TRANSPORT_H_

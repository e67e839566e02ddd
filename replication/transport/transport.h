// How members talk to each other.

#ifndef QUORATE_REPLICATION_TRANSPORT_TRANSPORT_H_
#define QUORATE_REPLICATION_TRANSPORT_TRANSPORT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <variant>
#include <vector>

#include "absl/status/status.h"

#include "replication/raft/message.h"
#include "replication/raft/raft.h"
#include "replication/raft/types.h"
#include "replication/snapshot_stream.h"

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

// Leadership is to go to a voter, or to whoever is best for kNobody.
struct LeadershipTransfer {
  raft::MemberId to;
};

// A person accepts that the calendar leaps, not beyond this moment
// (replication/node/calendar.h, Accept).
struct CalendarLeap {
  int64_t up_to_ms = 0;
};

// What somebody asks of the leader. `nonce` is new for each attempt. A change
// of the members names one at least.
struct MembershipRequest {
  uint64_t nonce = 0;
  std::variant<LeadershipTransfer, raft::ConfigurationChange, CalendarLeap>
      what;
};

// How it ended, by the codes of ChangeDone (replication/node/node.h); a
// transfer that was begun is answered only where it failed. UNAVAILABLE: not
// the leader, ask another.
struct MembershipReply {
  uint64_t nonce = 0;
  absl::Status status;
};

// The members as the sender's log has them, from the entry at `index`. A member
// that was away may not know those who came meanwhile, and one of them may
// lead: only who is told of them by a member can let them in.
struct MembersHint {
  raft::Index index;
  std::shared_ptr<const raft::Configuration> configuration;
};

// What does your clock show? `sent_us` is Clock::SinceBoot of the one who asks.
struct ClockRequest {
  int64_t sent_us = 0;
};

struct ClockReply {
  int64_t sent_us = 0;      // As received.
  int64_t calendar_ms = 0;  // 0 to kMaxCalendarMs, however the clock stands.
};

// The end of the year 9999, where timestamps end that people read.
inline constexpr int64_t kMaxCalendarMs = 253'402'300'799'999;

// Whether the sender's disk is nearly full. Sent again and again while it is,
// and once when it is no more.
struct DiskReport {
  bool low = false;
};

// How far the log of each member holds what is committed, as the leader knows
// it. Sent again and again: what is lost is in the next.
struct WitnessReport {
  std::map<raft::MemberId, raft::Index> logs;
};

using PeerMessageBody =
    std::variant<raft::Message, ForwardProposals, RejectedProposals,
                 ReadIndexRequest, ReadIndexReply, MembershipRequest,
                 MembershipReply, MembersHint, ClockRequest, ClockReply,
                 DiskReport, WitnessReport>;

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

  // The process by which `peer` spoke to us is gone, or closed its streams in
  // order, or the last of its connections broke: it does not speak any more.
  // Told within milliseconds where its machine still runs, once a process and
  // connection. Not told where the process itself replaced its streams, where
  // it was refused, or while one of its two lanes lives. That our own streams
  // to it broke is OnPeerUnreachable, and no evidence here: they say whether it
  // can be told something, not whether it speaks.
  virtual void OnPeerLost(raft::MemberId peer) = 0;

  // A snapshot that Transport::SendSnapshot was given has arrived and was taken
  // whole, or has not.
  virtual void OnSnapshotSent(raft::MemberId to, bool delivered) = 0;
};

// Thread-safe.
class Transport {
 public:
  virtual ~Transport() = default;

  // Begins to deliver to the sinks, which outlive the transport or Stop(). A
  // member without `snapshots` takes none: who sends one is told ABORTED.
  virtual void Start(PeerMessageSink* sink, SnapshotSink* snapshots) = 0;

  // Queues for delivery; never waits. Messages of one lane (votes, heartbeats,
  // replies, reads and clocks on one; appends and forwards on the other) arrive
  // in order or not at all. A message that finds no room is dropped and the
  // sink told OnPeerUnreachable.
  virtual void Send(PeerMessage message) = 0;

  // Sends a snapshot on a lane of its own, on the leader's behalf in `term`. It
  // goes on over short breaks of the connection; the sink is told of the end,
  // once. One at a time to each member: a second one ends the first.
  virtual void SendSnapshot(raft::MemberId to, raft::Term term,
                            std::unique_ptr<SnapshotSource> snapshot) = 0;

  // Connects to the members of `configuration`, drops the others. Called once
  // before messages flow and again at each change.
  virtual void SetConfiguration(const raft::Configuration& configuration) = 0;

  // No call to the sink after this returns.
  virtual void Stop() = 0;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_TRANSPORT_TRANSPORT_H_

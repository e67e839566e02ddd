// What waits for the consensus thread.

#ifndef QUORATE_REPLICATION_NODE_INBOX_H_
#define QUORATE_REPLICATION_NODE_INBOX_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "base/mutex.h"
#include "replication/raft/ready.h"
#include "replication/raft/types.h"
#include "replication/transport/transport.h"

namespace quorate::replication {

struct ProposeEvent {
  uint64_t sequence = 0;
  raft::Payload payload;
  absl::Duration timeout;
};

struct ReadEvent {
  uint64_t read = 0;
  absl::Duration timeout;
};

// A change of the members or of leadership, or a leap of the calendar.
struct MembershipEvent {
  uint64_t call = 0;
  MembershipRequest request;
  absl::Duration timeout;
};

struct AppliedEvent {
  raft::Index index;
  raft::Term term;
  std::vector<uint64_t> sequences;
};

// The state machine has taken over the snapshot that ends at `index`.
struct InstalledEvent {
  raft::Index index;
};

struct SnapshotSentEvent {
  raft::MemberId to;
  bool delivered = false;
};

struct SnapshotReceivedEvent {
  raft::MemberId from;
  raft::Term term;
  raft::SnapshotPosition position;
};

struct CompactEvent {
  raft::SnapshotPosition position;
};

// From callers and other members: may be refused.
using OutsideEvent =
    std::variant<PeerMessage, ProposeEvent, ReadEvent, MembershipEvent>;

// From the node's own threads and the snapshot lane. There are never more than
// the consensus thread gave out, and a few for each snapshot: one is received
// at a time.
using InsideEvent =
    std::variant<raft::AppendReceipt, AppliedEvent, InstalledEvent,
                 SnapshotSentEvent, SnapshotReceivedEvent, CompactEvent>;

// News of the connection to a member since the last time. Where it broke and
// is up again both are set.
struct LinkChange {
  bool broke = false;
  bool up = false;
  bool lost = false;  // PeerMessageSink::OnPeerLost.
};

// Everything from outside is bounded; links are bounded by the number of
// members, since only the latest news of each counts. Thread-safe.
class Inbox {
 public:
  struct Batch {
    std::vector<InsideEvent> inside;
    std::map<raft::MemberId, LinkChange> links;
    std::vector<OutsideEvent> outside;
    bool closed = false;
  };

  Inbox(size_t max_events, size_t max_bytes)
      : max_events_(max_events), max_bytes_(max_bytes) {}

  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // Returns false where there is no room, or after Close. Never waits.
  [[nodiscard]] bool TryPush(OutsideEvent event);
  void Push(std::vector<InsideEvent> events);
  void PushLink(raft::MemberId peer, bool up);
  void PushLost(raft::MemberId peer);

  // Takes what is there; waits up to `timeout` for something. Events from
  // outside stay, and do not end the wait, where `with_outside` is false.
  Batch Take(absl::Duration timeout, bool with_outside);

  // Take returns a closed, empty batch from now on.
  void Close();

 private:
  // Constant after construction.
  const size_t max_events_;
  const size_t max_bytes_;

  Mutex mu_;
  CondVar changed_;
  std::vector<InsideEvent> inside_ ABSL_GUARDED_BY(mu_);
  std::map<raft::MemberId, LinkChange> links_ ABSL_GUARDED_BY(mu_);
  std::vector<OutsideEvent> outside_ ABSL_GUARDED_BY(mu_);
  size_t outside_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_INBOX_H_

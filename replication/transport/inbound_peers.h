// Who speaks to us at the moment: which process of which member, and by which
// streams.

#ifndef QUORATE_REPLICATION_TRANSPORT_INBOUND_PEERS_H_
#define QUORATE_REPLICATION_TRANSPORT_INBOUND_PEERS_H_

#include <cstdint>
#include <deque>
#include <map>
#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"

#include "base/mutex.h"
#include "replication/raft/types.h"
#include "replication/transport/lane.h"

namespace quorate::replication {

// One stream from another member. Thread-safe.
class InboundCall {
 public:
  // Ends it soon. Called under a lock: must not call back.
  virtual void Cancel() = 0;

 protected:
  ~InboundCall() = default;
};

// A process of a member, as its hello names it.
struct Speaker {
  raft::MemberId id;
  uint64_t run = 0;
  uint64_t incarnation = 0;
  raft::Index last_index;  // Where its log ended when the process began.
};

// Decides which process of a member is heard, and when it is lost. Each member
// has one process that counts, the latest: a new run ends the streams of the
// one before it, which is never heard again (a stale connection, or a copy of a
// machine that runs beside the first). A data directory counts its starts, so a
// lower incarnation, or the same one in another run, is a copy too.
//
// A process is lost when the last of its control and bulk streams has ended
// from the other side. They use two connections, and a process that dies resets
// both: one alone that breaks says nothing of the process while the other
// lives. Thread-safe.
class InboundPeers {
 public:
  // Makes the process the one that is heard. FAILED_PRECONDITION where it is an
  // old one or a copy. `*replaced` is set where another process had live
  // streams until now: that one is lost.
  absl::Status Admit(const Speaker& speaker, bool* replaced);

  // `call`, of an admitted speaker, is now its stream on `lane`; an earlier one
  // is cancelled. False where a newer process was admitted meanwhile. `call`
  // lives until Leave.
  bool Enter(const Speaker& speaker, Lane lane, InboundCall* call);

  // `call` has ended; it need not have entered. True where its process is lost.
  bool Leave(const Speaker& speaker, Lane lane, InboundCall* call);

  // Forgets what is known of others.
  void Retain(const std::set<raft::MemberId>& members);

 private:
  struct Peer {
    uint64_t run = 0;
    uint64_t incarnation = 0;
    std::deque<uint64_t> earlier_runs;
    std::map<Lane, InboundCall*> calls;
  };

  Mutex mu_;
  std::map<raft::MemberId, Peer> peers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_TRANSPORT_INBOUND_PEERS_H_

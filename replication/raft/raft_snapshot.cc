// Compaction and snapshots: Raft, §7. The bytes of a snapshot never pass
// through here, only its position; who sends and stores them is told by Ready.

#include "base/check.h"
#include "replication/raft/raft_core.h"

namespace quorate::raft {

namespace {

bool MakesSense(const SnapshotPosition& position, Term term) {
  return position.index > Index(0) && position.index <= kLastIndex &&
         position.term > Term(0) && position.term <= term &&
         position.configuration_index <= position.index &&
         position.configuration != nullptr &&
         ValidateMembership(position.configuration->membership).ok();
}

}  // namespace

void Raft::Core::Compact(const SnapshotPosition& position) {
  QUORATE_CHECK(position.configuration != nullptr);
  log_.Compact(position);
}

void Raft::Core::OnMessage(const Message& message,
                           const InstallSnapshot& install) {
  const SnapshotPosition& position = install.position;
  if (!MakesSense(position, message.term) || !FollowSender(message)) return;
  Index match = position.index;
  if (position.index <= log_.commit()) {
    // What is committed is the same here and there.
    match = log_.commit();
  } else if (log_.Matches(position.index, position.term)) {
    // The entries are all here, and so are those behind them, which may have
    // been acknowledged: only the commit index moves (etcd-io/raft, restore).
    CommitTo(position.index);
  } else {
    log_.Install(position);
    // Also a configuration of a later entry goes: it was not committed, and its
    // entry is gone (raft.md, pitfall 15).
    configurations_.Replace(position.configuration_index,
                            position.configuration);
    committed_in_term_ = position.term == term_;
  }
  SendWhenDurable(message.from, term_,
                  AppendReply{.accepted = true, .match = match});
}

// The entries that this member needs are compacted away.
void Raft::Core::OrderSnapshot(Peer& peer) {
  const Index at_least = log_.before_first().index;
  peer.progress.BecomeSnapshot(at_least);
  snapshot_orders_.push_back(
      {.to = peer.id, .term = term_, .at_least = at_least});
}

void Raft::Core::OnSnapshotEnded(MemberId peer_id, bool delivered) {
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return;
  Peer* peer = leader->Find(peer_id);
  if (peer == nullptr) return;
  // The answer to the probe that follows waits on the member's disk behind the
  // installation, so it comes when that is done, or says that it was lost.
  peer->progress.OnSnapshotEnded(delivered, log_.before_first().index);
}

}  // namespace quorate::raft

// A member's disk in memory: a log that may begin after a snapshot.

#ifndef QUORATE_TOOLS_RAFT_SCRIPT_SCRIPT_LOG_H_
#define QUORATE_TOOLS_RAFT_SCRIPT_SCRIPT_LOG_H_

#include <cstddef>
#include <vector>

#include "replication/raft/log_reader.h"
#include "replication/raft/raft.h"
#include "replication/raft/ready.h"
#include "replication/raft/types.h"

namespace quorate::raft_script {

// Thread-compatible.
class ScriptLog : public raft::LogReader {
 public:
  // An empty log after `before`. Where its index is 0 the member has nothing
  // yet but the configuration, which another one told it.
  explicit ScriptLog(raft::SnapshotPosition before);

  // Does what a log writer does with one piece of work.
  void Write(const raft::AppendWork& work);

  // What a member finds here when it starts.
  raft::RestoredState Restore(raft::Index applied) const;

  // The entries from FirstIndex() on.
  const std::vector<raft::Entry>& entries() const { return entries_; }

  // What stands for the entries before FirstIndex().
  const raft::SnapshotPosition& before() const { return before_; }

  std::vector<raft::Entry> Read(raft::Index from, raft::Index to,
                                size_t max_bytes) const override;
  raft::Term TermAt(raft::Index index) const override;

  raft::Index FirstIndex() const override { return before_.index.Next(); }

  raft::Index LastIndex() const override {
    return before_.index.Plus(entries_.size());
  }

 private:
  // Where the entry of `index`, which is in the log, stands in entries_.
  size_t PlaceOf(raft::Index index) const;

  raft::SnapshotPosition before_;
  raft::HardState hard_state_;
  std::vector<raft::Entry> entries_;
};

}  // namespace quorate::raft_script

#endif  // QUORATE_TOOLS_RAFT_SCRIPT_SCRIPT_LOG_H_

// The log as the core sees it: the part in memory over the part on disk.

#ifndef QUORATE_REPLICATION_RAFT_RAFT_LOG_H_
#define QUORATE_REPLICATION_RAFT_RAFT_LOG_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "replication/raft/entry_window.h"
#include "replication/raft/log_reader.h"
#include "replication/raft/ready.h"
#include "replication/raft/types.h"

namespace quorate::raft {

// An entry's place and term, without the entry.
struct LogPosition {
  Index index;
  Term term;

  friend bool operator==(const LogPosition&, const LogPosition&) = default;
};

// Entries that are not durable, or not yet handed to the state machine, stay
// in memory; older ones stay as long as they fit in the cache, and are read
// through the LogReader after that. Confined to the consensus thread.
class RaftLog {
 public:
  // What was found at the start, and the limits.
  struct Options {
    Index commit;
    Index applied;
    // What stands for the entries before the log's first, if anything does.
    std::optional<SnapshotPosition> snapshot;
    size_t max_cached_bytes = 0;
    size_t max_committed_bytes = 0;
  };

  // `reader` is not owned. Everything it holds is durable.
  RaftLog(const LogReader* reader, const Options& options);

  Index first_index() const { return before_.index.Next(); }

  // What stands before the first entry: index 0, or a snapshot.
  LogPosition before_first() const { return before_; }

  Index last_index() const { return last_.index; }

  Term last_term() const { return last_.term; }

  const Stamp& last_stamp() const { return last_stamp_; }

  // The last entry that is on this member's disk and will stay there unless it
  // is truncated. Index(0) while the log is being replaced by a snapshot:
  // nobody knows which of the two a crash would leave.
  Index durable_index() const { return durable_; }

  // The log begins after a snapshot that is not yet on disk.
  bool installing() const { return durable_ < before_.index; }

  // The state machine has the snapshot that the log begins after. Nothing is
  // handed out before.
  bool snapshot_applied() const { return applied_ >= before_.index; }

  // Not while installing.
  LogPosition DurablePosition() const { return {durable_, TermAt(durable_)}; }

  Index commit() const { return commit_; }

  Index applied() const { return applied_; }

  Index handed_out() const { return handed_out_; }

  const EntryWindow& window() const { return window_; }

  // The term at first_index() - 1 <= `index` <= last_index().
  Term TermAt(Index index) const;

  // True where the log holds an entry of `term` at `index`. Any index may be
  // asked for; one that is not in the log does not match.
  bool Matches(Index index, Term term) const;

  // The last place up to `index` (<= last_index()) whose term is at most
  // `term`: logs that disagree at `index` cannot agree between there and
  // `index`. Terms never go down along a log, so this is a binary search.
  LogPosition LastWithTermAtMost(Index index, Term term) const;

  // The entries [from, to), as many as fit in `max_bytes`, at least one.
  // first_index() <= from < to <= last_index() + 1.
  std::vector<Entry> Read(Index from, Index to, size_t max_bytes) const;

  // The cost of the entries (after, to] that are of `term` and in memory.
  size_t CostInMemory(Index after, Index to, Term term) const;

  // Adds the entry that follows last_index().
  void Append(Entry entry);

  // Removes the entries from `index` on. `index` must be above commit():
  // a committed entry that is contradicted means that the cluster has lost
  // data, and this process ends. Must be followed by Append.
  void TruncateFrom(Index index);

  // Entries are appended that no write has carried yet.
  bool HasUnwritten() const { return written_ < last_.index; }

  // The whole log is replaced by `position`, above commit(), and begins after
  // it. Writes under way say nothing any more, as after a truncation.
  void Install(const SnapshotPosition& position);

  // Forgets the entries up to `position`, at or below applied(); in memory at
  // once, on disk by the next write. Does nothing where they are forgotten.
  void Compact(const SnapshotPosition& position);

  // A snapshot to begin after, or a compaction, is to be written.
  bool HasReplacement() const {
    return install_.has_value() || compaction_.has_value();
  }

  // Hands out both; before the TakeUnwritten of the same write.
  std::optional<SnapshotPosition> TakeInstall(uint64_t write);
  std::optional<SnapshotPosition> TakeCompaction();

  // Hands out those entries; `write` counts up with each call.
  std::vector<Entry> TakeUnwritten(uint64_t write);

  // A write is durable. A write that was handed out before the last truncation
  // says nothing any more: what it carried may be overwritten by a later one
  // under way, even where index and term are the same (raft.md, pitfall 5). No
  // time is lost, since a write that carries the truncation must follow.
  void OnWritten(const AppendReceipt& receipt);

  // `index` <= last_index(). Does nothing where it is not above commit().
  void CommitTo(Index index);

  // Entries are committed and durable here and may be handed out now.
  bool HasCommitted() const;
  std::vector<Entry> TakeCommitted();

  // `index` <= handed_out().
  void OnApplied(Index index);

 private:
  // Drops durable and handed-out entries from memory until the rest fits.
  void Evict();

  // The first index in memory, last_index() + 1 where there is none.
  Index WindowStart() const {
    return window_.empty() ? last_.index.Next() : window_.front().index;
  }

  // The last entry that may be handed to the state machine: durable here, so
  // that a member never knows by its state what its log has forgotten.
  Index ApplyLimit() const { return std::min(commit_, durable_); }

  // Invariant: what the reader is asked for is on disk and not at or before
  // before_.
  const LogReader* const reader_;
  const size_t max_cached_bytes_;
  const size_t max_committed_bytes_;

  // Invariant: the window ends with the last entry, and holds all that are
  // above min(durable, handed out) but those found on disk at the start.
  EntryWindow window_;
  LogPosition last_;
  Stamp last_stamp_;
  // Invariant: before_.index <= min(commit_, handed_out_).
  LogPosition before_;
  std::optional<SnapshotPosition> install_;
  std::optional<SnapshotPosition> compaction_;
  // The write that carries the snapshot which is being installed.
  uint64_t install_write_ = 0;

  // Invariant: durable_ <= written_ <= last_.index.
  Index durable_;
  Index written_;
  uint64_t last_write_ = 0;
  // Receipts of writes up to this one are out of date.
  uint64_t truncated_after_write_ = 0;

  // Invariant: applied_ <= handed_out_ <= min(commit_, durable_); while
  // installing, handed_out_ is the snapshot's index.
  // Invariant: commit_ <= last_.index.
  Index commit_;
  Index handed_out_;
  Index applied_;

  // What was handed out and is not applied; a state machine that falls behind
  // stops the flow at max_committed_bytes.
  struct Batch {
    Index last;
    size_t bytes = 0;
  };

  std::deque<Batch> unapplied_;
  size_t unapplied_bytes_ = 0;
};

}  // namespace quorate::raft

#endif  // QUORATE_REPLICATION_RAFT_RAFT_LOG_H_

// A member's disk in memory, for tests of the core.

#ifndef QUORATE_TESTS_SUPPORT_MEMORY_LOG_H_
#define QUORATE_TESTS_SUPPORT_MEMORY_LOG_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "replication/raft/raft.h"

namespace quorate::raft {

// A configuration of voters, with made-up addresses.
std::shared_ptr<const Configuration> TestConfiguration(
    const std::vector<uint64_t>& voters);

// What is durable: the HardState, and entries from index 1, or from where a
// snapshot ends. The first entry is the configuration, of term 1. Confined to
// one thread.
class MemoryLog : public LogReader {
 public:
  explicit MemoryLog(std::shared_ptr<const Configuration> configuration);

  // The disk of a member that is yet to join: nothing is on it, and
  // `configuration` is what it was told.
  static MemoryLog Joiner(std::shared_ptr<const Configuration> configuration);

  // Does what a log writer does with one piece of work.
  void Write(const AppendWork& work);

  // Adds entries of these terms, as if they had been replicated before; the
  // payload tells index and term.
  void AppendTerms(const std::vector<uint64_t>& terms);

  // What a member finds here when it starts.
  RestoredState Restore(Index applied) const;

  void SetHardState(const HardState& state) { hard_state_ = state; }

  const HardState& hard_state() const { return hard_state_; }

  // Those that are there, from FirstIndex() on.
  const std::vector<Entry>& entries() const { return entries_; }

  // Null where there is none at `index`.
  const Entry* Find(Index index) const;

  const std::optional<SnapshotPosition>& snapshot() const { return snapshot_; }

  // How many entries were read from here.
  size_t reads() const { return reads_; }

  std::vector<Entry> Read(Index from, Index to,
                          size_t max_bytes) const override;
  Term TermAt(Index index) const override;

  Index FirstIndex() const override { return Before().Next(); }

  Index LastIndex() const override { return Before().Plus(entries_.size()); }

 private:
  Index Before() const {
    return snapshot_.has_value() ? snapshot_->index : Index(0);
  }

  HardState hard_state_;
  std::optional<SnapshotPosition> snapshot_;
  std::shared_ptr<const Configuration> told_;
  std::vector<Entry> entries_;
  mutable size_t reads_ = 0;
};

}  // namespace quorate::raft

#endif  // QUORATE_TESTS_SUPPORT_MEMORY_LOG_H_

// The terms of a whole log in a few numbers.

#ifndef QUORATE_REPLICATION_STORAGE_TERM_RUNS_H_
#define QUORATE_REPLICATION_STORAGE_TERM_RUNS_H_

#include <vector>

#include "replication/raft/types.h"

namespace quorate::replication {

// Which term each index has, kept as runs of equal terms: terms never go down
// along a log, so there is one run an election and not one an entry. Answers
// TermAt without a disk. Thread-compatible.
class TermRuns {
 public:
  // Forgets everything: the log begins after `base`, whose term is `term`.
  // Term(0) with Index(0) only.
  void Reset(raft::Index base, raft::Term term);

  // The log begins after `index` now, of which the term is kept.
  // base() <= index <= last().
  void CompactTo(raft::Index index);

  // The next entry, `last()` + 1, has `term` >= the one before it.
  void Append(raft::Term term);

  // Forgets the entries from `index` (> base()) on. Nothing happens where there
  // are none.
  void TruncateFrom(raft::Index index);

  // base() <= index <= last(); the term of Index(0) is Term(0).
  raft::Term At(raft::Index index) const;

  // The index before the first entry: Index(0) until a log is compacted.
  raft::Index base() const { return base_; }

  // The index of the last entry, base() where there is none.
  raft::Index last() const { return last_; }

 private:
  struct Run {
    raft::Index first;
    raft::Term term;
  };

  // Invariant: sorted by `first` and by `term`, both strictly. Where base_ is
  // not zero, the first run holds it.
  std::vector<Run> runs_;
  raft::Index base_;
  raft::Index last_;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_TERM_RUNS_H_

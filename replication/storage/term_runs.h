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
  // The next entry, `last()` + 1, has `term` >= the one before it.
  void Append(raft::Term term);

  // Forgets the entries from `index` on. Nothing happens where there are none.
  void TruncateFrom(raft::Index index);

  // 1 <= index <= last(), or Index(0), whose term is Term(0).
  raft::Term At(raft::Index index) const;

  // The index of the last entry, Index(0) where there is none.
  raft::Index last() const { return last_; }

 private:
  struct Run {
    raft::Index first;
    raft::Term term;
  };

  // Invariant: sorted by `first` and by `term`, both strictly.
  std::vector<Run> runs_;
  raft::Index last_;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_TERM_RUNS_H_

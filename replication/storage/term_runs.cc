#include "replication/storage/term_runs.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"

namespace quorate::replication {

using raft::Index;
using raft::Term;

void TermRuns::Append(Term term) {
  last_ = last_.Next();
  if (!runs_.empty() && runs_.back().term == term) return;
  QUORATE_CHECK(runs_.empty() || runs_.back().term < term);
  runs_.push_back(Run{.first = last_, .term = term});
}

void TermRuns::Reset(Index base, Term term) {
  QUORATE_CHECK((base == Index(0)) == (term == Term(0)));
  runs_.clear();
  if (base > Index(0)) runs_.push_back(Run{.first = base, .term = term});
  base_ = base;
  last_ = base;
}

void TermRuns::CompactTo(Index index) {
  QUORATE_CHECK(base_ <= index && index <= last_);
  const auto after =
      std::upper_bound(runs_.begin(), runs_.end(), index,
                       [](Index i, const Run& run) { return i < run.first; });
  if (after != runs_.begin()) runs_.erase(runs_.begin(), std::prev(after));
  base_ = index;
}

void TermRuns::TruncateFrom(Index index) {
  QUORATE_CHECK(index > base_);
  if (index > last_) return;
  while (!runs_.empty() && runs_.back().first >= index) {
    runs_.pop_back();
  }
  last_ = index.Previous();
}

Term TermRuns::At(Index index) const {
  if (index == Index(0)) return Term(0);
  QUORATE_CHECK(base_ <= index && index <= last_);
  const auto after =
      std::upper_bound(runs_.begin(), runs_.end(), index,
                       [](Index i, const Run& run) { return i < run.first; });
  return std::prev(after)->term;
}

}  // namespace quorate::replication

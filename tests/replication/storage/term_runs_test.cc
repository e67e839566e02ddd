// Runs of terms answer like a list with the term of every entry. Random appends
// and truncations on both, at either end.

#include "replication/storage/term_runs.h"

#include <vector>

#include "gtest/gtest.h"

#include "base/random.h"
#include "tests/support/seed.h"

namespace quorate::replication {
namespace {

using raft::Index;
using raft::Term;

// The slow, obvious version.
struct TermList {
  uint64_t base = 0;
  Term base_term;
  std::vector<Term> terms;  // From base + 1 on.

  Term Last() const { return terms.empty() ? base_term : terms.back(); }

  uint64_t last() const { return base + terms.size(); }
};

void RandomStep(Random* random, TermRuns* runs, TermList* list) {
  const uint64_t kind = random->Below(12);
  if (kind < 3) {
    const uint64_t from = random->Between(list->base + 1, list->last() + 2);
    runs->TruncateFrom(Index(from));
    if (from <= list->last()) list->terms.resize(from - list->base - 1);
  } else if (kind == 3) {
    const uint64_t to = random->Between(list->base, list->last());
    runs->CompactTo(Index(to));
    if (to > list->base) list->base_term = list->terms[to - list->base - 1];
    list->terms.erase(
        list->terms.begin(),
        list->terms.begin() + static_cast<ptrdiff_t>(to - list->base));
    list->base = to;
  } else if (kind == 4 && random->OneIn(4)) {
    list->base = random->Between(1, 100);
    list->base_term = Term(random->Between(1, 9));
    list->terms.clear();
    runs->Reset(Index(list->base), list->base_term);
  } else {
    const Term last = list->Last() == Term(0) ? Term(1) : list->Last();
    list->terms.push_back(last.Plus(random->OneIn(3) ? random->Below(3) : 0));
    runs->Append(list->terms.back());
  }
}

TEST(TermRunsTest, RunsAnswerLikeAListOfTerms) {
  for (const uint64_t seed : TestSeeds(1, 300)) {
    SCOPED_TRACE(ReplayLine(seed, "term_runs_test", "*"));
    Random random(seed);
    TermRuns runs;
    TermList list;
    for (int step = 0; step < 60; ++step) {
      RandomStep(&random, &runs, &list);
      ASSERT_EQ(runs.base(), Index(list.base));
      ASSERT_EQ(runs.last(), Index(list.last()));
      ASSERT_EQ(runs.At(Index(list.base)), list.base_term);
      for (size_t i = 0; i < list.terms.size(); ++i) {
        ASSERT_EQ(runs.At(Index(list.base + i + 1)), list.terms[i]) << i;
      }
    }
  }
}

}  // namespace
}  // namespace quorate::replication

// Runs of terms answer like a list with the term of every entry. Random appends
// and truncations on both.

#include "replication/storage/term_runs.h"

#include <vector>

#include "gtest/gtest.h"

#include "base/random.h"
#include "tests/support/seed.h"

namespace quorate::replication {
namespace {

using raft::Index;
using raft::Term;

TEST(TermRunsTest, RunsAnswerLikeAListOfTerms) {
  for (const uint64_t seed : TestSeeds(1, 300)) {
    SCOPED_TRACE(ReplayLine(seed, "term_runs_test", "*"));
    Random random(seed);
    TermRuns runs;
    std::vector<Term> list;
    for (int step = 0; step < 60; ++step) {
      if (random.OneIn(4)) {
        const uint64_t from = random.Between(1, list.size() + 2);
        runs.TruncateFrom(Index(from));
        if (from <= list.size()) list.resize(from - 1);
      } else {
        const Term last = list.empty() ? Term(1) : list.back();
        list.push_back(last.Plus(random.OneIn(3) ? random.Below(3) : 0));
        runs.Append(list.back());
      }
      ASSERT_EQ(runs.last(), Index(list.size()));
      ASSERT_EQ(runs.At(Index(0)), Term(0));
      for (size_t i = 0; i < list.size(); ++i) {
        ASSERT_EQ(runs.At(Index(i + 1)), list[i]) << i;
      }
    }
  }
}

}  // namespace
}  // namespace quorate::replication

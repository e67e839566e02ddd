// A merged write leaves the same log as its appends one by one. Random
// sequences as a core makes them, and the cases that are easy to get wrong.

#include "replication/storage/append_merge.h"

#include <vector>

#include "gtest/gtest.h"

#include "tests/replication/storage/log_samples.h"
#include "tests/support/seed.h"

namespace quorate::replication {
namespace {

using raft::AppendWork;
using raft::Entry;
using raft::Index;
using raft::Term;

LogWrite Merge(const std::vector<AppendWork>& works) {
  std::vector<const AppendWork*> pointers;
  for (const AppendWork& work : works) {
    pointers.push_back(&work);
  }
  return MergeAppends(pointers);
}

// "5@1 6@2": index and term of each entry.
std::vector<std::pair<uint64_t, uint64_t>> Shape(
    const std::vector<Entry>& entries) {
  std::vector<std::pair<uint64_t, uint64_t>> shape;
  for (const Entry& entry : entries) {
    shape.emplace_back(entry.index.value(), entry.term.value());
  }
  return shape;
}

AppendWork Entries(uint64_t first, uint64_t last, uint64_t term) {
  AppendWork work{.must_sync = true};
  for (uint64_t index = first; index <= last; ++index) {
    work.entries.push_back(Command(index, term, "x"));
  }
  return work;
}

using ShapeList = std::vector<std::pair<uint64_t, uint64_t>>;

TEST(AppendMergeTest, NothingMergesToNothing) {
  const LogWrite write = Merge({});
  EXPECT_FALSE(write.hard_state.has_value());
  EXPECT_TRUE(write.entries.empty());
  EXPECT_FALSE(write.must_sync);
}

TEST(AppendMergeTest, ConsecutiveAppendsAreJoined) {
  EXPECT_EQ(Shape(Merge({Entries(5, 6, 1), Entries(7, 7, 1)}).entries),
            (ShapeList{{5, 1}, {6, 1}, {7, 1}}));
}

TEST(AppendMergeTest, ALaterAppendReplacesTheTailOfAnEarlierOne) {
  EXPECT_EQ(Shape(Merge({Entries(5, 8, 1), Entries(6, 6, 2)}).entries),
            (ShapeList{{5, 1}, {6, 2}}));
}

TEST(AppendMergeTest, ALaterAppendReplacesAnEarlierOneWhole) {
  EXPECT_EQ(Shape(Merge({Entries(5, 8, 1), Entries(5, 5, 2)}).entries),
            (ShapeList{{5, 2}}));
  EXPECT_EQ(Shape(Merge({Entries(5, 8, 1), Entries(3, 4, 2)}).entries),
            (ShapeList{{3, 2}, {4, 2}}));
}

TEST(AppendMergeTest, TheLastHardStateCountsAndOneSyncIsEnough) {
  AppendWork voted{.must_sync = true};
  voted.hard_state = raft::HardState{
      .term = Term(3), .vote = raft::MemberId(1), .commit = Index(1)};
  AppendWork committed;
  committed.hard_state = raft::HardState{
      .term = Term(3), .vote = raft::MemberId(1), .commit = Index(4)};
  const LogWrite write = Merge({voted, committed, AppendWork{}});
  EXPECT_EQ(write.hard_state, committed.hard_state);
  EXPECT_TRUE(write.must_sync);
  EXPECT_FALSE(Merge({committed}).must_sync);
}

AppendWork Install(uint64_t index, uint64_t term) {
  AppendWork work{.must_sync = true};
  work.install = raft::SnapshotPosition{
      .index = Index(index),
      .term = Term(term),
      .configuration =
          std::make_shared<const raft::Configuration>(ThreeMembers()),
      .configuration_index = Index(1)};
  return work;
}

AppendWork CompactTo(uint64_t index, uint64_t term) {
  AppendWork work;
  work.compact_to = Install(index, term).install;
  return work;
}

TEST(AppendMergeTest, AnInstalledSnapshotDropsWhatCameBeforeIt) {
  const LogWrite write = Merge(
      {Entries(5, 8, 1), CompactTo(4, 1), Install(20, 2), Entries(21, 22, 2)});
  EXPECT_EQ(write.install->index, Index(20));
  EXPECT_FALSE(write.compact_to.has_value());
  EXPECT_EQ(Shape(write.entries), (ShapeList{{21, 2}, {22, 2}}));
  EXPECT_TRUE(write.must_sync);
}

TEST(AppendMergeTest, TheLastOfSeveralSnapshotsCounts) {
  const LogWrite write =
      Merge({Install(20, 2), Entries(21, 22, 2), Install(30, 3)});
  EXPECT_EQ(write.install->index, Index(30));
  EXPECT_TRUE(write.entries.empty());
}

TEST(AppendMergeTest, ForgettingEntriesBehindASnapshotMovesIt) {
  const LogWrite write =
      Merge({Install(20, 2), Entries(21, 24, 2), CompactTo(22, 2)});
  EXPECT_EQ(write.install->index, Index(22));
  EXPECT_FALSE(write.compact_to.has_value());
  EXPECT_EQ(Shape(write.entries), (ShapeList{{23, 2}, {24, 2}}));
  EXPECT_EQ(Merge({Install(20, 2), CompactTo(20, 2)}).install->index,
            Index(20));
}

TEST(AppendMergeTest, OfSeveralCompactionsTheLastCounts) {
  const LogWrite write =
      Merge({CompactTo(3, 1), AppendWork{}, CompactTo(4, 1)});
  EXPECT_EQ(write.compact_to->index, Index(4));
  EXPECT_FALSE(write.must_sync);
  EXPECT_FALSE(write.empty());
}

TEST(AppendMergeTest, MergedAppendsLeaveTheSameLogAsOneByOne) {
  for (const uint64_t seed : TestSeeds(1, 3000)) {
    SCOPED_TRACE(ReplayLine(seed, "append_merge_test", "*OneByOne"));
    Random random(seed);
    ExpectedLog one_by_one;
    for (uint64_t left = random.Below(20); left > 0; --left) {
      one_by_one.Apply(ToWrite(RandomWork(&random, one_by_one)));
    }
    ExpectedLog merged = one_by_one;
    std::vector<AppendWork> works;
    bool must_sync = false;
    for (uint64_t left = random.Between(1, 12); left > 0; --left) {
      works.push_back(RandomWork(&random, one_by_one));
      one_by_one.Apply(ToWrite(works.back()));
      must_sync = must_sync || works.back().must_sync;
    }
    const LogWrite write = Merge(works);
    merged.Apply(write);
    EXPECT_EQ(write.must_sync, must_sync);
    EXPECT_EQ(merged.hard_state, one_by_one.hard_state);
    EXPECT_TRUE(SamePosition(merged.snapshot, one_by_one.snapshot));
    ASSERT_EQ(Shape(merged.entries), Shape(one_by_one.entries));
    for (size_t i = 0; i < merged.entries.size(); ++i) {
      EXPECT_TRUE(SameEntry(merged.entries[i], one_by_one.entries[i]));
    }
  }
}

}  // namespace
}  // namespace quorate::replication

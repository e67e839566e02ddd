// Property: a member that starts over its disk goes on where it was, and
// applies each entry again after what the state machine has, once. Method:
// cores over prepared disks, and clusters whose members crash.

#include <utility>

#include "gtest/gtest.h"

#include "tests/replication/raft/test_cluster.h"
#include "tests/replication/raft/test_member.h"

namespace quorate::raft {
namespace {

RestoredState StateOf(const MemoryLog& disk, uint64_t commit,
                      uint64_t applied) {
  RestoredState state = disk.Restore(Index(applied));
  state.hard_state.commit = Index(commit);
  return state;
}

MemoryLog Disk() {
  MemoryLog disk(TestConfiguration({1, 2, 3}));
  disk.AppendTerms({1, 1, 2, 2});
  return disk;
}

TEST(RestartTest, TermVoteAndLogAreAsTheyWere) {
  MemoryLog disk = Disk();
  disk.SetHardState({.term = Term(4), .vote = MemberId(3), .commit = Index(2)});
  const TestMember member({.id = MemberId(1)}, std::move(disk));
  const RaftStatus status = member.raft().Status();
  EXPECT_EQ(status.term, Term(4));
  EXPECT_EQ(status.vote, MemberId(3));
  EXPECT_EQ(status.commit, Index(2));
  EXPECT_EQ(status.last_index, Index(5));
  EXPECT_EQ(status.durable_index, Index(5));
  EXPECT_EQ(status.role, Role::kFollower);
}

TEST(RestartTest, CommittedEntriesAreHandedOutAfterWhatWasApplied) {
  const MemoryLog disk = Disk();
  Raft raft({.id = MemberId(1)}, &disk, StateOf(disk, 4, 2));
  ASSERT_TRUE(raft.HasReady());
  const Ready ready = raft.TakeReady();
  ASSERT_EQ(ready.committed.size(), 2u);
  EXPECT_EQ(ready.committed.front().index, Index(3));
  EXPECT_TRUE(ready.append.empty());
  EXPECT_FALSE(raft.HasReady());
}

TEST(RestartTest, NothingToDoWhereEverythingIsApplied) {
  const MemoryLog disk = Disk();
  const Raft raft({.id = MemberId(1)}, &disk, StateOf(disk, 3, 4));
  EXPECT_FALSE(raft.HasReady());
  EXPECT_EQ(raft.commit(), Index(4)) << "what was applied was committed";
}

// A fresh data directory: one entry of term 1 and no record.
TEST(RestartTest, ADirectoryWithoutARecordStartsInTheTermOfItsEntry) {
  const MemoryLog disk(TestConfiguration({1, 2, 3}));
  RestoredState state = disk.Restore(Index(0));
  state.hard_state = HardState();
  Raft raft({.id = MemberId(1)}, &disk, state);
  EXPECT_EQ(raft.term(), Term(1));
  ASSERT_TRUE(raft.HasReady());
  EXPECT_EQ(raft.TakeReady().append.hard_state->term, Term(1));
}

TEST(RestartDeathTest, ALogShorterThanWhatWasCommittedIsRefused) {
  const MemoryLog disk = Disk();
  EXPECT_DEATH(Raft({.id = MemberId(1)}, &disk, StateOf(disk, 9, 0)),
               "commit_ <= last_.index");
}

// Nothing acknowledged is lost when everybody crashes at once.
TEST(RestartTest, ACrashOfAllLosesNothingCommitted) {
  TestCluster cluster(3);
  cluster.Elect(1);
  ASSERT_TRUE(cluster.member(1).Propose({"a", "b"}).ok());
  cluster.Settle();
  const Index commit = cluster.member(1).raft().commit();
  for (uint64_t id : {1, 2, 3})
    cluster.member(id).Crash();
  ASSERT_NE(cluster.AwaitLeader(), 0u);
  for (uint64_t id : {1, 2, 3}) {
    const std::vector<Entry>& applied = cluster.member(id).applied();
    ASSERT_GT(applied.size(), commit.value());
    EXPECT_EQ(*applied[commit.value() - 1].payload, "b");
  }
}

TEST(RestartTest, ARestartedFollowerCatchesUp) {
  TestCluster cluster(3);
  cluster.Elect(1);
  cluster.Isolate(3);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(cluster.member(1).Propose({"x"}).ok());
    cluster.Settle();
  }
  cluster.member(3).Crash();
  cluster.Heal();
  cluster.Tick(4);
  EXPECT_EQ(cluster.member(3).applied().size(), 22u);
  EXPECT_EQ(cluster.Leaders(), std::vector<uint64_t>{1});
}

// A member restarted within a term votes no more than once in it.
TEST(RestartTest, ARestartedCandidateKeepsItsVote) {
  TestMember member({.id = MemberId(1)}, {1, 2, 3});
  member.Campaign();
  member.Step(
      MakeMessage(2, 1, 2, VoteReply{.pre_vote = true, .granted = true}));
  member.Settle();
  member.Crash();
  EXPECT_EQ(member.raft().term(), Term(2));
  EXPECT_EQ(member.raft().Status().vote, MemberId(1));
  // A vote of the election before the crash comes late: it is no candidate now.
  member.Step(MakeMessage(2, 1, 2, VoteReply{.granted = true}));
  member.Settle();
  EXPECT_EQ(member.raft().role(), Role::kFollower);
}

// What was under way to the disk is gone, and is not missed.
TEST(RestartTest, WritesUnderWayAreLost) {
  TestMember member({.id = MemberId(1)}, {1, 2, 3});
  member.Step(MakeMessage(2, 1, 2,
                          AppendRequest{.previous_index = Index(1),
                                        .previous_term = Term(1),
                                        .entries = {MakeEntry(2, 2, "a")}}));
  member.TakeReady();
  member.Crash();
  EXPECT_EQ(member.raft().last_index(), Index(1));
  EXPECT_EQ(member.raft().term(), Term(1));
}

}  // namespace
}  // namespace quorate::raft

// Property: what is committed stays committed, as Raft, §5.4 argues. Method:
// the commit rule case by case, and Figure 8 with five cores, both ends of it.

#include <algorithm>

#include "gtest/gtest.h"

#include "tests/replication/raft/test_cluster.h"
#include "tests/replication/raft/test_member.h"

namespace quorate::raft {
namespace {

// §5.4.2: "Raft never commits log entries from previous terms by counting
// replicas. Only log entries from the leader's current term are committed by
// counting replicas."
TEST(SafetyPaperTest, OldTermsDoNotCommitByCounting) {
  struct Case {
    uint64_t match;
    uint64_t commit;
  };

  // The leader's log: 1 | 1 2 3, the last its no-op at index 4.
  for (const Case& c : std::vector<Case>{{1, 0}, {2, 0}, {3, 0}, {4, 4}}) {
    MemoryLog disk(TestConfiguration({1, 2, 3}));
    disk.AppendTerms({1, 2});
    TestMember leader({.id = MemberId(1)}, std::move(disk));
    leader.WinElection({2});
    ASSERT_EQ(leader.raft().term(), Term(3));
    leader.Step(MakeMessage(
        2, 1, 3, AppendReply{.accepted = true, .match = Index(c.match)}));
    EXPECT_EQ(leader.raft().commit(), Index(c.commit)) << c.match;
  }
}

// Figure 8. The entry at index 1 of the figure is our first entry, and the
// leaders' entries are their no-ops.
class Figure8Test : public testing::Test {
 protected:
  static RaftOptions OneEntryAMessage() { return {.max_message_bytes = 1}; }

  static bool HoldsTerm(const Message& message, uint64_t term) {
    const auto* request = std::get_if<AppendRequest>(&message.body);
    return request != nullptr &&
           std::any_of(
               request->entries.begin(), request->entries.end(),
               [term](const Entry& entry) { return entry.term == Term(term); });
  }

  // (a) S1 is leader of term 2 and replicates the entry at index 2 to S2 only.
  void PartA() {
    cluster_.Drop([](const Message& message) {
      return HoldsTerm(message, 2) && message.to != MemberId(2);
    });
    cluster_.Elect(1);
    ASSERT_EQ(cluster_.member(2).LogTerms(), "2");
    ASSERT_EQ(cluster_.member(3).LogTerms(), "");
  }

  // (b) S1 crashes; S5 is elected for term 3 by S3, S4 and itself, and accepts
  // a different entry at index 2, which goes nowhere.
  void PartB() {
    cluster_.Drop([](const Message& message) { return HoldsTerm(message, 3); });
    cluster_.Isolate(1);
    cluster_.member(1).Crash();
    cluster_.Elect(5);
    ASSERT_EQ(cluster_.member(5).raft().term(), Term(3));
    ASSERT_EQ(cluster_.member(5).LogTerms(), "3");
  }

  // (c) S5 crashes; S1 restarts, is elected for term 4 and continues
  // replication: the entry of term 2 is on a majority.
  void PartC() {
    cluster_.Heal();
    cluster_.Isolate(5);
    cluster_.member(5).Crash();
    // The entry of term 4 gets as far as a refusal, and S4 hears of no entry.
    cluster_.Drop([this](const Message& message) {
      return HoldsTerm(message, 4) &&
             (message.to == MemberId(4) ||
              cluster_.member(message.to.value()).LogTerms() == "2");
    });
    // S1 does not know of term 3; its first try tells it.
    cluster_.Elect(1);
    for (int i = 0; i < 5 && cluster_.Leaders().empty(); ++i) {
      cluster_.Elect(1);
    }
    ASSERT_EQ(cluster_.Leaders(), std::vector<uint64_t>{1});
    ASSERT_EQ(cluster_.member(1).raft().term(), Term(4));
    ASSERT_EQ(cluster_.member(1).LogTerms(), "2 4");
    ASSERT_EQ(cluster_.member(2).LogTerms(), "2");
    ASSERT_EQ(cluster_.member(3).LogTerms(), "2");
    // On three of five, and not committed.
    EXPECT_EQ(cluster_.member(1).raft().commit(), Index(0));
  }

  TestCluster cluster_{5, OneEntryAMessage()};
};

// (d) "If S1 crashes, S5 could be elected leader (with votes from S2, S3 and
// S4) and overwrite the entry with its own entry from term 3."
TEST_F(Figure8Test, TheOldEntryMayStillBeOverwritten) {
  ASSERT_NO_FATAL_FAILURE(PartA());
  ASSERT_NO_FATAL_FAILURE(PartB());
  ASSERT_NO_FATAL_FAILURE(PartC());
  cluster_.Heal();
  cluster_.Drop(nullptr);
  cluster_.Isolate(1);
  cluster_.member(1).Crash();
  for (int i = 0; i < 5 && cluster_.Leaders().empty(); ++i)
    cluster_.Elect(5);
  ASSERT_EQ(cluster_.Leaders(), std::vector<uint64_t>{5});
  EXPECT_EQ(cluster_.member(5).raft().term(), Term(5));
  for (uint64_t id : {2, 3, 4, 5}) {
    EXPECT_EQ(cluster_.member(id).LogTerms(), "3 5");
    EXPECT_EQ(cluster_.member(id).raft().commit(), Index(3));
  }
  cluster_.Heal();
  cluster_.Tick(6);
  EXPECT_EQ(cluster_.member(1).LogTerms(), "3 5");
}

// (e) "However, if S1 replicates an entry from its current term on a majority
// of the servers before crashing, then this entry is committed (S5 cannot win
// an election). At this point all preceding entries in the log are committed
// as well."
TEST_F(Figure8Test, AnEntryOfTheCurrentTermCommitsTheOldOne) {
  ASSERT_NO_FATAL_FAILURE(PartA());
  ASSERT_NO_FATAL_FAILURE(PartB());
  ASSERT_NO_FATAL_FAILURE(PartC());
  cluster_.Drop(
      [](const Message& message) { return message.to == MemberId(4); });
  cluster_.Tick(4);
  EXPECT_EQ(cluster_.member(1).raft().commit(), Index(3));
  EXPECT_EQ(cluster_.member(3).LogTerms(), "2 4");
  cluster_.Heal();
  cluster_.Drop(nullptr);
  cluster_.Isolate(1);
  cluster_.member(1).Crash();
  for (int i = 0; i < 5; ++i) {
    cluster_.Elect(5);
    EXPECT_NE(cluster_.member(5).raft().role(), Role::kLeader);
  }
  const uint64_t leader = cluster_.AwaitLeader();
  EXPECT_TRUE(leader == 2 || leader == 3) << leader;
  cluster_.Heal();
  cluster_.Tick(6);
  for (uint64_t id = 1; id <= 5; ++id) {
    EXPECT_EQ(cluster_.member(id).LogTerms().substr(0, 3), "2 4");
  }
}

// §5.4.3, Leader Completeness, in small: whoever can win holds what is
// committed.
TEST(SafetyPaperTest, OnlyHoldersOfCommittedEntriesWin) {
  TestCluster cluster(3);
  cluster.Elect(1);
  cluster.Isolate(3);
  ASSERT_TRUE(cluster.member(1).Propose({"x"}).ok());
  cluster.Settle();
  ASSERT_EQ(cluster.member(1).raft().commit(), Index(3));
  cluster.Heal();
  cluster.Isolate(1);
  for (int i = 0; i < 5; ++i) {
    cluster.Elect(3);
    ASSERT_NE(cluster.member(3).raft().role(), Role::kLeader);
  }
  // The old leader, cut off, takes until its next check to notice.
  cluster.Tick(30);
  EXPECT_EQ(cluster.AwaitLeader(), 2u);
  EXPECT_EQ(cluster.member(3).raft().commit(), Index(4));
}

// A committed entry that a leader contradicts means that data is lost: the
// process ends rather than goes on.
TEST(SafetyPaperDeathTest, AContradictedCommitEndsTheProcess) {
  TestMember follower({.id = MemberId(1)}, {1, 2, 3});
  follower.Step(MakeMessage(2, 1, 2,
                            AppendRequest{.previous_index = Index(1),
                                          .previous_term = Term(1),
                                          .commit = Index(2),
                                          .entries = {MakeEntry(2, 2, "a")}}));
  follower.Settle();
  const Message contradiction =
      MakeMessage(3, 1, 3,
                  AppendRequest{.previous_index = Index(1),
                                .previous_term = Term(1),
                                .commit = Index(1),
                                .entries = {MakeEntry(2, 3, "b")}});
  EXPECT_DEATH(follower.Step(contradiction), "index > commit_");
}

}  // namespace
}  // namespace quorate::raft

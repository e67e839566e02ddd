// Property: nothing is promised, counted or applied before it is on this
// member's disk, however late and in whatever company the disk reports.
// Method: a disk that is held back and released write by write.

#include <utility>

#include "gtest/gtest.h"

#include "tests/replication/raft/test_member.h"

namespace quorate::raft {
namespace {

AppendReply Accepted(uint64_t match) {
  return {.accepted = true, .match = Index(match)};
}

AppendRequest Append(uint64_t previous, uint64_t previous_term, uint64_t commit,
                     std::vector<Entry> entries) {
  return {.previous_index = Index(previous),
          .previous_term = Term(previous_term),
          .commit = Index(commit),
          .entries = std::move(entries)};
}

TestMember Member(const std::vector<uint64_t>& voters = {1, 2, 3}) {
  return TestMember({.id = MemberId(1)}, voters);
}

TestMember Leader() {
  TestMember leader = Member();
  leader.WinElection({2});
  for (const uint64_t other : {2, 3}) {
    leader.Step(MakeMessage(other, 1, 2, Accepted(2)));
  }
  leader.Settle();
  leader.TakeOutbox();
  return leader;
}

// Takes Readies and applies, but writes nothing.
void RunWithoutDisk(TestMember& member) {
  while (member.TakeReady() || member.ApplyAll()) {
  }
}

VoteRequest Request(uint64_t last_index, uint64_t last_term) {
  return {.last_index = Index(last_index), .last_term = Term(last_term)};
}

TEST(AsyncStorageTest, AVoteIsNotSentBeforeItIsDurable) {
  TestMember member = Member();
  member.Step(MakeMessage(2, 1, 2, Request(1, 1)));
  RunWithoutDisk(member);
  EXPECT_TRUE(member.TakeOutbox().empty());
  ASSERT_EQ(member.pending().size(), 1u);
  const AppendWork& work = member.pending().front();
  EXPECT_TRUE(work.must_sync);
  ASSERT_TRUE(work.hard_state.has_value());
  EXPECT_EQ(work.hard_state->vote, MemberId(2));
  EXPECT_EQ(work.hard_state->term, Term(2));
  EXPECT_EQ(work.messages.size(), 1u);
  member.WriteOne();
  EXPECT_EQ(member.Take<VoteReply>().size(), 1u);
}

// Pitfall 1: the crash comes between the decision and the disk; nobody has
// heard of the vote, so another may have it.
TEST(AsyncStorageTest, AVoteThatWasNotDurableWasNotGiven) {
  TestMember member = Member();
  member.Step(MakeMessage(2, 1, 2, Request(1, 1)));
  RunWithoutDisk(member);
  member.Crash();
  EXPECT_EQ(member.raft().term(), Term(1));
  member.Step(MakeMessage(3, 1, 2, Request(1, 1)));
  member.Settle();
  const std::vector<Message> replies = member.Take<VoteReply>();
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_TRUE(std::get<VoteReply>(replies[0].body).granted);
}

TEST(AsyncStorageTest, EntriesAreNotAcknowledgedBeforeTheyAreDurable) {
  TestMember member = Member();
  member.Step(MakeMessage(2, 1, 2, Append(1, 1, 1, {MakeEntry(2, 2, "a")})));
  RunWithoutDisk(member);
  member.Step(MakeMessage(2, 1, 2, Append(2, 2, 1, {MakeEntry(3, 2, "b")})));
  // Repeated: already in memory, but no more durable for that.
  member.Step(MakeMessage(2, 1, 2, Append(1, 1, 1, {MakeEntry(2, 2, "a")})));
  RunWithoutDisk(member);
  EXPECT_TRUE(member.Take<AppendReply>().empty());
  member.WriteOne();
  EXPECT_EQ(member.Take<AppendReply>().size(), 1u);
  member.Settle();
  EXPECT_EQ(member.Take<AppendReply>().size(), 2u);
}

// Term, vote and entries of one Ready are one record and one write.
TEST(AsyncStorageTest, TermAndEntriesGoInOneWrite) {
  TestMember member = Member();
  member.Step(MakeMessage(2, 1, 5, Append(1, 1, 2, {MakeEntry(2, 5, "a")})));
  RunWithoutDisk(member);
  ASSERT_EQ(member.pending().size(), 1u);
  const AppendWork& work = member.pending().front();
  EXPECT_TRUE(work.must_sync);
  EXPECT_EQ(work.hard_state,
            (HardState{.term = Term(5), .vote = kNobody, .commit = Index(2)}));
  EXPECT_EQ(work.entries.size(), 1u);
  EXPECT_EQ(work.receipt.last_index, Index(2));
  EXPECT_EQ(work.receipt.last_term, Term(5));
}

// A commit index alone is a hint: it rides along with the next write.
TEST(AsyncStorageTest, ACommitIndexAloneIsNotWritten) {
  TestMember member = Member();
  member.Step(MakeMessage(2, 1, 2, Append(1, 1, 1, {MakeEntry(2, 2, "a")})));
  member.Settle();
  member.Step(MakeMessage(2, 1, 2, Heartbeat{.commit = Index(2)}));
  RunWithoutDisk(member);
  EXPECT_EQ(member.raft().commit(), Index(2));
  EXPECT_TRUE(member.pending().empty());
  member.Step(MakeMessage(2, 1, 2, Append(2, 2, 2, {})));
  RunWithoutDisk(member);
  ASSERT_EQ(member.pending().size(), 1u);
  EXPECT_FALSE(member.pending().front().must_sync);
  EXPECT_FALSE(member.pending().front().hard_state.has_value());
  member.Step(MakeMessage(2, 1, 2, Append(2, 2, 2, {MakeEntry(3, 2, "b")})));
  RunWithoutDisk(member);
  ASSERT_TRUE(member.pending().back().hard_state.has_value());
  EXPECT_EQ(member.pending().back().hard_state->commit, Index(2));
}

// Thesis, §10.2.1: the leader may send before its own disk has written.
TEST(AsyncStorageTest, ALeaderSendsBeforeItsOwnDisk) {
  TestMember leader = Leader();
  ASSERT_TRUE(leader.Propose({"x"}).ok());
  RunWithoutDisk(leader);
  EXPECT_EQ(leader.Take<AppendRequest>().size(), 2u);
}

// Pitfall 4: but it counts itself only when its disk has.
TEST(AsyncStorageTest, TheOwnEntryCountsWhenItIsDurable) {
  TestMember leader = Member({1, 2, 3, 4, 5});
  leader.WinElection({2, 3});
  ASSERT_TRUE(leader.Propose({"x"}).ok());
  RunWithoutDisk(leader);
  for (const uint64_t from : {2, 3}) {
    leader.Step(MakeMessage(from, 1, 2, Accepted(3)));
  }
  EXPECT_EQ(leader.raft().commit(), Index(2)) << "two of five are durable";
  leader.WriteOne();
  EXPECT_EQ(leader.raft().commit(), Index(3));
}

// Pitfall 12: a quorum of the others commits, and still the leader does not
// apply what its own disk does not hold.
TEST(AsyncStorageTest, NothingIsAppliedThatIsNotDurableHere) {
  TestMember leader = Leader();
  ASSERT_TRUE(leader.Propose({"x"}).ok());
  RunWithoutDisk(leader);
  for (const uint64_t from : {2, 3}) {
    leader.Step(MakeMessage(from, 1, 2, Accepted(3)));
  }
  RunWithoutDisk(leader);
  EXPECT_EQ(leader.raft().commit(), Index(3));
  EXPECT_EQ(leader.applied().size(), 2u);
  leader.Settle();
  EXPECT_EQ(leader.applied().size(), 3u);
}

TEST(AsyncStorageTest, NoMajorityWithoutTheOwnDurableVote) {
  TestMember member = Member({1, 2, 3, 4, 5});
  member.Campaign();
  for (const bool pre_vote : {true, false}) {
    RunWithoutDisk(member);
    for (const uint64_t from : {2, 3, 4, 5}) {
      member.Step(MakeMessage(
          from, 1, 2, VoteReply{.pre_vote = pre_vote, .granted = true}));
    }
  }
  RunWithoutDisk(member);
  // All others have voted for it. But if it crashed now, it would have
  // forgotten that it stood, and might vote for another in the same term.
  EXPECT_EQ(member.raft().role(), Role::kCandidate);
  member.WriteOne();
  EXPECT_EQ(member.raft().role(), Role::kLeader);
}

TEST(AsyncStorageTest, ALoneMemberLeadsWhenItsVoteIsDurable) {
  TestMember member = Member({1});
  member.Campaign();
  RunWithoutDisk(member);
  EXPECT_EQ(member.raft().role(), Role::kCandidate);
  member.WriteOne();
  EXPECT_EQ(member.raft().role(), Role::kLeader);
  RunWithoutDisk(member);
  EXPECT_EQ(member.raft().commit(), Index(0));
  member.Settle();
  EXPECT_EQ(member.raft().commit(), Index(2));
}

// Pitfall 4: a candidate shows what a crash would leave it.
TEST(AsyncStorageTest, ACandidateShowsItsDurableLog) {
  TestMember member = Member();
  member.Step(MakeMessage(2, 1, 2, Append(1, 1, 1, {MakeEntry(2, 2, "a")})));
  RunWithoutDisk(member);
  member.Campaign();
  RunWithoutDisk(member);
  for (const Message& message : member.Take<VoteRequest>()) {
    const auto& request = std::get<VoteRequest>(message.body);
    EXPECT_EQ(request.last_index, Index(1));
    EXPECT_EQ(request.last_term, Term(1));
  }
}

// Pitfall 5. The write of an entry of term 2 is under way; a leader of term 3
// overwrites it, one of term 4 brings it back. The first write's receipt must
// not make the entry count, since the second write will take it off the disk.
TEST(AsyncStorageTest, AReceiptOfTheLikesOfAnEntryIsNotItsOwn) {
  TestMember member = Member();
  member.Step(MakeMessage(2, 1, 2, Append(1, 1, 1, {MakeEntry(2, 2, "a")})));
  RunWithoutDisk(member);
  member.Step(MakeMessage(3, 1, 3, Append(1, 1, 1, {MakeEntry(2, 3, "b")})));
  RunWithoutDisk(member);
  member.Step(MakeMessage(2, 1, 4, Append(1, 1, 1, {MakeEntry(2, 2, "a")})));
  RunWithoutDisk(member);
  ASSERT_EQ(member.pending().size(), 3u);
  // Committed: what counts is durability.
  member.Step(MakeMessage(2, 1, 4, Append(2, 2, 2, {})));
  RunWithoutDisk(member);
  for (int write = 0; write < 2; ++write) {
    member.WriteOne();
    EXPECT_EQ(member.raft().Status().durable_index, Index(1));
    RunWithoutDisk(member);
    EXPECT_EQ(member.applied().size(), 1u);
  }
  member.Settle();
  EXPECT_EQ(member.raft().Status().durable_index, Index(2));
  EXPECT_EQ(member.applied().size(), 2u);
}

// Acknowledgements of a term that is over attest to entries that a truncation
// may keep from the disk for ever; they are not sent.
TEST(AsyncStorageTest, AcknowledgementsDoNotOutliveTheirTerm) {
  TestMember member = Member();
  member.Step(MakeMessage(2, 1, 2, Append(1, 1, 1, {MakeEntry(2, 2, "a")})));
  member.Step(MakeMessage(3, 1, 3, Append(1, 1, 1, {MakeEntry(2, 3, "b")})));
  member.Settle();
  const std::vector<Message> replies = member.Take<AppendReply>();
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].to, MemberId(3));
  EXPECT_EQ(replies[0].term, Term(3));
}

// The same receipt for several writes at once is what a log writer that merges
// gives; the last is enough.
TEST(AsyncStorageTest, WritesUnderWayKeepTheirOrder) {
  TestMember leader = Leader();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(leader.Propose({"x"}).ok());
    leader.TakeReady();
  }
  ASSERT_EQ(leader.pending().size(), 5u);
  for (uint64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(leader.pending()[i].receipt.last_index, Index(3 + i));
    EXPECT_EQ(leader.pending()[i].receipt.write,
              leader.pending()[0].receipt.write + i);
  }
}

}  // namespace
}  // namespace quorate::raft

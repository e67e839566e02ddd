// Property: entries are replicated as Raft, §5.3 says. Method: one test a
// rule, on single cores with messages made by hand; Figure 7 with three cores.

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "gtest/gtest.h"

#include "tests/replication/raft/test_cluster.h"
#include "tests/replication/raft/test_member.h"

namespace quorate::raft {
namespace {

const std::vector<uint64_t> kThree = {1, 2, 3};

RaftOptions Options(uint64_t id = 1) {
  return {.id = MemberId(id)};
}

AppendRequest Append(uint64_t previous, uint64_t previous_term, uint64_t commit,
                     std::vector<Entry> entries = {}) {
  return {.previous_index = Index(previous),
          .previous_term = Term(previous_term),
          .commit = Index(commit),
          .entries = std::move(entries)};
}

AppendReply Accepted(uint64_t match) {
  return {.accepted = true, .match = Index(match)};
}

// A leader of term 2 whose log is the first entry and its no-op, both
// committed, with followers that hold them.
TestMember Leader(const std::vector<uint64_t>& voters = kThree) {
  TestMember member(Options(), voters);
  std::vector<uint64_t> others(voters.begin() + 1, voters.end());
  member.WinElection(others);
  for (const uint64_t other : others) {
    member.Step(MakeMessage(other, 1, 2, Accepted(2)));
  }
  member.Settle();
  member.TakeOutbox();
  EXPECT_EQ(member.raft().commit(), Index(2));
  return member;
}

TestMember Follower(const std::vector<uint64_t>& terms) {
  MemoryLog disk(TestConfiguration(kThree));
  disk.AppendTerms(terms);
  return TestMember(Options(), std::move(disk));
}

AppendReply OnlyReply(TestMember& member) {
  const std::vector<Message> replies = member.Take<AppendReply>();
  EXPECT_EQ(replies.size(), 1u);
  return replies.empty() ? AppendReply{}
                         : std::get<AppendReply>(replies[0].body);
}

// §5.3: "The leader appends the command to its log as a new entry, then issues
// AppendEntries RPCs in parallel to each of the other servers". The request
// names the entry that precedes the new ones.
TEST(ReplicationPaperTest, ALeaderReplicatesInParallel) {
  TestMember leader = Leader();
  ASSERT_EQ(*leader.Propose({"a", "b"}), Index(3));
  leader.TakeReady();
  const std::vector<Message> requests = leader.Take<AppendRequest>();
  ASSERT_EQ(requests.size(), 2u);
  for (const Message& message : requests) {
    const auto& request = std::get<AppendRequest>(message.body);
    EXPECT_EQ(request.previous_index, Index(2));
    EXPECT_EQ(request.previous_term, Term(2));
    EXPECT_EQ(request.commit, Index(2));
    ASSERT_EQ(request.entries.size(), 2u);
    EXPECT_EQ(*request.entries[1].payload, "b");
    EXPECT_EQ(request.entries[1].term, Term(2));
  }
}

// §5.3: "A log entry is committed once the leader that created the entry has
// replicated it on a majority of the servers". Then followers are told, at
// once.
TEST(ReplicationPaperTest, AMajorityCommits) {
  TestMember leader = Leader();
  ASSERT_TRUE(leader.Propose({"a"}).ok());
  leader.Settle();
  leader.TakeOutbox();
  EXPECT_EQ(leader.raft().commit(), Index(2));
  leader.Step(MakeMessage(2, 1, 2, Accepted(3)));
  EXPECT_EQ(leader.raft().commit(), Index(3));
  leader.Settle();
  EXPECT_EQ(*leader.applied().back().payload, "a");
  const std::vector<Message> told = leader.Take<AppendRequest>();
  ASSERT_EQ(told.size(), 2u);
  for (const Message& message : told) {
    EXPECT_EQ(std::get<AppendRequest>(message.body).commit, Index(3));
  }
}

TEST(ReplicationPaperTest, AMajorityIsOfAllMembers) {
  struct Case {
    uint64_t size;
    std::vector<uint64_t> acks;
    bool committed;
  };

  const std::vector<Case> cases = {
      {1, {}, true},      {3, {}, false},       {3, {2}, true},
      {3, {2, 3}, true},  {5, {}, false},       {5, {2}, false},
      {5, {2, 3}, true},  {5, {2, 3, 4}, true}, {3, {7}, false},
      {5, {2, 2}, false},
  };
  for (const Case& c : cases) {
    std::vector<uint64_t> voters;
    for (uint64_t id = 1; id <= c.size; ++id)
      voters.push_back(id);
    TestMember leader = Leader(voters);
    ASSERT_TRUE(leader.Propose({"a"}).ok());
    leader.Settle();
    for (const uint64_t from : c.acks) {
      leader.Step(MakeMessage(from, 1, 2, Accepted(3)));
    }
    EXPECT_EQ(leader.raft().commit(), Index(c.committed ? 3 : 2));
  }
}

// §5.3: "This also commits all preceding entries in the leader's log,
// including entries created by previous leaders."
TEST(ReplicationPaperTest, PrecedingEntriesCommitToo) {
  for (const std::vector<uint64_t>& terms :
       std::vector<std::vector<uint64_t>>{{}, {2}, {1, 2}, {2, 2, 2}}) {
    TestMember leader = Follower(terms);
    leader.WinElection({2, 3});
    const uint64_t last = leader.raft().last_index().value();
    leader.Step(
        MakeMessage(2, 1, leader.raft().term().value(), Accepted(last)));
    leader.Settle();
    ASSERT_EQ(leader.applied().size(), last);
    EXPECT_EQ(leader.applied().back().type, EntryType::kNoop);
  }
}

// §5.3: "Once a follower learns that a log entry is committed, it applies the
// entry to its local state machine (in log order)." Figure 2: commitIndex =
// min(leaderCommit, index of last new entry).
TEST(ReplicationPaperTest, AFollowerCommitsWhatThisMessageProved) {
  struct Case {
    size_t entries;
    uint64_t leader_commit;
    uint64_t commit;
  };

  for (const Case& c : std::vector<Case>{
           {0, 1, 1}, {0, 9, 1}, {1, 1, 1}, {2, 2, 2}, {2, 3, 3}, {2, 9, 3}}) {
    // Entries that the leader has not spoken of stand behind.
    TestMember follower = Follower({1, 1, 1, 1});
    std::vector<Entry> entries;
    for (size_t i = 0; i < c.entries; ++i) {
      entries.push_back(follower.disk().entries()[i + 1]);
    }
    follower.Step(MakeMessage(2, 1, 2, Append(1, 1, c.leader_commit, entries)));
    follower.Settle();
    EXPECT_EQ(follower.raft().commit(), Index(c.commit));
    EXPECT_EQ(follower.applied().size(), c.commit);
  }
}

// §5.3: "If the follower does not find an entry in its log with the same index
// and term, then it refuses the new entries."
TEST(ReplicationPaperTest, AFollowerChecksThePrecedingEntry) {
  struct Case {
    uint64_t previous;
    uint64_t term;
    bool accepted;
  };

  for (const Case& c : std::vector<Case>{{0, 0, true},
                                         {1, 1, true},
                                         {2, 1, true},
                                         {3, 2, true},
                                         {3, 1, false},
                                         {3, 3, false},
                                         {4, 2, false},
                                         {90, 2, false}}) {
    TestMember follower = Follower({1, 2});
    follower.Step(MakeMessage(2, 1, 3, Append(c.previous, c.term, 0)));
    follower.Settle();
    const AppendReply reply = OnlyReply(follower);
    EXPECT_EQ(reply.accepted, c.accepted) << c.previous << "." << c.term;
    EXPECT_EQ(reply.match, Index(c.previous));
  }
}

// §5.3: the refusal names a place where the logs may agree: the last one with
// a term that the leader can have there.
TEST(ReplicationPaperTest, ARefusalSkipsATermAtATime) {
  struct Case {
    std::vector<uint64_t> log;  // Behind the first entry, of term 1.
    uint64_t previous;
    uint64_t term;
    uint64_t hint_index;
    uint64_t hint_term;
  };

  const std::vector<Case> cases = {
      // Too short: its own end.
      {{1, 1}, 9, 4, 3, 1},
      // Too short, and its end is of a term that the leader cannot have.
      {{2, 3, 3, 3}, 9, 2, 2, 2},
      // Figure 7 (f): the terms 2 and 3 go at once.
      {{1, 1, 2, 2, 2, 3, 3, 3, 3, 3}, 6, 1, 3, 1},
      // The same place, an earlier term.
      {{1, 2, 2, 2}, 5, 4, 5, 2},
  };
  for (const Case& c : cases) {
    TestMember follower = Follower(c.log);
    follower.Step(MakeMessage(2, 1, 9, Append(c.previous, c.term, 0)));
    follower.Settle();
    const AppendReply reply = OnlyReply(follower);
    EXPECT_FALSE(reply.accepted);
    EXPECT_EQ(reply.match, Index(c.previous));
    EXPECT_EQ(reply.hint_index, Index(c.hint_index));
    EXPECT_EQ(reply.hint_term, Term(c.hint_term));
  }
}

// §5.3: "conflicting entries in follower logs will be overwritten with entries
// from the leader's log"; what does not conflict stays.
TEST(ReplicationPaperTest, ConflictsAreOverwritten) {
  struct Case {
    uint64_t previous;
    uint64_t previous_term;
    std::vector<uint64_t> terms;
    std::string log;  // Behind the first entry.
  };

  // The follower holds 1 | 1 2 2.
  const std::vector<Case> cases = {
      {4, 2, {3}, "1 2 2 3"}, {2, 1, {3, 4}, "1 3 4"},
      {1, 1, {1}, "1 2 2"},   {1, 1, {3}, "3"},
      {2, 1, {2}, "1 2 2"},   {2, 1, {2, 3}, "1 2 3"},
      {1, 1, {}, "1 2 2"},    {3, 2, {2, 2}, "1 2 2 2"},
  };
  for (const Case& c : cases) {
    TestMember follower = Follower({1, 2, 2});
    std::vector<Entry> entries;
    for (const uint64_t term : c.terms) {
      entries.push_back(MakeEntry(c.previous + entries.size() + 1, term, "n"));
    }
    follower.Step(
        MakeMessage(2, 1, 5, Append(c.previous, c.previous_term, 0, entries)));
    follower.Settle();
    EXPECT_EQ(follower.LogTerms(), c.log);
    // The acknowledgement is of this message, not of the log.
    EXPECT_EQ(OnlyReply(follower).match, Index(c.previous + c.terms.size()));
  }
}

// §5.3 with pitfall 7: AppendEntries is idempotent, and an old message that
// comes late takes nothing away.
TEST(ReplicationPaperTest, AnOldMessageTakesNothingAway) {
  TestMember follower(Options(), kThree);
  const Message first = MakeMessage(
      2, 1, 2, Append(1, 1, 1, {MakeEntry(2, 2, "a"), MakeEntry(3, 2, "b")}));
  const Message second =
      MakeMessage(2, 1, 2, Append(3, 2, 1, {MakeEntry(4, 2, "c")}));
  for (const Message& message : {first, second, first, second, first}) {
    follower.Step(message);
    follower.Settle();
  }
  EXPECT_EQ(follower.LogTerms(), "2 2 2");
  const std::vector<Message> replies = follower.Take<AppendReply>();
  ASSERT_EQ(replies.size(), 5u);
  EXPECT_EQ(std::get<AppendReply>(replies[4].body).match, Index(3));
}

// Messages whose entries do not follow one another are without sense.
TEST(ReplicationPaperTest, GapsAndFallingTermsAreIgnored) {
  const std::vector<std::vector<Entry>> senseless = {
      {MakeEntry(3, 2, "gap")},
      {MakeEntry(2, 2, "a"), MakeEntry(4, 2, "gap")},
      {MakeEntry(2, 2, "a"), MakeEntry(3, 1, "falls")},
      {MakeEntry(2, 7, "of a term to come")},
      {{.index = Index(2), .term = Term(2), .type = EntryType::kCommand}},
  };
  for (const std::vector<Entry>& entries : senseless) {
    TestMember follower(Options(), kThree);
    follower.Step(MakeMessage(2, 1, 2, Append(1, 1, 1, entries)));
    follower.Settle();
    EXPECT_EQ(follower.raft().last_index(), Index(1));
    EXPECT_TRUE(follower.Take<AppendReply>().empty());
  }
}

TEST(ReplicationPaperTest, AnIndexBeyondAllLogsIsIgnored) {
  TestMember follower(Options(), kThree);
  follower.Step(MakeMessage(2, 1, 2, Append(UINT64_MAX, 1, UINT64_MAX)));
  follower.Step(MakeMessage(2, 1, 2, Heartbeat{.commit = Index(UINT64_MAX)}));
  follower.Settle();
  EXPECT_EQ(follower.raft().commit(), Index(0));
  EXPECT_TRUE(follower.Take<AppendReply>().empty());
}

// §5.3: "If followers crash or run slowly, or if network packets are lost, the
// leader retries AppendEntries RPCs indefinitely (even after it has responded
// to the client) until all followers eventually store all log entries."
TEST(ReplicationPaperTest, LostMessagesAreSentAgain) {
  TestCluster cluster(3);
  cluster.Elect(1);
  cluster.Drop([](const Message& message) {
    const auto* request = std::get_if<AppendRequest>(&message.body);
    return message.to == MemberId(3) && request != nullptr &&
           !request->entries.empty();
  });
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(cluster.member(1).Propose({"x"}).ok());
    cluster.Settle();
  }
  cluster.Tick(4);
  EXPECT_EQ(cluster.member(1).raft().commit(), Index(7));
  EXPECT_EQ(cluster.member(3).raft().last_index(), Index(2));
  cluster.Drop(nullptr);
  cluster.Tick(4);
  EXPECT_EQ(cluster.member(3).raft().commit(), Index(7));
}

// §5.3: lost replies are no different.
TEST(ReplicationPaperTest, LostRepliesAreMadeGood) {
  TestCluster cluster(3);
  cluster.Elect(1);
  cluster.Drop([](const Message& message) {
    return std::holds_alternative<AppendReply>(message.body);
  });
  ASSERT_TRUE(cluster.member(1).Propose({"x"}).ok());
  cluster.Tick(2);
  EXPECT_EQ(cluster.member(1).raft().commit(), Index(2));
  cluster.Drop(nullptr);
  cluster.Tick(4);
  for (uint64_t id : kThree) {
    EXPECT_EQ(cluster.member(id).raft().commit(), Index(3));
  }
}

// Figure 7: "When the leader at the top comes to power, it is possible that
// any of scenarios (a-f) could occur in follower logs." All end like the
// leader's, in few messages.
TEST(ReplicationPaperTest, Figure7) {
  const std::vector<uint64_t> leader = {1, 1, 4, 4, 5, 5, 6, 6, 6};
  const std::map<char, std::vector<uint64_t>> followers = {
      {'a', {1, 1, 4, 4, 5, 5, 6, 6}},
      {'b', {1, 1, 4}},
      {'c', {1, 1, 4, 4, 5, 5, 6, 6, 6, 6}},
      {'d', {1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7}},
      {'e', {1, 1, 4, 4, 4, 4}},
      {'f', {1, 1, 2, 2, 2, 3, 3, 3, 3, 3}},
  };
  for (const auto& [name, follower] : followers) {
    SCOPED_TRACE(name);
    // The third member only votes. The leader comes to power in term 8.
    TestCluster cluster({leader, follower, {}}, {}, Term(7));
    int requests = 0;
    cluster.Drop([&requests](const Message& message) {
      const bool counts = message.to == MemberId(2) &&
                          std::holds_alternative<AppendRequest>(message.body);
      requests += counts ? 1 : 0;
      return false;
    });
    cluster.Elect(1);
    ASSERT_EQ(cluster.member(1).raft().term(), Term(8));
    ASSERT_TRUE(cluster.member(1).Propose({"x"}).ok());
    cluster.Settle();
    EXPECT_EQ(cluster.member(2).LogTerms(), "1 1 4 4 5 5 6 6 6 8 8");
    EXPECT_EQ(cluster.member(2).raft().commit(), Index(12));
    // A probe, at most two hints, the entries, and what comes after.
    EXPECT_LE(requests, 8);
  }
}

// Figure 3, Leader Append-Only: "a leader never overwrites or deletes entries
// in its log; it only appends new entries". (Also an invariant of the core.)
TEST(ReplicationPaperTest, ALeaderOnlyAppends) {
  TestMember leader = Follower({1, 2, 2});
  leader.WinElection({2});
  EXPECT_EQ(leader.LogTerms(), "1 2 2 3");
  leader.Step(MakeMessage(2, 1, 3,
                          AppendReply{.accepted = false,
                                      .match = Index(4),
                                      .hint_index = Index(1),
                                      .hint_term = Term(1)}));
  leader.Settle();
  EXPECT_EQ(leader.LogTerms(), "1 2 2 3");
}

// §8: "a leader must have the latest information on which entries are
// committed ... by having each leader commit a blank no-op entry into the log
// at the start of its term."
TEST(ReplicationPaperTest, ALeaderStartsWithANoop) {
  TestMember leader(Options(), kThree);
  leader.WinElection({2});
  const Entry& last = leader.disk().entries().back();
  EXPECT_EQ(last.type, EntryType::kNoop);
  EXPECT_EQ(last.term, Term(2));
  EXPECT_FALSE(leader.raft().HasCommittedInTerm());
  leader.Step(MakeMessage(2, 1, 2, Accepted(2)));
  EXPECT_TRUE(leader.raft().HasCommittedInTerm());
}

// §8 and design.md §5: time in the log never runs backwards, whatever the
// leader's clock says, and a new leader goes on from the last stamp.
TEST(ReplicationPaperTest, StampsNeverGoDown) {
  TestMember leader = Leader();
  ASSERT_TRUE(leader.Propose({"a"}, {.cluster_ms = 50, .calendar_ms = 9}).ok());
  ASSERT_TRUE(
      leader.Propose({"b"}, {.cluster_ms = 40, .calendar_ms = 12}).ok());
  leader.Settle();
  const Stamp expected{.cluster_ms = 50, .calendar_ms = 12};
  EXPECT_EQ(leader.disk().entries().back().stamp, expected);
  EXPECT_EQ(leader.raft().last_stamp(), expected);
  leader.Crash();
  EXPECT_EQ(leader.raft().last_stamp(), expected);
  leader.WinElection({2});
  EXPECT_EQ(leader.disk().entries().back().stamp, expected);
}

TEST(ReplicationPaperTest, OnlyALeaderTakesProposals) {
  TestMember follower(Options(), kThree);
  EXPECT_EQ(follower.Propose({"a"}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  follower.Campaign();
  EXPECT_EQ(follower.Propose({"a"}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(follower.raft().last_index(), Index(1));
}

}  // namespace
}  // namespace quorate::raft

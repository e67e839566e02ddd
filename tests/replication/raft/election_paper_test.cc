// Property: terms and elections are as Raft, §5.1, §5.2 and §5.4.1 say.
// Method: one test a rule, on single cores with messages made by hand.

#include <map>
#include <set>
#include <tuple>

#include "gtest/gtest.h"

#include "tests/replication/raft/test_cluster.h"
#include "tests/replication/raft/test_member.h"

namespace quorate::raft {
namespace {

const std::vector<uint64_t> kThree = {1, 2, 3};

RaftOptions Options(uint64_t id, uint64_t seed = 1) {
  return {.id = MemberId(id), .random_seed = seed};
}

VoteRequest Request(uint64_t last_index, uint64_t last_term,
                    bool pre_vote = false) {
  return {.pre_vote = pre_vote,
          .last_index = Index(last_index),
          .last_term = Term(last_term)};
}

VoteReply Granted(bool pre_vote = false) {
  return {.pre_vote = pre_vote, .granted = true};
}

// A heartbeat without entries, from behind the first entry.
AppendRequest EmptyAppend() {
  return {.previous_index = Index(1), .previous_term = Term(1)};
}

// A member in the given role, in term 2 or 3.
void BringTo(TestMember& member, Role role) {
  switch (role) {
    case Role::kFollower:
      member.Step(MakeMessage(3, 1, 2, EmptyAppend()));
      member.Settle();
      break;
    case Role::kPreCandidate:
      member.Campaign();
      break;
    case Role::kCandidate:
      member.Campaign();
      member.Step(MakeMessage(2, 1, 2, Granted(/*pre_vote=*/true)));
      member.Settle();
      break;
    case Role::kLeader:
      member.WinElection({2});
      break;
  }
  ASSERT_EQ(member.raft().role(), role);
  member.Settle();
  member.TakeOutbox();
}

class EveryRoleTest : public testing::TestWithParam<Role> {};

INSTANTIATE_TEST_SUITE_P(Roles, EveryRoleTest,
                         testing::Values(Role::kFollower, Role::kPreCandidate,
                                         Role::kCandidate, Role::kLeader),
                         [](const auto& info) { return RoleName(info.param); });

// §5.1: "If one server's current term is smaller than the other's, then it
// updates its current term to the larger value. If a candidate or leader
// discovers that its term is out of date, it immediately reverts to follower
// state."
TEST_P(EveryRoleTest, AHigherTermIsTakenOver) {
  const std::vector<MessageBody> bodies = {EmptyAppend(),
                                           Heartbeat{},
                                           AppendReply{},
                                           HeartbeatReply{},
                                           VoteReply{.granted = false},
                                           VoteReply{.pre_vote = true}};
  for (const MessageBody& body : bodies) {
    TestMember member(Options(1), kThree);
    BringTo(member, GetParam());
    member.Step(MakeMessage(2, 1, 9, body));
    EXPECT_EQ(member.raft().term(), Term(9));
    EXPECT_EQ(member.raft().role(), Role::kFollower);
    EXPECT_EQ(member.raft().Status().vote, kNobody);
  }
}

// §5.1: "If a server receives a request with a stale term number, it rejects
// the request." The refusal carries the current term.
TEST_P(EveryRoleTest, AStaleRequestIsRefused) {
  TestMember member(Options(1), kThree);
  BringTo(member, GetParam());
  member.Step(MakeMessage(2, 1, 9, HeartbeatReply{}));
  member.Settle();
  member.TakeOutbox();
  AppendRequest append = EmptyAppend();
  append.entries = {MakeEntry(2, 3, "stale")};
  const Index last = member.raft().last_index();
  member.Step(MakeMessage(3, 1, 8, append));
  member.Step(MakeMessage(3, 1, 8, Request(100, 8)));
  member.Step(MakeMessage(3, 1, 8, Heartbeat{.commit = Index(1)}));
  member.Settle();
  EXPECT_EQ(member.raft().last_index(), last);
  EXPECT_EQ(member.raft().leader(), kNobody);
  const std::vector<Message> replies = member.TakeOutbox();
  ASSERT_EQ(replies.size(), 3u);
  for (const Message& reply : replies) {
    EXPECT_EQ(reply.term, Term(9));
    EXPECT_EQ(reply.to, MemberId(3));
    if (const auto* vote = std::get_if<VoteReply>(&reply.body)) {
      EXPECT_FALSE(vote->granted);
    }
    if (const auto* append_reply = std::get_if<AppendReply>(&reply.body)) {
      EXPECT_FALSE(append_reply->accepted);
    }
  }
}

// §5.1: replies of an earlier term are without meaning.
TEST_P(EveryRoleTest, AStaleReplyIsIgnored) {
  TestMember member(Options(1), kThree);
  BringTo(member, GetParam());
  const RaftStatus before = member.raft().Status();
  for (const MessageBody& body : std::vector<MessageBody>{
           Granted(), AppendReply{.accepted = true, .match = Index(1)},
           HeartbeatReply{}}) {
    member.Step(MakeMessage(3, 1, 1, body));
  }
  member.Settle();
  const RaftStatus after = member.raft().Status();
  EXPECT_EQ(after.role, before.role);
  EXPECT_EQ(after.commit, before.commit);
  EXPECT_TRUE(member.TakeOutbox().empty());
}

// §5.2: "When servers start up, they begin as followers."
TEST(ElectionPaperTest, AMemberStartsAsFollower) {
  TestMember member(Options(1), kThree);
  EXPECT_EQ(member.raft().role(), Role::kFollower);
  EXPECT_EQ(member.raft().leader(), kNobody);
}

// §5.2: "A server remains in follower state as long as it receives valid RPCs
// from a leader."
TEST(ElectionPaperTest, AFollowerStaysAsLongAsItHearsALeader) {
  TestMember member(Options(1), kThree);
  for (int i = 0; i < 100; ++i) {
    member.Step(MakeMessage(2, 1, 2, Heartbeat{}));
    member.Tick(9);
    ASSERT_EQ(member.raft().role(), Role::kFollower);
  }
}

// §5.2: "Leaders send periodic heartbeats (AppendEntries RPCs that carry no
// log entries) to all followers in order to maintain their authority."
TEST(ElectionPaperTest, ALeaderSendsHeartbeats) {
  TestMember member(Options(1), kThree);
  BringTo(member, Role::kLeader);
  member.Tick();
  member.Settle();
  EXPECT_TRUE(member.Take<Heartbeat>().empty());
  member.Tick();
  member.Settle();
  const std::vector<Message> heartbeats = member.Take<Heartbeat>();
  ASSERT_EQ(heartbeats.size(), 2u);
  EXPECT_EQ(heartbeats[0].to, MemberId(2));
  EXPECT_EQ(heartbeats[1].to, MemberId(3));
}

// §5.2: "If a follower receives no communication over a period of time called
// the election timeout, then it assumes there is no viable leader and begins
// an election ... a follower increments its current term and transitions to
// candidate state. It then votes for itself and issues RequestVote RPCs in
// parallel to each of the other servers." PreVote stands before it.
TEST(ElectionPaperTest, AFollowerThatHearsNobodyCampaigns) {
  TestMember member(Options(1), kThree);
  member.Tick(20);
  member.Settle();
  EXPECT_EQ(member.raft().role(), Role::kPreCandidate);
  member.TakeOutbox();
  member.Step(MakeMessage(2, 1, 2, Granted(/*pre_vote=*/true)));
  EXPECT_EQ(member.raft().role(), Role::kCandidate);
  EXPECT_EQ(member.raft().term(), Term(2));
  EXPECT_EQ(member.raft().Status().vote, MemberId(1));
  member.Settle();
  const std::vector<Message> requests = member.Take<VoteRequest>();
  ASSERT_EQ(requests.size(), 2u);
  for (const Message& message : requests) {
    EXPECT_EQ(message.term, Term(2));
    const auto& request = std::get<VoteRequest>(message.body);
    EXPECT_FALSE(request.pre_vote);
    EXPECT_EQ(request.last_index, Index(1));
    EXPECT_EQ(request.last_term, Term(1));
  }
}

// §5.2: "A candidate wins an election if it receives votes from a majority of
// the servers in the full cluster for the same term." Refusals of a majority
// end it.
TEST(ElectionPaperTest, AMajorityOfVotesDecides) {
  struct Case {
    std::vector<uint64_t> voters;
    std::map<uint64_t, bool> votes;
    Role role;
  };

  const std::vector<uint64_t> five = {1, 2, 3, 4, 5};
  const std::vector<Case> cases = {
      {{1}, {}, Role::kLeader},
      {kThree, {{2, true}, {3, true}}, Role::kLeader},
      {kThree, {{2, true}}, Role::kLeader},
      {kThree, {}, Role::kCandidate},
      {kThree, {{2, false}}, Role::kCandidate},
      {kThree, {{2, false}, {3, false}}, Role::kFollower},
      {five, {{2, true}, {3, true}}, Role::kLeader},
      {five, {{2, true}, {3, false}, {4, false}}, Role::kCandidate},
      {five, {{2, false}, {3, false}, {4, false}}, Role::kFollower},
      {five, {{2, true}}, Role::kCandidate},
      // A vote from outside does not count.
      {kThree, {{7, true}, {8, true}}, Role::kCandidate},
  };
  for (const Case& c : cases) {
    TestMember member(Options(1), c.voters);
    member.Campaign();
    for (const uint64_t voter : c.voters) {
      if (voter == 1) continue;
      member.Step(MakeMessage(voter, 1, 2, Granted(/*pre_vote=*/true)));
    }
    for (const auto& [voter, granted] : c.votes) {
      member.Step(MakeMessage(voter, 1, 2, VoteReply{.granted = granted}));
    }
    member.Settle();
    EXPECT_EQ(member.raft().role(), c.role);
    EXPECT_EQ(member.raft().term(), Term(2));
  }
}

// §5.2: a vote counts once, and the first answer stands.
TEST(ElectionPaperTest, ARepeatedVoteCountsOnce) {
  TestMember member(Options(1), {1, 2, 3, 4, 5});
  member.Campaign();
  for (int i = 0; i < 3; ++i) {
    member.Step(MakeMessage(2, 1, 2, Granted(/*pre_vote=*/true)));
  }
  EXPECT_EQ(member.raft().role(), Role::kPreCandidate);
  member.Step(MakeMessage(3, 1, 2, Granted(/*pre_vote=*/true)));
  for (int i = 0; i < 3; ++i)
    member.Step(MakeMessage(2, 1, 2, Granted()));
  member.Settle();
  EXPECT_EQ(member.raft().role(), Role::kCandidate);
}

// §5.2: "Each server will vote for at most one candidate in a given term, on a
// first-come-first-served basis."
TEST(ElectionPaperTest, OneVoteATerm) {
  TestMember member(Options(1), kThree);
  member.Step(MakeMessage(2, 1, 2, Request(1, 1)));
  member.Step(MakeMessage(3, 1, 2, Request(9, 1)));
  member.Step(MakeMessage(2, 1, 2, Request(1, 1)));  // Repeated.
  member.Settle();
  const std::vector<Message> replies = member.Take<VoteReply>();
  ASSERT_EQ(replies.size(), 3u);
  EXPECT_TRUE(std::get<VoteReply>(replies[0].body).granted);
  EXPECT_FALSE(std::get<VoteReply>(replies[1].body).granted);
  EXPECT_TRUE(std::get<VoteReply>(replies[2].body).granted);
}

// §5.2 with pitfall 2: a candidate that steps down within its term has voted,
// for itself.
TEST(ElectionPaperTest, AFormerCandidateDoesNotVoteTwice) {
  TestMember member(Options(1), kThree);
  BringTo(member, Role::kCandidate);
  for (const uint64_t from : {2, 3}) {
    member.Step(MakeMessage(from, 1, 2, VoteReply{.granted = false}));
  }
  ASSERT_EQ(member.raft().role(), Role::kFollower);
  member.Step(MakeMessage(2, 1, 2, Request(9, 1)));
  member.Settle();
  const std::vector<Message> replies = member.Take<VoteReply>();
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_FALSE(std::get<VoteReply>(replies[0].body).granted);
  EXPECT_EQ(member.raft().Status().vote, MemberId(1));
}

// Figure 2: votedFor is persistent state.
TEST(ElectionPaperTest, AVoteSurvivesACrash) {
  TestMember member(Options(1), kThree);
  member.Step(MakeMessage(2, 1, 2, Request(1, 1)));
  member.Settle();
  member.Crash();
  EXPECT_EQ(member.raft().term(), Term(2));
  member.Step(MakeMessage(3, 1, 2, Request(1, 1)));
  member.Step(MakeMessage(2, 1, 2, Request(1, 1)));
  member.Settle();
  const std::vector<Message> replies = member.Take<VoteReply>();
  ASSERT_EQ(replies.size(), 2u);
  EXPECT_FALSE(std::get<VoteReply>(replies[0].body).granted);
  EXPECT_TRUE(std::get<VoteReply>(replies[1].body).granted);
}

// §5.2: "While waiting for votes, a candidate may receive an AppendEntries RPC
// from another server claiming to be leader. If the leader's term is at least
// as large as the candidate's current term, then the candidate recognizes the
// leader as legitimate and returns to follower state."
TEST(ElectionPaperTest, ACandidateRecognisesALeader) {
  for (const Role role : {Role::kPreCandidate, Role::kCandidate}) {
    for (const uint64_t ahead : {0, 1}) {
      for (const MessageBody& body :
           {MessageBody(EmptyAppend()), MessageBody(Heartbeat{})}) {
        TestMember member(Options(1), kThree);
        BringTo(member, role);
        const uint64_t term = member.raft().term().value() + ahead;
        member.Step(MakeMessage(3, 1, term, body));
        EXPECT_EQ(member.raft().role(), Role::kFollower);
        EXPECT_EQ(member.raft().leader(), MemberId(3));
        EXPECT_EQ(member.raft().term(), Term(term));
      }
    }
  }
}

// §5.2: "when this happens, each candidate will time out and start a new
// election".
TEST(ElectionPaperTest, ASplitVoteIsTriedAgain) {
  TestMember member(Options(1), kThree);
  BringTo(member, Role::kCandidate);
  member.Tick(20);
  EXPECT_EQ(member.raft().role(), Role::kPreCandidate);
  member.Step(MakeMessage(2, 1, 3, Granted(/*pre_vote=*/true)));
  EXPECT_EQ(member.raft().role(), Role::kCandidate);
  EXPECT_EQ(member.raft().term(), Term(3));
}

// §5.2: "Raft uses randomized election timeouts to ensure that split votes are
// rare". Ours are election_ticks + 1 + rand(election_ticks), and each try
// draws anew.
TEST(ElectionPaperTest, TimeoutsAreSpread) {
  std::set<int> of_first_try;
  std::set<int> of_later_tries;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    TestMember member(Options(1, seed), kThree);
    for (int attempt = 0; attempt < 3; ++attempt) {
      int ticks = 0;
      member.TakeOutbox();
      do {
        member.Tick();
        member.Settle();
        ++ticks;
      } while (member.Take<VoteRequest>().empty());
      (attempt == 0 ? of_first_try : of_later_tries).insert(ticks);
    }
  }
  const std::set<int> expected = {11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
  EXPECT_EQ(of_first_try, expected);
  EXPECT_EQ(of_later_tries, expected);
}

// §5.2: so split votes are rare, and a leader is found soon.
TEST(ElectionPaperTest, AClusterFindsALeaderSoon) {
  for (uint64_t size : {1, 2, 3, 5, 7}) {
    TestCluster cluster(size);
    EXPECT_NE(cluster.AwaitLeader(), 0u) << size;
  }
}

// §5.4.1: "If the logs have last entries with different terms, then the log
// with the later term is more up-to-date. If the logs end with the same term,
// then whichever log is longer is more up-to-date."
TEST(ElectionPaperTest, AVoterRefusesAStaleLog) {
  // The voter's log ends with the terms below behind the first entry (1).
  const std::vector<std::tuple<std::vector<uint64_t>, uint64_t, uint64_t, bool>>
      cases = {
          // Same last term.
          {{1, 1}, 3, 1, true},
          {{1, 1}, 4, 1, true},
          {{1, 1}, 2, 1, false},
          // The candidate's last term is later.
          {{1, 1}, 2, 2, true},
          {{1, 1}, 3, 2, true},
          {{1, 1}, 9, 2, true},
          // The voter's last term is later.
          {{1, 2}, 2, 1, false},
          {{1, 2}, 3, 1, false},
          {{1, 2}, 9, 1, false},
          // Nothing at all.
          {{}, 0, 0, false},
          {{}, 1, 1, true},
      };
  for (const auto& [terms, last_index, last_term, granted] : cases) {
    for (const bool pre_vote : {true, false}) {
      MemoryLog disk(TestConfiguration(kThree));
      disk.AppendTerms(terms);
      TestMember member(Options(1), disk);
      member.Step(
          MakeMessage(2, 1, 5, Request(last_index, last_term, pre_vote)));
      member.Settle();
      const std::vector<Message> replies = member.Take<VoteReply>();
      ASSERT_EQ(replies.size(), 1u);
      EXPECT_EQ(std::get<VoteReply>(replies[0].body).granted, granted)
          << terms.size() << " " << last_index << "." << last_term;
    }
  }
}

// §5.2, Election Safety: a second leader of a term is not believed.
TEST(ElectionPaperTest, ASecondLeaderOfATermIsNotBelieved) {
  TestMember member(Options(1), kThree);
  BringTo(member, Role::kLeader);
  member.Step(MakeMessage(2, 1, member.raft().term().value(), EmptyAppend()));
  EXPECT_EQ(member.raft().role(), Role::kLeader);
  TestMember follower(Options(1), kThree);
  follower.Step(MakeMessage(2, 1, 2, EmptyAppend()));
  follower.Step(MakeMessage(3, 1, 2, EmptyAppend()));
  EXPECT_EQ(follower.raft().leader(), MemberId(2));
}

// Messages for someone else, from oneself or from nobody are ignored.
TEST(ElectionPaperTest, MessagesWithoutSenseAreIgnored) {
  TestMember member(Options(1), kThree);
  for (const Message& message :
       {MakeMessage(2, 3, 9, Heartbeat{}), MakeMessage(1, 1, 9, Heartbeat{}),
        MakeMessage(0, 1, 9, Heartbeat{}), MakeMessage(2, 1, 0, Heartbeat{}),
        MakeMessage(2, 1, UINT64_MAX, Heartbeat{}),
        MakeMessage(2, 1, UINT64_MAX, Request(9, 9)),
        MakeMessage(2, 1, UINT64_MAX,
                    VoteReply{.pre_vote = true, .granted = true})}) {
    member.Step(message);
  }
  EXPECT_EQ(member.raft().term(), Term(1));
  EXPECT_FALSE(member.raft().HasReady());
}

}  // namespace
}  // namespace quorate::raft
